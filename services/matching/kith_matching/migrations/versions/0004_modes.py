"""What a match run is to make best; the runs of before were for the best total."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE match_runs ADD COLUMN mode text NOT NULL DEFAULT 'best_total'")
