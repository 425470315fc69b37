"""What people need help with, and who has taken it on until when."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
CREATE TABLE help_requests (
  id            uuid PRIMARY KEY,
  community_id  uuid NOT NULL,
  program_id    uuid NOT NULL REFERENCES programs (id),
  asked_by      uuid NOT NULL,
  topic         text NOT NULL,
  body          text NOT NULL,
  status        text NOT NULL,
  asked_at      timestamptz NOT NULL DEFAULT now(),
  claimed_by    uuid,
  claimed_until timestamptz,
  settled_at    timestamptz
)""")
    op.execute(
        "CREATE INDEX help_requests_waiting ON help_requests (community_id, program_id, id) WHERE status = 'open'"
    )
    protect("help_requests", column="community_id")
