"""The secret before this one, and until when it still signs."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE webhook_endpoints ADD COLUMN IF NOT EXISTS previous_secret text")
    op.execute("ALTER TABLE webhook_endpoints ADD COLUMN IF NOT EXISTS previous_until timestamptz")
