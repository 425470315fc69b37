"""Training: modules, who has completed them, who needs none."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE training_modules (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  program_id   uuid NOT NULL REFERENCES programs (id),
  title        text NOT NULL,
  body         text NOT NULL,
  url          text,
  position     bigint NOT NULL,
  required_for text[] NOT NULL,
  added_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX training_modules_of_program ON training_modules (program_id, position, id);
CREATE TABLE training_completions (
  module_id    uuid NOT NULL REFERENCES training_modules (id) ON DELETE CASCADE,
  member_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  completed_at timestamptz NOT NULL,
  PRIMARY KEY (module_id, member_id)
);
CREATE TABLE training_exemptions (
  program_id   uuid NOT NULL REFERENCES programs (id),
  member_id    uuid NOT NULL,
  community_id uuid NOT NULL,
  exempted_by  uuid NOT NULL,
  exempted_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (program_id, member_id)
)
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement)
    protect("training_modules", "training_completions", "training_exemptions", column="community_id")
