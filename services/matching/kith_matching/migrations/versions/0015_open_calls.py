"""Calls for mentors, who is asked by them, and who was thanked by whom."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0015"
down_revision = "0014"

TABLES = """
CREATE TABLE open_calls (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  status       text NOT NULL,
  places       bigint NOT NULL CHECK (places >= 1 AND places <= 1000),
  filled       bigint NOT NULL DEFAULT 0,
  opened_by    uuid,
  opened_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  closed_at    timestamptz
);
CREATE UNIQUE INDEX one_open_call ON open_calls (community_id, program_id) WHERE status = 'open';
CREATE INDEX open_calls_listing ON open_calls (community_id, program_id, id);
CREATE TABLE call_invitations (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  call_id      uuid NOT NULL REFERENCES open_calls (id),
  program_id   uuid NOT NULL REFERENCES programs (id),
  member_id    uuid NOT NULL,
  status       text NOT NULL,
  skills       text[] NOT NULL,
  people       bigint NOT NULL,
  max_pairings bigint,
  asked_at     timestamptz NOT NULL,
  settled_at   timestamptz
);
CREATE UNIQUE INDEX one_invitation_per_call ON call_invitations (call_id, member_id);
CREATE INDEX call_invitations_of_member ON call_invitations (community_id, member_id, id);
CREATE TABLE last_calls (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  asked_at     timestamptz NOT NULL,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE thanks (
  community_id uuid NOT NULL,
  helper_id    uuid NOT NULL,
  helped_id    uuid NOT NULL,
  last_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, helper_id, helped_id)
);
"""


def upgrade() -> None:
    op.execute("ALTER TABLE programs ADD COLUMN automatic_calls boolean NOT NULL DEFAULT false")
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect("open_calls", "call_invitations", "last_calls", "thanks", column="community_id")
