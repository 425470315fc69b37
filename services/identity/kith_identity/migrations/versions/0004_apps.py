"""Apps, with scopes and a secret."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE apps (
          id            uuid PRIMARY KEY,
          community_id  uuid NOT NULL REFERENCES communities (id),
          name          text NOT NULL,
          scopes        text[] NOT NULL,
          secret_digest bytea NOT NULL,
          registered_by uuid NOT NULL,
          registered_at timestamptz NOT NULL,
          revoked_at    timestamptz
        )
    """)
    op.execute("CREATE INDEX apps_listing ON apps (community_id, id)")
    protect("apps", column="community_id")
