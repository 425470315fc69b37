"""Who has had to do with whom, as other services told, and what a round was asked to do besides."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE ties (
          community_id uuid NOT NULL,
          one_id       uuid NOT NULL,
          other_id     uuid NOT NULL,
          last_at      timestamptz NOT NULL,
          PRIMARY KEY (community_id, one_id, other_id)
        )
    """)
    protect("ties", column="community_id")
    op.execute("ALTER TABLE introduction_rounds ADD COLUMN options jsonb NOT NULL DEFAULT '{}'")
