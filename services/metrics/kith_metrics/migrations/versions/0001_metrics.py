"""Members, interactions, reports."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE members (
  community_id        uuid NOT NULL,
  member_id           uuid NOT NULL,
  joined_at           timestamptz,
  contributed_at      timestamptz,
  posted_at           timestamptz,
  replied_to_at       timestamptz,
  in_group_at         timestamptz,
  pairing_proposed_at timestamptz,
  pairing_accepted_at timestamptz,
  last_active_at      timestamptz,
  PRIMARY KEY (community_id, member_id)
);
CREATE TABLE interactions (
  community_id uuid NOT NULL,
  from_id      uuid NOT NULL,
  to_id        uuid NOT NULL,
  event_id     uuid NOT NULL,
  kind         text NOT NULL,
  source       text NOT NULL,
  occurred_at  timestamptz NOT NULL,
  PRIMARY KEY (community_id, from_id, to_id, event_id)
);
CREATE INDEX interactions_by_time ON interactions (community_id, occurred_at);
CREATE INDEX interactions_to ON interactions (community_id, to_id);
CREATE TABLE reports (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  window_days  bigint NOT NULL,
  figures      jsonb NOT NULL,
  provenance   jsonb NOT NULL,
  requested_by uuid NOT NULL,
  made_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reports_listing ON reports (community_id, id);
CREATE TABLE isolated (
  report_id    uuid NOT NULL REFERENCES reports (id),
  place        bigint NOT NULL,
  community_id uuid NOT NULL,
  member_id    uuid NOT NULL,
  score        double precision NOT NULL,
  reasons      text[] NOT NULL,
  step         text,
  PRIMARY KEY (report_id, place)
);
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "members",
        "interactions",
        "reports",
        "isolated",
        column="community_id",
    )
