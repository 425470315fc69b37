"""Until when somebody pauses."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("ALTER TABLE enrollments ADD COLUMN IF NOT EXISTS paused_until date")
    # By itself: members enroll while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS enrollments_coming_back"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON enrollments (paused_until) WHERE paused_until IS NOT NULL"
        )
