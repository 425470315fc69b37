"""Communities, accounts, members, roles, tokens, invitations, onboarding."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE communities (
  id         uuid PRIMARY KEY,
  slug       text NOT NULL UNIQUE,
  name       text NOT NULL,
  mission    text NOT NULL,
  founded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE accounts (
  id            uuid PRIMARY KEY,
  email         text NOT NULL UNIQUE,
  password_hash text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE members (
  id               uuid PRIMARY KEY,
  community_id     uuid NOT NULL REFERENCES communities (id),
  account_id       uuid REFERENCES accounts (id),
  external_id      text,
  address          text,
  display_name     text NOT NULL,
  bio              text NOT NULL DEFAULT '',
  skills_offered   jsonb NOT NULL DEFAULT '[]',
  skills_wanted    jsonb NOT NULL DEFAULT '[]',
  interests        text[] NOT NULL DEFAULT '{}',
  goals            text[] NOT NULL DEFAULT '{}',
  languages        text[] NOT NULL DEFAULT '{}',
  links            text[] NOT NULL DEFAULT '{}',
  experience_years double precision CHECK (experience_years >= 0),
  weekly_hours     double precision CHECK (weekly_hours >= 0 AND weekly_hours <= 168),
  time_zone        text,
  availability     jsonb NOT NULL DEFAULT '[]',
  availability_exceptions jsonb NOT NULL DEFAULT '[]',
  visibility       jsonb NOT NULL DEFAULT '{}',
  import_digest    bytea,
  joined_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX members_community_id_account_id_key ON members (community_id, account_id);
CREATE UNIQUE INDEX members_community_id_external_id_key ON members (community_id, external_id);
CREATE UNIQUE INDEX members_community_id_address_key ON members (community_id, address);
CREATE INDEX members_listing ON members (community_id, id);
CREATE TABLE role_grants (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL REFERENCES communities (id),
  member_id    uuid NOT NULL REFERENCES members (id),
  role         text NOT NULL,
  granted_at   timestamptz NOT NULL DEFAULT now(),
  ended_at     timestamptz
);
CREATE UNIQUE INDEX one_open_grant ON role_grants (community_id, member_id, role) WHERE ended_at IS NULL;
CREATE TABLE refresh_tokens (
  digest       bytea PRIMARY KEY,
  community_id uuid NOT NULL REFERENCES communities (id),
  member_id    uuid NOT NULL REFERENCES members (id),
  family_id    uuid NOT NULL,
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  revoked_at   timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (community_id, family_id);
CREATE TABLE invitations (
  digest       bytea PRIMARY KEY,
  community_id uuid NOT NULL REFERENCES communities (id),
  member_id    uuid NOT NULL REFERENCES members (id),
  invited_by   uuid NOT NULL,
  expires_at   timestamptz NOT NULL,
  redeemed_at  timestamptz
);
CREATE TABLE micro_tasks (
  community_id uuid NOT NULL REFERENCES communities (id),
  key          text NOT NULL,
  title        text NOT NULL,
  position     bigint NOT NULL,
  PRIMARY KEY (community_id, key)
);
CREATE TABLE micro_task_completions (
  community_id uuid NOT NULL REFERENCES communities (id),
  member_id    uuid NOT NULL REFERENCES members (id),
  task_key     text NOT NULL,
  completed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (community_id, member_id, task_key)
);
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "members",
        "role_grants",
        "refresh_tokens",
        "invitations",
        "micro_tasks",
        "micro_task_completions",
        column="community_id",
    )
