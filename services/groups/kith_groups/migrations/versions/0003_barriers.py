"""Who avoids or has reported whom, as identity tells."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
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
        )
    """)
    protect("barriers", column="community_id")
