"""A member's open invitations are found: a new one ends those of before."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # By itself: invitations are written while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS open_invitations"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON invitations (community_id, member_id) WHERE redeemed_at IS NULL"
        )
