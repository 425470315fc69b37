"""Where mentors stand."""

from alembic import op

from kith_chassis.migrations import protect

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE mentor_standings (
          community_id uuid NOT NULL,
          member_id    uuid NOT NULL,
          rank         bigint NOT NULL,
          since        timestamptz,
          below_since  timestamptz,
          PRIMARY KEY (community_id, member_id)
        )
    """)
    op.execute("CREATE INDEX mentor_standings_by_tier ON mentor_standings (community_id, rank, member_id)")
    protect("mentor_standings", column="community_id")
