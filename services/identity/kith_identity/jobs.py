"""What is worth nothing any more is deleted: it would grow for ever."""

from sqlalchemy import text

from kith_chassis.database import Database
from kith_chassis.jobs import Job

_AT_ONCE = 5000
# Used and revoked tokens stay until they expire: they show that somebody has a copy. Redeemed invitations stay: they
# say who invited whom. What a request holds at this moment is left for the next turn.
_EXPIRED = {
    "refresh_tokens": ("digest", "expires_at < now()"),
    "invitations": ("digest", "expires_at < now() AND redeemed_at IS NULL"),
    "failed_logins": ("address_digest", "failed_at < now() - interval '1 day'"),
}


async def delete_expired(database: Database) -> None:
    """Delete expired refresh tokens and invitations, and forget old wrong passwords."""
    for table, (key, condition) in _EXPIRED.items():
        some = f"SELECT {key} FROM {table} WHERE {condition} LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED"
        statement = text(f"DELETE FROM {table} WHERE {key} = ANY(ARRAY({some})) RETURNING 1")
        deleted = _AT_ONCE
        while deleted == _AT_ONCE:
            async with database.transaction() as session:
                deleted = len((await session.execute(statement)).all())


jobs = [Job("delete what has expired", 3600, delete_expired)]
