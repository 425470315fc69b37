"""The badges of a member are found without reading those of all."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # By itself: badges are awarded while the index is built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        # The linter is shown all migrations as one transaction; this one is not part of it.
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS awards_of_member"
            " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
            " ON badge_awards (community_id, member_id, id)"
        )
