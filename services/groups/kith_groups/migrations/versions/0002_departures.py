"""Who has left the community, and whether their memberships are ended."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in ("left_at", "parted_at"):
        op.execute(f"ALTER TABLE participants ADD COLUMN IF NOT EXISTS {column} timestamptz")
    # By itself: profiles are written while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS participants_leaving"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON participants (left_at, member_id) WHERE left_at IS NOT NULL AND parted_at IS NULL"
        )
