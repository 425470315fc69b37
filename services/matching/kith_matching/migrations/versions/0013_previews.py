"""What a change of settings would do, worked out apart."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE previews (
          id           uuid PRIMARY KEY,
          community_id uuid NOT NULL,
          program_id   uuid NOT NULL REFERENCES programs (id),
          run_id       uuid REFERENCES match_runs (id),
          status       text NOT NULL,
          settings     jsonb NOT NULL,
          result       jsonb,
          failure      text,
          attempts     bigint NOT NULL DEFAULT 0,
          lease_until  timestamptz,
          requested_by uuid NOT NULL,
          requested_at timestamptz NOT NULL DEFAULT now(),
          solved_at    timestamptz
        )
    """)
    protect("previews", column="community_id")
