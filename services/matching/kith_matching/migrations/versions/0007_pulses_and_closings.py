"""How both sides say it goes, how a pairing is closed, what one says of the other in public, and who is first next."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE pulses (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  member_id    uuid NOT NULL,
  asked_at     timestamptz NOT NULL DEFAULT now(),
  answered_at  timestamptz,
  rating       bigint CHECK (rating >= 1 AND rating <= 5),
  wants_help   boolean,
  note         text
);
CREATE UNIQUE INDEX one_open_pulse ON pulses (pairing_id, member_id) WHERE answered_at IS NULL;
CREATE INDEX pulses_of_member ON pulses (community_id, member_id, id);
CREATE TABLE closing_surveys (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  member_id    uuid NOT NULL,
  rating       bigint NOT NULL CHECK (rating >= 1 AND rating <= 5),
  goals_met    boolean NOT NULL,
  note         text NOT NULL,
  answered_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_closing_survey ON closing_surveys (pairing_id, member_id);
CREATE TABLE testimonials (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  author_id    uuid NOT NULL,
  subject_id   uuid NOT NULL,
  body         text NOT NULL,
  written_at   timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  withdrawn_at timestamptz
);
CREATE UNIQUE INDEX one_testimonial ON testimonials (pairing_id, author_id) WHERE withdrawn_at IS NULL;
CREATE INDEX testimonials_of_member ON testimonials (community_id, subject_id, id)
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement)
    protect("pulses", "closing_surveys", "testimonials", column="community_id")
    op.execute("ALTER TABLE contacts ADD COLUMN pulse_at timestamptz")
    op.execute("CREATE INDEX contacts_pulse ON contacts (pulse_at)")
    op.execute("UPDATE contacts SET pulse_at = now() + interval '28 days'")
    op.execute("ALTER TABLE enrollments ADD COLUMN priority bigint NOT NULL DEFAULT 0")
