"""Group commit: the writes of one use case and tenant that wait while a transaction is under way share the next one.

        async def write_notes(session: AsyncSession, asked: Sequence[NewNote]) -> Sequence[Note | Problem]: ...

        @routes.post("/notes", status_code=201)
        async def write_note(body: NoteIn, actor: Writing, group: Group) -> NoteOut:
            return await group.write(write_notes, NewNote(actor.subject, body.body), answer=NoteOut)

Guarantees, as with a transaction each: an answer leaves after its commit; rows, events and the answer kept for an
`Idempotency-Key` are stored together or not at all; a write that is refused stores nothing and harms no other. A use
case returns a Problem for each write it refuses, and stores nothing of those; when it raises, or the database does,
the group is halved until the one at fault stands alone.
Not guaranteed: any order among the writes that wait at the same time.
The technique is that of databases' own group commit (DeWitt et al., SIGMOD 1984), one storey up: it spares round
trips and statements as well as syncs.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, is_unreachable
from kith_chassis.errors import Problem, Unavailable
from kith_chassis.idempotency import Claim
from kith_chassis.tokens import Caller, Principal
from kith_tracing.spans import carry, continued

log = logging.getLogger(__name__)
LANES = 2  # one transaction commits while the next one is filled
LARGEST = 500  # writes in a transaction
MOST_WAITING = 10_000

UseCase = Callable[[AsyncSession, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Carries out the writes of a group; returns, in their order, for each what it made or the Problem that refuses it."""
Answer = TypeVar("Answer", bound=BaseModel)

_CLAIM = text("""
INSERT INTO idempotency_keys (scope, key, fingerprint)
SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[]), CAST(:fingerprints AS bytea[])) AS k(s, k, f)
ORDER BY s, k ON CONFLICT DO NOTHING RETURNING scope, key
""")  # in one global order, against deadlock; waits for a transaction that has claimed the same key
_RECALL = text("""
SELECT k.scope, k.key, fingerprint, status, body FROM idempotency_keys k
JOIN unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])) AS asked(scope, key) USING (scope, key)
""")
_REMEMBER = text("""
UPDATE idempotency_keys k SET status = a.status, body = a.body
FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[]), CAST(:statuses AS smallint[]), CAST(:bodies AS bytea[]))
  AS a(scope, key, status, body) WHERE (k.scope, k.key) = (a.scope, a.key)
""")
_FORGET = text("""
DELETE FROM idempotency_keys
WHERE (scope, key) IN (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])))
""")


@dataclass(slots=True, eq=False)
class _Write:
    asked: Any
    answer: TypeAdapter[Any]
    status: int
    claim: Claim | None
    traceparent: str | None
    done: "asyncio.Future[Any]"


