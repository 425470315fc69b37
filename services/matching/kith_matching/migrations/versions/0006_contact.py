"""How two who are paired keep in touch, whose move it is, and how a pairing ends."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE contacts (
  pairing_id   uuid PRIMARY KEY REFERENCES pairings (id),
  community_id uuid NOT NULL,
  move_id      uuid NOT NULL,
  since        timestamptz NOT NULL,
  every_days   bigint NOT NULL DEFAULT 7,
  climbed      bigint NOT NULL DEFAULT 0,
  due_at       timestamptz,
  ends_on      date
);
CREATE INDEX contacts_due ON contacts (due_at);
CREATE INDEX contacts_ending ON contacts (ends_on);
CREATE TABLE touchpoints (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  kind         text NOT NULL,
  channel      text NOT NULL,
  happened_at  timestamptz NOT NULL,
  recorded_by  uuid NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX touchpoints_of_pairing ON touchpoints (pairing_id, happened_at);
CREATE TABLE nudges (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  pairing_id   uuid NOT NULL REFERENCES pairings (id),
  member_id    uuid NOT NULL,
  kind         text NOT NULL,
  silent_days  bigint NOT NULL,
  sent_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX nudges_of_pairing ON nudges (pairing_id, id)
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement)
    protect("contacts", "touchpoints", "nudges", column="community_id")
    for column in ("ended_at timestamptz", "end_reason text", "quiet_id uuid"):
        op.execute(f"ALTER TABLE pairings ADD COLUMN {column}")
    # Nobody is reproached for a silence from before anybody counted it.
    op.execute("""
INSERT INTO contacts (pairing_id, community_id, move_id, since, due_at)
SELECT id, community_id, mentee_id, now(), now() + interval '7 days' FROM pairings WHERE status = 'accepted'""")
