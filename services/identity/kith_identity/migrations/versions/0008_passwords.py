"""Passwords can be changed: who signed in before is known by when they did."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN password_changed_at timestamptz")
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN signed_in_at timestamptz")
