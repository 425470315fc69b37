"""Nobody is paired with, or asks, themselves: every row that is written from here on is checked."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("pairings", "requests"):
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_two_people_check CHECK (mentor_id <> mentee_id) NOT VALID"
        )
