"""Goals and tasks of a pairing; agendas and resources of a program."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE goals (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  title        text NOT NULL,
  progress     bigint NOT NULL CHECK (progress >= 0 AND progress <= 100),
  set_by       uuid NOT NULL,
  set_at       timestamptz NOT NULL DEFAULT now(),
  reached_at   timestamptz
);
CREATE INDEX goals_of_pairing ON goals (pairing_id, id);
CREATE TABLE tasks (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  goal_id      uuid REFERENCES goals (id),
  title        text NOT NULL,
  assignee_id  uuid,
  due_on       date,
  added_at     timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  done_by      uuid
);
CREATE INDEX tasks_of_pairing ON tasks (pairing_id, id);
CREATE TABLE check_in_templates (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  name         text NOT NULL,
  agenda       jsonb NOT NULL
);
CREATE INDEX check_in_templates_of_program ON check_in_templates (program_id, id);
CREATE TABLE resources (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  audience     text NOT NULL,
  title        text NOT NULL,
  url          text NOT NULL,
  note         text NOT NULL
);
CREATE INDEX resources_of_program ON resources (program_id, id)
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement)
    protect("goals", "tasks", "check_in_templates", "resources", column="community_id")
