"""Points and badges of a member are found without reading the ledger through."""

from alembic import op

revision = "0003"
down_revision = "0002"

INDEXES = {
    "ledger_of_member": "ledger_entries (community_id, member_id) INCLUDE (points)",
    "awards_of_member": "badge_awards (community_id, member_id, id)",
}


def upgrade() -> None:
    # By themselves: points are entered while the indexes are built. Doing it again changes nothing.
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # The linter is shown all migrations as one transaction; this one is not part of it.
            op.execute(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name}"
                " -- squawk-ignore ban-concurrent-index-creation-in-transaction\n"
                f" ON {columns}"
            )
