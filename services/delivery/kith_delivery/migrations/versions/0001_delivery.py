"""Webhook endpoints, outgoing events, deliveries, attempts."""

from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE webhook_endpoints (
  id              uuid PRIMARY KEY,
  community_id    uuid NOT NULL,
  url             text NOT NULL,
  description     text NOT NULL DEFAULT '',
  event_types     text[] NOT NULL,
  secret          text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  disabled_at     timestamptz,
  disabled_reason text,
  throttled_until timestamptz,
  UNIQUE (community_id, id)
);
CREATE TABLE outgoing_events (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  type         text NOT NULL,
  occurred_at  timestamptz NOT NULL,
  payload      text NOT NULL,
  stored_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE deliveries (
  id            uuid PRIMARY KEY,
  community_id  uuid NOT NULL,
  endpoint_id   uuid NOT NULL,
  event_id      uuid NOT NULL REFERENCES outgoing_events (id),
  event_type    text NOT NULL,
  status        text NOT NULL DEFAULT 'pending'
                CONSTRAINT deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed')),
  due_at        timestamptz NOT NULL,
  claimed_until timestamptz,
  attempts      bigint NOT NULL DEFAULT 0,
  attempted_at  timestamptz,
  delivered_at  timestamptz,
  status_code   bigint,
  error         text,
  answer        text,
  milliseconds  bigint,
  UNIQUE (event_id, endpoint_id),
  CONSTRAINT deliveries_community_id_fkey FOREIGN KEY (community_id, endpoint_id)
    REFERENCES webhook_endpoints (community_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, id) WHERE status = 'pending';
CREATE INDEX deliveries_log ON deliveries (community_id, id);
CREATE INDEX deliveries_by_endpoint ON deliveries (community_id, endpoint_id, status, id);
CREATE TABLE failed_attempts (
  id           uuid PRIMARY KEY,
  community_id uuid NOT NULL,
  delivery_id  uuid NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  attempted_at timestamptz NOT NULL,
  status_code  bigint,
  error        text NOT NULL,
  answer       text NOT NULL,
  milliseconds bigint NOT NULL
);
CREATE INDEX failed_attempts_by_delivery ON failed_attempts (delivery_id, id);
"""


def upgrade() -> None:
    install()
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect(
        "webhook_endpoints",
        "outgoing_events",
        "deliveries",
        "failed_attempts",
        column="community_id",
    )
