"""Who has left, and what binds members now: pairings and memberships, as they stand."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE members ADD COLUMN left_at timestamptz")
    op.execute("""
        CREATE TABLE bonds (
          community_id uuid NOT NULL,
          bond_id      uuid NOT NULL,
          member_id    uuid NOT NULL,
          state        text NOT NULL CHECK (state IN ('proposed', 'accepted', 'in_group', 'over')),
          sequence     bigint NOT NULL,
          PRIMARY KEY (community_id, bond_id, member_id)
        )
    """)
    protect("bonds", column="community_id")
