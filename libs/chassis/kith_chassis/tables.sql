CREATE TABLE outbox (
  position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id     uuid NOT NULL UNIQUE,
  tenant_id    uuid NOT NULL,
  type         text NOT NULL,
  aggregate_id uuid NOT NULL,
  sequence     bigint NOT NULL,
  data         text NOT NULL,
  occurred_at  timestamptz NOT NULL,
  traceparent  text,
  published_at timestamptz,
  UNIQUE (aggregate_id, sequence)
);
CREATE INDEX outbox_waiting ON outbox (position) WHERE published_at IS NULL;
CREATE TABLE outbox_sequences (aggregate_id uuid PRIMARY KEY, last bigint NOT NULL);
CREATE TABLE inbox (event_id uuid PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE dead_letters (
  event_id       uuid PRIMARY KEY,
  type           text NOT NULL,
  payload        bytea NOT NULL,
  payload_sha256 bytea NOT NULL,
  reason         text NOT NULL,
  attempts       integer NOT NULL,
  traceparent    text,
  buried_at      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE idempotency_keys (
  scope       text NOT NULL,
  key         text NOT NULL,
  fingerprint bytea NOT NULL,
  status      smallint,
  body        bytea,
  claimed_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, key)
);
