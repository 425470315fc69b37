"""Rounds of introductions, when they are due, and who is kept apart."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE introduction_schedules (
  program_id   uuid PRIMARY KEY REFERENCES programs (id),
  community_id uuid NOT NULL,
  every        text NOT NULL,
  starts_on    date NOT NULL,
  at           time NOT NULL,
  time_zone    text NOT NULL,
  trios        boolean NOT NULL,
  automatic    boolean NOT NULL,
  next_number  bigint NOT NULL,
  next_at      timestamptz NOT NULL
);
CREATE INDEX introduction_schedules_due ON introduction_schedules (next_at);
CREATE TABLE introduction_rounds (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  number       bigint NOT NULL,
  status       text NOT NULL,
  form         text NOT NULL,
  seed         bigint NOT NULL,
  trios        boolean NOT NULL,
  automatic    boolean NOT NULL,
  due_at       timestamptz,
  certificate  jsonb,
  failure      text,
  attempts     bigint NOT NULL DEFAULT 0,
  lease_until  timestamptz,
  requested_by uuid,
  requested_at timestamptz NOT NULL DEFAULT now(),
  solved_at    timestamptz,
  published_at timestamptz
);
CREATE UNIQUE INDEX one_number_per_round ON introduction_rounds (community_id, program_id, number);
CREATE UNIQUE INDEX one_open_round ON introduction_rounds (community_id, program_id)
  WHERE status IN ('queued', 'solving', 'solved');
CREATE TABLE introductions (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  round_id     uuid NOT NULL REFERENCES introduction_rounds (id),
  status       text NOT NULL,
  members      uuid[] NOT NULL CHECK (cardinality(members) >= 2 AND cardinality(members) <= 4),
  score        double precision NOT NULL,
  reasons      jsonb NOT NULL,
  made_at      timestamptz
);
CREATE INDEX introductions_of_round ON introductions (community_id, round_id, id);
CREATE INDEX introductions_of_program ON introductions (community_id, program_id) WHERE status = 'made';
CREATE INDEX introductions_of_member ON introductions USING gin (members);
CREATE TABLE introductions_left_out (
  round_id     uuid NOT NULL REFERENCES introduction_rounds (id),
  member_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  reason       text NOT NULL,
  PRIMARY KEY (round_id, member_id)
);
CREATE TABLE kept_apart (
  community_id uuid NOT NULL,
  one_id       uuid NOT NULL,
  other_id     uuid NOT NULL,
  kept_by      uuid NOT NULL,
  kept_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (community_id, one_id, other_id),
  CHECK (one_id < other_id)
);
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "introduction_schedules",
        "introduction_rounds",
        "introductions",
        "introductions_left_out",
        "kept_apart",
        column="community_id",
    )
