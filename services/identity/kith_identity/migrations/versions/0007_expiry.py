"""Refresh tokens are found by who holds them, and when they have expired."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # By itself: tokens are written while the indexes are built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS open_refresh_tokens"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON refresh_tokens (community_id, member_id) WHERE revoked_at IS NULL"
        )
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS refresh_tokens_expiry"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON refresh_tokens (expires_at)"
        )
