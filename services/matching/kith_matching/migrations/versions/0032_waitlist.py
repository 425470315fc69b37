"""Requests wait in line; programs that would keep somebody waiting too long take nobody in."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("ALTER TABLE programs ADD COLUMN IF NOT EXISTS longest_wait_weeks bigint")
    # Each statement by itself: requests are written while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_waiting_request_of_asker"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON requests (community_id, program_id, asked_by) WHERE status IN ('pending', 'waitlisted')"
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS one_open_request_of_asker")
