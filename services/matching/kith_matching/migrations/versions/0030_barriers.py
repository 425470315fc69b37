"""Who avoids or has reported whom, as identity tells, and requests that reach nobody because of it."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0030"
down_revision = "0023"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE barriers (
          community_id uuid NOT NULL,
          one_id       uuid NOT NULL,
          other_id     uuid NOT NULL,
          source       text NOT NULL CHECK (source IN ('block', 'report')),
          raised_by    uuid NOT NULL,
          raised_at    timestamptz NOT NULL,
          parted       boolean NOT NULL DEFAULT false,
          PRIMARY KEY (community_id, one_id, other_id, source, raised_by),
          CHECK (one_id < other_id)
        )
    """)
    op.execute("CREATE INDEX barriers_to_part ON barriers (raised_at) WHERE NOT parted")
    protect("barriers", column="community_id")
    op.execute("ALTER TABLE requests ADD COLUMN held boolean NOT NULL DEFAULT false")
