"""The weights and rules a match run was solved with, so that runs can be compared after they changed."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("ALTER TABLE match_runs ADD COLUMN IF NOT EXISTS settings jsonb")
