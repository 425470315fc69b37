"""Members can leave, or be removed."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE members ADD COLUMN left_at timestamptz")
