"""Either side asks, with next choices; pairings brought from outside; when a program takes enrollments."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE requests ADD COLUMN IF NOT EXISTS asked_by uuid")
    op.execute("ALTER TABLE requests ADD COLUMN IF NOT EXISTS choices text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE pairings ADD COLUMN IF NOT EXISTS private boolean NOT NULL DEFAULT false")
    for column in ("enroll_from", "enroll_until"):
        op.execute(f"ALTER TABLE programs ADD COLUMN IF NOT EXISTS {column} timestamptz")
    op.execute("UPDATE requests SET asked_by = mentee_id WHERE asked_by IS NULL")
    # Each statement by itself: requests are written while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_open_request_of_asker"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON requests (community_id, program_id, asked_by) WHERE status = 'pending'"
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS one_open_request")