class GroupCommit:
    """What waits to be written in one process, by use case and tenant, and the transactions under way."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: dict[tuple[UseCase, UUID], deque[_Write]] = {}
        self._count = 0  # of those that wait
        self._written = 0  # of those in a transaction
        self._under_way: set[asyncio.Task[None]] = set()

    async def write(self, use_case: UseCase, tenant: UUID, write: _Write) -> Any:
        """Return when the write is committed; raises what refused it, and Unavailable when too many wait already."""
        if self._count >= MOST_WAITING:
            raise Unavailable("Too many writes wait already; try again shortly.")
        self._waiting.setdefault((use_case, tenant), deque()).append(write)
        self._count += 1
        if len(self._under_way) < LANES:
            task = asyncio.create_task(self._work(), name="group commit")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await write.done

    async def _work(self) -> None:
        while self._waiting:
            (use_case, tenant), waiting = next(iter(self._waiting.items()))
            del self._waiting[use_case, tenant]
            # No more than its share of all that is in flight: else one lane has nearly all, and the other, which waits
            # for the same locks, the few that came late, and so on for as long as the same clients come again.
            group = _taken(waiting, most=math.ceil((len(waiting) + self._written) / LANES))
            self._count -= len(group)
            self._written += len(group)
            if waiting:  # to the end of the queue: no tenant holds up another
                self._waiting[use_case, tenant] = waiting
            try:
                await self._traced(use_case, tenant, group)
            finally:
                self._written -= len(group)

    async def _traced(self, use_case: UseCase, tenant: UUID, group: Sequence[_Write]) -> None:
        began = time.perf_counter()
        with continued("group commit", SpanKind.SERVER, (each.traceparent for each in group)):
            await self._settle(use_case, tenant, group)
        fields = {"writes": len(group), "milliseconds": round((time.perf_counter() - began) * 1000, 2)}
        log.info("group committed", extra=fields)

    async def _settle(self, use_case: UseCase, tenant: UUID, group: Sequence[_Write]) -> None:
        """See to it that each write of the group has its outcome."""
        try:
            outcomes: Sequence[Any] = await self._commit(use_case, tenant, group)
        except Exception as error:  # noqa: BLE001 -- whatever a use case or the database raises is somebody's outcome
            if len(group) == 1 or is_unreachable(error):
                _tell(group, [error] * len(group))
                return
            half = len(group) // 2
            await self._settle(use_case, tenant, group[:half])
            await self._settle(use_case, tenant, group[half:])
        except BaseException:
            _tell(group, [Unavailable()] * len(group))
            raise
        else:
            _tell(group, outcomes)

    async def _commit(self, use_case: UseCase, tenant: UUID, group: Sequence[_Write]) -> list[Any]:
        async with self.database.transaction(tenant=tenant) as session:
            known = await _claimed(session, [each for each in group if each.claim is not None])
            fresh = [each for each in group if each not in known]
            made = await use_case(session, [each.asked for each in fresh]) if fresh else []
            if len(made) != len(fresh):
                raise RuntimeError(f"{use_case.__name__} gave {len(made)} outcomes for {len(fresh)} writes")
            outcomes = dict(known)
            for each, outcome in zip(fresh, made, strict=True):
                refused = isinstance(outcome, Problem)
                outcomes[each] = outcome if refused else each.answer.validate_python(outcome, from_attributes=True)
            await _remember(session, [each for each in fresh if each.claim is not None], outcomes)
        return [outcomes[each] for each in group]


def _taken(waiting: deque[_Write], *, most: int = LARGEST) -> list[_Write]:
    """The first that wait, but no two with the same key: the second must find what the first has stored."""
    most = min(most, LARGEST)
    group, keys, later = list[_Write](), set[tuple[str, str]](), list[_Write]()
    while waiting and len(group) < most:
        each = waiting.popleft()
        if each.claim is not None and each.claim.place in keys:
            later.append(each)
            continue
        if each.claim is not None:
            keys.add(each.claim.place)
        group.append(each)
    waiting.extendleft(reversed(later))
    return group


def _tell(group: Sequence[_Write], outcomes: Sequence[Any]) -> None:
    for each, outcome in zip(group, outcomes, strict=True):
        if each.done.done():  # whoever asked has gone
            continue
        if isinstance(outcome, Exception):
            each.done.set_exception(outcome)
        else:
            each.done.set_result(outcome)


async def _claimed(session: AsyncSession, keyed: Sequence[_Write]) -> dict[_Write, Any]:
    """Claim the keys of these writes; those claimed before, each with its answer or the problem that it was reused."""
    if not keyed:
        return {}
    by_place = {each.claim.place: each for each in keyed if each.claim is not None}
    fingerprints = [each.claim.fingerprint for each in keyed if each.claim is not None]
    claimed = await session.execute(_CLAIM, _columns(by_place) | {"fingerprints": fingerprints})
    before = by_place.keys() - {(row.scope, row.key) for row in claimed}
    found: dict[_Write, Any] = {}
    for row in await session.execute(_RECALL, _columns(before)) if before else ():
        write = by_place[row.scope, row.key]
        assert write.claim is not None  # noqa: S101 -- only such were looked for
        found[write] = write.claim.first_answer(row)
    return found


async def _remember(session: AsyncSession, keyed: Sequence[_Write], outcomes: Mapping[_Write, Any]) -> None:
    """Store the answers under their keys; the keys of what was refused are free again."""
    refused, answered = list[tuple[str, str]](), list[tuple[str, str]]()
    statuses, bodies = list[int](), list[bytes]()
    for each in keyed:
        assert each.claim is not None  # noqa: S101 -- only such are given
        if isinstance(outcomes[each], Problem):
            refused.append(each.claim.place)
            continue
        answered.append(each.claim.place)
        statuses.append(each.status)
        bodies.append(each.claim.sealed(each.answer.dump_json(outcomes[each])))
    if answered:
        await session.execute(_REMEMBER, _columns(answered) | {"statuses": statuses, "bodies": bodies})
    if refused:
        await session.execute(_FORGET, _columns(refused))


def _columns(places: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    each = list(places)
    return {"scopes": [scope for scope, _ in each], "keys": [key for _, key in each]}


@dataclass(frozen=True, slots=True)
class Writer:
    """One request's way into a group."""

    commits: GroupCommit
    principal: Principal
    status: int
    claim: Claim | None
    traceparent: str | None

    async def write(self, use_case: UseCase, asked: Any, *, answer: type[Answer]) -> Answer:
        """What `use_case` made of `asked`, as an `answer`, once it is committed. Raises the Problem that refuses it."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        write = _Write(asked, _adapter(answer), self.status, self.claim, self.traceparent, done)
        made: Answer = await self.commits.write(use_case, self.principal.tenant, write)
        return made


@cache
def _adapter(of: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(of)


def commits_of(state: Any) -> GroupCommit:
    """The group commit of an application, by its state; made at the first call after it has started."""
    found: GroupCommit | None = getattr(state, "group_commit", None)
    if found is None or found.database is not state.database:  # the app was started anew
        found = state.group_commit = GroupCommit(state.database)
    return found


def scope_of(principal: Principal) -> str:
    """What an `Idempotency-Key` is unique within: the same as for a transaction of one's own."""
    return f"{principal.tenant}:{principal.subject}"


async def writer(request: Request, principal: Caller) -> Writer:
    key = request.headers.get("idempotency-key")
    claim = None
    if key is not None:
        body, scope = await request.body(), scope_of(principal)
        claim = Claim(key, scope=scope, method=request.method, path=request.url.path, body=body)
    carrier: dict[str, str] = {}
    carry(carrier)
    status: int = request.scope["route"].status_code or 200
    return Writer(commits_of(request.app.state), principal, status, claim, carrier.get("traceparent"))


Group = Annotated[Writer, Depends(writer)]
"""In a route's signature, in the place of `Transaction`: the write joins others that come at the same time."""
