"""Since when nothing reaches an endpoint; indexes for what is forgotten."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE webhook_endpoints ADD COLUMN IF NOT EXISTS failing_since timestamptz")
    # By themselves: deliveries go on while the indexes are built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; these are not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_over"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON deliveries (attempted_at) WHERE status <> 'pending'"
        )
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS outgoing_events_stored"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON outgoing_events (stored_at)"
        )
