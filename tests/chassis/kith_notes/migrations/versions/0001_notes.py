from alembic import op

from kith_chassis.migrations import install, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    install()
    op.execute(
        "CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, body text NOT NULL,"
        " CONSTRAINT one_body UNIQUE (tenant_id, body) DEFERRABLE INITIALLY DEFERRED)"
    )
    op.execute(
        "CREATE TABLE seen (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL,"
        " aggregate_id uuid NOT NULL, number bigint NOT NULL)"
    )
    protect("notes", "seen", column="tenant_id")
