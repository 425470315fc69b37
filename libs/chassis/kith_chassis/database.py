"""One transaction per request or batch, bound to a tenant by row-level security, stored before the answer leaves.

Guarantees: inside `transaction(tenant=…)` the application role sees and writes rows of that tenant only, also when a
query forgets to filter (policies of `migrations.protect`); without a tenant it sees none. Events emitted in the
transaction are stored with it or not at all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from kith_chassis.errors import Invalid, Problem, Unavailable
from kith_chassis.idempotency import claim_key
from kith_chassis.outbox import store_events
from kith_chassis.tokens import Caller

_BIND_TENANT = text("SELECT set_config('app.tenant', :tenant, true)")


class Database:
    """An engine and the one way to open a transaction on it.

    `on_commit` is called after each commit that stored events (it wakes the relay); it must not raise.
    """

    def __init__(self, url: str, *, pool_size: int = 8, name: str = "kith") -> None:
        self.engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,  # an error's text must not tell what was to be stored
            connect_args={"timeout": 5, "server_settings": {"application_name": name}},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self.on_commit: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def transaction(self, *, tenant: UUID | None = None) -> AsyncIterator[AsyncSession]:
        """A session in a transaction that commits when the block ends well and rolls back when it does not."""
        async with self._sessions() as session, session.begin():
            if tenant is not None:
                await bind_tenant(session, tenant)
            yield session
            await session.flush()
            emitted = await store_events(session)
        if emitted and self.on_commit is not None:
            await self.on_commit()

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Any]:
        """Asyncpg's own connection, in autocommit, for where each row counts."""
        async with self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                yield driver
            finally:
                if driver.is_closed():  # let SQLAlchemy see it too: it gives up all connections of that time
                    with suppress(DBAPIError):
                        await connection.execute(text("SELECT 1"))

    async def ready(self) -> None:
        """Raises when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


async def bind_tenant(session: AsyncSession, tenant: UUID) -> None:
    """Bind the rest of this transaction to a tenant, for the few routes that learn it on the way (login)."""
    session.info["tenant"] = tenant
    await session.execute(_BIND_TENANT, {"tenant": str(tenant)})


def tenant_of(session: AsyncSession) -> UUID:
    """The tenant this transaction is bound to; LookupError outside of one, which is a bug of the caller."""
    try:
        tenant: UUID = session.info["tenant"]
    except KeyError:
        raise LookupError("this transaction is bound to no tenant") from None
    return tenant


async def _transaction(request: Request, principal: Caller) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.transaction(tenant=principal.tenant) as session:
        await claim_key(request, session, scope=f"{principal.tenant}:{principal.subject}")
        yield session


async def _open_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.transaction() as session:
        await claim_key(request, session, scope="anonymous")
        yield session


# `scope="function"` ends the transaction before the answer leaves: FastAPI's default commits afterwards and turns a
# failed commit into a 201.
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""The caller's transaction: committed before the answer leaves, bound to the caller's tenant."""

OpenTransaction = Annotated[AsyncSession, Depends(_open_transaction, scope="function")]
"""A transaction for routes before login: bound to no tenant until `bind_tenant`."""


def is_unreachable(error: BaseException) -> bool:
    """Whether an error means that the database was away or had no room, rather than that it refused something."""
    if isinstance(error, ConnectionError | TimeoutError | OperationalError | PoolTimeoutError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    lost_no_room_or_stopping = state.startswith(("08", "53100", "53300", "57P"))
    return isinstance(error, DBAPIError) and (error.connection_invalidated or lost_no_room_or_stopping)


def translated(error: SQLAlchemyError) -> Problem | None:
    """The problem to answer when the database is away, has no room or wants a retry, or cannot hold a text."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    if is_unreachable(error) or state[:2] in {"53", "57", "40"} or state == "55P03":
        return Unavailable()
    return Invalid("Text holds a NUL character, which cannot be stored.") if state in {"22021", "22P05"} else None
