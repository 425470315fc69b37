"""Participants, programs, enrollments, match runs, pairings, requests."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE participants (
  community_id     uuid NOT NULL,
  member_id        uuid NOT NULL,
  skills_offered   jsonb NOT NULL DEFAULT '[]',
  skills_wanted    jsonb NOT NULL DEFAULT '[]',
  interests        text[] NOT NULL DEFAULT '{}',
  languages        text[] NOT NULL DEFAULT '{}',
  experience_years double precision,
  time_zone        text,
  availability     jsonb NOT NULL DEFAULT '[]',
  sequence         bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE programs (
  id                  uuid PRIMARY KEY,
  community_id        uuid NOT NULL,
  name                text NOT NULL,
  kind                text NOT NULL,
  objectives          text NOT NULL,
  status              text NOT NULL,
  acceptance          text NOT NULL,
  request_expiry_days bigint NOT NULL,
  starts_on           date,
  ends_on             date,
  weights             jsonb NOT NULL,
  rules               jsonb NOT NULL,
  coordinator_id      uuid NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX programs_listing ON programs (community_id, id);
CREATE TABLE enrollments (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  member_id    uuid NOT NULL,
  side         text NOT NULL,
  max_pairings bigint NOT NULL CHECK (max_pairings >= 0 AND max_pairings <= 50),
  weekly_hours double precision,
  paused       boolean NOT NULL DEFAULT false,
  enrolled_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_enrollment_per_side ON enrollments (community_id, program_id, member_id, side);
CREATE TABLE match_runs (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  status       text NOT NULL,
  seed         bigint NOT NULL,
  pins         jsonb NOT NULL,
  prohibited   jsonb NOT NULL,
  certificate  jsonb,
  failure      text,
  attempts     bigint NOT NULL DEFAULT 0,
  lease_until  timestamptz,
  requested_by uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  solved_at    timestamptz,
  published_at timestamptz
);
CREATE INDEX match_runs_listing ON match_runs (community_id, program_id, id);
CREATE TABLE match_suggestions (
  run_id       uuid NOT NULL REFERENCES match_runs (id),
  mentee_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  mentor_id    uuid,
  score        double precision,
  reasons      jsonb NOT NULL,
  next_best_id uuid,
  switch_cost  double precision,
  PRIMARY KEY (run_id, mentee_id)
);
CREATE TABLE pairings (
  id                 uuid PRIMARY KEY,
  community_id       uuid NOT NULL,
  program_id         uuid NOT NULL REFERENCES programs (id),
  run_id             uuid REFERENCES match_runs (id),
  mentor_id          uuid NOT NULL,
  mentee_id          uuid NOT NULL,
  status             text NOT NULL,
  mentor_accepted_at timestamptz,
  mentee_accepted_at timestamptz,
  accepted_by        uuid,
  proposed_at        timestamptz NOT NULL DEFAULT now(),
  settled_at         timestamptz
);
CREATE UNIQUE INDEX one_open_pairing ON pairings (community_id, program_id, mentor_id, mentee_id)
  WHERE status IN ('proposed', 'accepted');
CREATE INDEX pairings_listing ON pairings (community_id, program_id, id);
CREATE INDEX pairings_of_mentor ON pairings (community_id, mentor_id);
CREATE INDEX pairings_of_mentee ON pairings (community_id, mentee_id);
CREATE TABLE requests (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  mentee_id    uuid NOT NULL,
  mentor_id    uuid NOT NULL,
  message      text NOT NULL,
  status       text NOT NULL,
  asked_at     timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  settled_at   timestamptz
);
CREATE UNIQUE INDEX one_open_request ON requests (community_id, program_id, mentee_id) WHERE status = 'pending';
CREATE INDEX requests_of_mentor ON requests (community_id, mentor_id);
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "participants",
        "programs",
        "enrollments",
        "match_runs",
        "match_suggestions",
        "pairings",
        "requests",
        column="community_id",
    )
