"""A run that failed says which of its wishes cannot be met together."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("ALTER TABLE match_runs ADD COLUMN conflicts jsonb NOT NULL DEFAULT '[]'")
