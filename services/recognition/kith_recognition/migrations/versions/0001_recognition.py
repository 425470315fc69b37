"""Members, rules, ledger, tallies, kudos, allowance, badges."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE members (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  listed       boolean NOT NULL DEFAULT true,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE award_rules (
  community_id uuid NOT NULL,
  kind         text NOT NULL,
  points       bigint NOT NULL CHECK (points >= 0),
  daily_cap    bigint NOT NULL CHECK (daily_cap >= 0),
  PRIMARY KEY (community_id, kind)
);
CREATE TABLE ledger_entries (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  rule         text NOT NULL,
  points       bigint NOT NULL,
  event_id     uuid NOT NULL,
  earned_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX earned_once ON ledger_entries (community_id, member_id, rule, event_id);
CREATE INDEX ledger_by_time ON ledger_entries (community_id, earned_at);
CREATE TABLE tallies (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  kind         text NOT NULL,
  count        bigint NOT NULL,
  PRIMARY KEY (community_id, member_id, kind)
);
CREATE TABLE kudos (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  giver_id     uuid NOT NULL,
  receiver_id  uuid NOT NULL,
  message      text NOT NULL,
  value        text NOT NULL,
  given_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX kudos_listing ON kudos (community_id, id);
CREATE INDEX kudos_of_receiver ON kudos (community_id, receiver_id, id);
CREATE TABLE giving_allowances (
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  week         date NOT NULL,
  given        bigint NOT NULL,
  PRIMARY KEY (community_id, member_id, week)
);
CREATE TABLE badges (
  community_id uuid NOT NULL,
  key          text NOT NULL,
  name         text NOT NULL,
  description  text NOT NULL,
  repeatable   boolean NOT NULL,
  PRIMARY KEY (community_id, key)
);
CREATE TABLE badge_awards (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  badge_key    text NOT NULL,
  repeatable   boolean NOT NULL,
  evidence_id  uuid,
  awarded_by   uuid,
  reason       text NOT NULL DEFAULT '',
  awarded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX awarded_once ON badge_awards (community_id, member_id, badge_key) WHERE NOT repeatable;
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "members",
        "award_rules",
        "ledger_entries",
        "tallies",
        "kudos",
        "giving_allowances",
        "badges",
        "badge_awards",
        column="community_id",
    )
    # The ledger only grows: nobody who runs the service can change or remove what was earned.
    op.execute("REVOKE UPDATE, DELETE ON ledger_entries FROM recognition_api, recognition_worker")
