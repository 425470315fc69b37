"""Participants, groups, memberships, sessions, RSVPs, attendance, spaces, threads, posts."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE participants (
  community_id     uuid NOT NULL,
  member_id        uuid NOT NULL,
  joined_at        timestamptz,
  languages        text[] NOT NULL DEFAULT '{}',
  interests        text[] NOT NULL DEFAULT '{}',
  experience_years double precision,
  time_zone        text,
  sequence         bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE groups (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  kind         text NOT NULL,
  name         text NOT NULL,
  purpose      text NOT NULL DEFAULT '',
  smallest     bigint NOT NULL,
  largest      bigint NOT NULL,
  formation_id uuid,
  reasons      jsonb NOT NULL,
  formed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX groups_listing ON groups (community_id, id);
CREATE TABLE memberships (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  group_id     uuid NOT NULL REFERENCES groups (id),
  member_id    uuid NOT NULL,
  kind         text NOT NULL,
  role         text NOT NULL,
  since        timestamptz NOT NULL DEFAULT now(),
  until        timestamptz
);
CREATE UNIQUE INDEX one_group_of_a_kind ON memberships (community_id, member_id, kind) WHERE until IS NULL;
CREATE INDEX memberships_of_group ON memberships (community_id, group_id);
CREATE TABLE sessions (
  id                     uuid PRIMARY KEY,
  community_id           uuid NOT NULL,
  group_id               uuid NOT NULL REFERENCES groups (id),
  title                  text NOT NULL,
  starts_at              timestamptz NOT NULL,
  time_zone              text NOT NULL,
  minutes                bigint NOT NULL CHECK (minutes > 0),
  mode                   text NOT NULL,
  capacity               bigint,
  scheduled_at           timestamptz NOT NULL DEFAULT now(),
  attendance_recorded_at timestamptz
);
CREATE INDEX sessions_of_group ON sessions (community_id, group_id, starts_at);
CREATE TABLE rsvps (
  session_id   uuid NOT NULL REFERENCES sessions (id),
  member_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  answer       text NOT NULL,
  place        uuid NOT NULL,
  answered_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (session_id, member_id)
);
CREATE TABLE attendance (
  session_id   uuid NOT NULL REFERENCES sessions (id),
  member_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  present      boolean NOT NULL,
  no_show      boolean NOT NULL,
  PRIMARY KEY (session_id, member_id)
);
CREATE TABLE spaces (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  key          text NOT NULL,
  name         text NOT NULL
);
CREATE UNIQUE INDEX one_space_per_key ON spaces (community_id, key);
CREATE TABLE threads (
  id               uuid PRIMARY KEY,
  community_id     uuid NOT NULL,
  space_id         uuid NOT NULL REFERENCES spaces (id),
  author_id        uuid NOT NULL,
  kind             text NOT NULL,
  title            text NOT NULL,
  accepted_post_id uuid,
  opened_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX threads_of_space ON threads (community_id, space_id, id);
CREATE TABLE posts (
  id               uuid PRIMARY KEY,
  community_id     uuid NOT NULL,
  thread_id        uuid NOT NULL REFERENCES threads (id),
  author_id        uuid NOT NULL,
  reply_to_post_id uuid REFERENCES posts (id),
  body             text NOT NULL,
  written_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX posts_of_thread ON posts (community_id, thread_id, id);
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "participants",
        "groups",
        "memberships",
        "sessions",
        "rsvps",
        "attendance",
        "spaces",
        "threads",
        "posts",
        column="community_id",
    )
