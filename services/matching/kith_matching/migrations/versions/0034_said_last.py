"""Of blocks and reports what was said last holds; contact knows when somebody came back from a pause."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE barriers
          ADD COLUMN sequence bigint NOT NULL DEFAULT 0,
          ADD COLUMN lifted boolean NOT NULL DEFAULT false
    """)
    op.execute("ALTER TABLE contacts ADD COLUMN resumed_at timestamptz")
