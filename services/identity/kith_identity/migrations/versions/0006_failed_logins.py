"""Wrong passwords are counted by address."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE failed_logins (
          address_digest bytea PRIMARY KEY,
          failures       bigint NOT NULL,
          failed_at      timestamptz NOT NULL
        )
    """)
