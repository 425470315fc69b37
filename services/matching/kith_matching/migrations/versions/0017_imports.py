"""What a list said of an enrollment, a pairing of before and how it was; what participants want to reach."""

from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE enrollments ADD COLUMN goals text[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE enrollments ADD COLUMN import_digest bytea")
    op.execute("ALTER TABLE pairings ADD COLUMN import_digest bytea")
    op.execute("ALTER TABLE closing_surveys ADD COLUMN imported boolean NOT NULL DEFAULT false")
