"""Members block and report each other; who granted a role is kept."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE blocks (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL REFERENCES communities (id),
  member_id    uuid NOT NULL REFERENCES members (id),
  blocked_id   uuid NOT NULL REFERENCES members (id),
  blocked_at   timestamptz NOT NULL DEFAULT now(),
  CHECK (member_id <> blocked_id)
);
CREATE UNIQUE INDEX one_block ON blocks (community_id, member_id, blocked_id);
CREATE TABLE member_reports (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL REFERENCES communities (id),
  reporter_id  uuid NOT NULL REFERENCES members (id),
  reported_id  uuid NOT NULL REFERENCES members (id),
  reason       text NOT NULL,
  body         text NOT NULL,
  context      text,
  status       text NOT NULL CHECK (status IN ('open', 'resolved')),
  reported_at  timestamptz NOT NULL DEFAULT now(),
  resolved_at  timestamptz,
  resolved_by  uuid,
  note         text,
  CHECK (reporter_id <> reported_id)
);
CREATE UNIQUE INDEX one_open_report ON member_reports (community_id, reporter_id, reported_id) WHERE status = 'open';
CREATE INDEX member_reports_listing ON member_reports (community_id, id);
CREATE INDEX member_reports_of_reporter ON member_reports (community_id, reporter_id, id);
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect("blocks", "member_reports", column="community_id")
    op.execute("ALTER TABLE role_grants ADD COLUMN granted_by uuid, ADD COLUMN ended_by uuid")
