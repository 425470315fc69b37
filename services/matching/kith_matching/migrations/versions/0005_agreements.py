"""What two who are paired agree on; every change is a version that both accept anew."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
CREATE TABLE agreements (
  id                 uuid PRIMARY KEY,
  community_id       uuid NOT NULL,
  pairing_id         uuid NOT NULL REFERENCES pairings (id),
  version            bigint NOT NULL,
  support            text NOT NULL,
  boundaries         text NOT NULL,
  channel            text NOT NULL,
  every_days         bigint NOT NULL CHECK (every_days >= 1 AND every_days <= 90),
  ends_on            date,
  proposed_by        uuid NOT NULL,
  proposed_at        timestamptz NOT NULL DEFAULT now(),
  mentor_accepted_at timestamptz,
  mentee_accepted_at timestamptz
)""")
    op.execute("CREATE UNIQUE INDEX one_agreement_per_version ON agreements (pairing_id, version)")
    protect("agreements", column="community_id")
