"""Who blocked or reported whom, who has left, what was recognised of each thing and between which two."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE barriers (
  community_id uuid NOT NULL,
  one_id       uuid NOT NULL,
  other_id     uuid NOT NULL,
  source       text NOT NULL CHECK (source IN ('block', 'report')),
  raised_by    uuid NOT NULL,
  sequence     bigint NOT NULL,
  lifted       boolean NOT NULL,
  PRIMARY KEY (community_id, one_id, other_id, source, raised_by),
  CHECK (one_id < other_id)
);
CREATE TABLE departures (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  left_at      timestamptz NOT NULL,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE recognized (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  kind         text NOT NULL,
  thing_id     uuid NOT NULL,
  PRIMARY KEY (community_id, member_id, kind, thing_id)
);
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect("barriers", "departures", "recognized", column="community_id")
    op.execute("ALTER TABLE kudos ADD COLUMN held boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE ledger_entries ADD COLUMN other_id uuid")
