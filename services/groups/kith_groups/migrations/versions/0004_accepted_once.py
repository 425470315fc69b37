"""When a post was first accepted as an answer: it counts once, however often the choice moves."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE posts ADD COLUMN accepted_at timestamptz")
    op.execute("UPDATE posts SET accepted_at = now() FROM threads WHERE threads.accepted_post_id = posts.id")
