"""Programs that pair newcomers by themselves, and who joined when."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE programs ADD COLUMN IF NOT EXISTS automatic_pairing boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE programs ADD COLUMN IF NOT EXISTS newcomers_since timestamptz")
    op.execute("ALTER TABLE participants ADD COLUMN IF NOT EXISTS joined_at timestamptz")
    op.execute("ALTER TABLE participants ADD COLUMN IF NOT EXISTS greeted boolean NOT NULL DEFAULT false")
    # By itself: participants are written while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS participants_to_greet"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON participants (community_id, member_id) WHERE joined_at IS NOT NULL AND NOT greeted"
        )
