"""The queue in PostgreSQL: deliveries are claimed under a lease and settled in batches.

Guarantees: one sender at a time has a delivery, until its lease ends; a sender that dies loses nothing, its claims
come back. At least once therefore, with the same webhook id each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_delivery.attempts import Outcome, Target, Verdict
from kith_delivery.events import EndpointDisabled
from kith_delivery.signing import key_of

# Longer than the attempts of one delivery take: another one, of later, ended the same way.
FAILING_DAYS = 5
# A plan made while the table was small would be kept while it grows: these statements are planned each time.
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
# Per endpoint, so that one with a long queue keeps nobody else waiting; endpoints are drawn by lot for the same reason.
_CLAIM = text("""
WITH lane AS MATERIALIZED (
  SELECT endpoint.id, coalesce(known.room, CAST(:window AS bigint)) AS room
  FROM webhook_endpoints AS endpoint
  LEFT JOIN unnest(CAST(:lanes AS uuid[]), CAST(:rooms AS bigint[])) AS known(id, room) ON known.id = endpoint.id
  WHERE endpoint.disabled_at IS NULL AND coalesce(endpoint.throttled_until, '-infinity') <= now()
    AND coalesce(known.room, 1) > 0
  ORDER BY random()
), due AS MATERIALIZED (
  SELECT found.id, found.event_id FROM lane CROSS JOIN LATERAL (
    SELECT id, event_id FROM deliveries
    WHERE endpoint_id = lane.id AND status = 'pending' AND due_at <= now()
      AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY due_at, id LIMIT lane.room FOR UPDATE SKIP LOCKED
  ) AS found LIMIT :total
)
UPDATE deliveries AS delivery SET claimed_until = now() + make_interval(secs => :lease)
FROM due JOIN outgoing_events AS event ON event.id = due.event_id
WHERE delivery.id = due.id
RETURNING delivery.id, delivery.community_id, delivery.endpoint_id, delivery.event_id, delivery.attempts,
          delivery.due_at, delivery.claimed_until, event.payload
""")
_TARGETS = text("""
SELECT id, community_id, url, secret, CASE WHEN previous_until > now() THEN previous_secret END AS previous_secret
FROM webhook_endpoints WHERE id = ANY(CAST(:ids AS uuid[]))
""")
# Whoever lost the lease in between no longer decides; but what has been delivered has been delivered.
_SETTLE = text("""
UPDATE deliveries AS delivery
SET status = result.status, attempts = delivery.attempts + 1, due_at = now() + make_interval(secs => result.delay),
    claimed_until = NULL, attempted_at = result.attempted_at, status_code = result.status_code,
    error = result.error, answer = result.answer, milliseconds = result.milliseconds,
    delivered_at = CASE result.status WHEN 'delivered' THEN result.attempted_at END
FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS timestamptz[]), CAST(:statuses AS text[]), CAST(:delays AS float8[]),
            CAST(:times AS timestamptz[]), CAST(:status_codes AS bigint[]), CAST(:errors AS text[]),
            CAST(:answers AS text[]), CAST(:milliseconds AS bigint[]))
  AS result(id, lease, status, delay, attempted_at, status_code, error, answer, milliseconds)
WHERE delivery.id = result.id AND (delivery.claimed_until = result.lease OR result.status = 'delivered')
""")
_LOG_FAILURES = text("""
INSERT INTO failed_attempts
  (id, community_id, delivery_id, attempted_at, status_code, error, answer, milliseconds)
SELECT result.id, delivery.community_id, delivery.id, result.attempted_at, result.status_code, result.error,
       result.answer, result.milliseconds
FROM unnest(CAST(:ids AS uuid[]), CAST(:deliveries AS uuid[]), CAST(:times AS timestamptz[]),
            CAST(:status_codes AS bigint[]), CAST(:errors AS text[]), CAST(:answers AS text[]),
            CAST(:milliseconds AS bigint[]))
  AS result(id, delivery_id, attempted_at, status_code, error, answer, milliseconds)
JOIN deliveries AS delivery ON delivery.id = result.delivery_id
""")
# Endpoints before their deliveries, as whoever deletes an endpoint takes them; each time in the order of their ids.
_LOCK = text("""
SELECT id FROM webhook_endpoints
WHERE id = ANY(CAST(:failed AS uuid[])) OR (id = ANY(CAST(:reached AS uuid[])) AND failing_since IS NOT NULL)
ORDER BY id FOR NO KEY UPDATE
""")
_REACHED = text("""
UPDATE webhook_endpoints SET failing_since = NULL
WHERE id = ANY(CAST(:ids AS uuid[])) AND failing_since IS NOT NULL
""")
_HOLD_BACK = text("""
UPDATE webhook_endpoints AS endpoint
SET throttled_until = greatest(endpoint.throttled_until, now() + make_interval(secs => failed.pause)),
    failing_since = coalesce(endpoint.failing_since, now())
FROM unnest(CAST(:ids AS uuid[]), CAST(:pauses AS float8[])) AS failed(id, pause)
WHERE endpoint.id = failed.id AND (failed.pause > 0 OR endpoint.failing_since IS NULL)
""")
_DISABLE = text("""
UPDATE webhook_endpoints
SET disabled_at = now(), disabled_reason = CASE WHEN id = ANY(CAST(:gone AS uuid[])) THEN 'gone' ELSE 'failing' END
WHERE disabled_at IS NULL AND (id = ANY(CAST(:gone AS uuid[]))
  OR (id = ANY(CAST(:given_up AS uuid[])) AND failing_since < now() - make_interval(days => :days)))
RETURNING id, community_id, disabled_reason
""")
_RELEASE = text("""
UPDATE deliveries AS delivery SET claimed_until = NULL
FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS timestamptz[])) AS claim(id, lease)
WHERE delivery.id = claim.id AND delivery.claimed_until = claim.lease
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery this sender has until its lease ends; after `start_by` (monotonic seconds) it is too late to start."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    attempts: int
    lease: datetime
    start_by: float
    body: bytes


@dataclass(slots=True)
class Settled:
    """What a sender has to write down: attempts with their verdicts, and claims it gives back."""

    results: list[tuple[Claim, Outcome, Verdict]] = field(default_factory=list)
    released: list[Claim] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.results or self.released)


async def claim(
    session: AsyncSession, *, rooms: Mapping[UUID, int], window: int, total: int, lease_seconds: float, start_by: float
) -> tuple[list[Claim], dict[UUID, Target]]:
    """At most `total` due deliveries, oldest first for each endpoint, and where they go.

    rooms   how many to take for the endpoints the sender is busy with; `window` for each other
    """
    await session.execute(_PLAN_ANEW)
    asked = {
        "lanes": list(rooms),
        "rooms": list(rooms.values()),
        "window": window,
        "total": total,
        "lease": lease_seconds,
    }
    rows = sorted(await session.execute(_CLAIM, asked), key=lambda row: (row.due_at, row.id))
    claims = [
        Claim(row.id, row.endpoint_id, row.event_id, row.attempts, row.claimed_until, start_by, row.payload.encode())
        for row in rows
    ]
    if not claims:
        return [], {}
    found = await session.execute(_TARGETS, {"ids": list({each.endpoint_id for each in claims})})
    return claims, {
        row.id: Target(
            row.id, row.community_id, row.url, tuple(key_of(each) for each in (row.secret, row.previous_secret) if each)
        )
        for row in found
    }


async def settle(session: AsyncSession, settled: Settled) -> None:
    """Write down a batch. Endpoints that are gone, or that nothing reached for days, are disabled, and their owner is
    told by an event.
    """
    await session.execute(_PLAN_ANEW)
    # In one global order, so that two senders never wait for each other.
    results = sorted(settled.results, key=lambda result: result[0].id)
    failures = [each for each in results if each[1].error is not None]
    if results:
        reached = {claimed.endpoint_id for claimed, outcome, _ in results if outcome.error is None}
        failed = {claimed.endpoint_id for claimed, _, _ in failures}
        locked = set(await session.scalars(_LOCK, {"failed": list(failed), "reached": list(reached)}))
        await session.execute(_SETTLE, _columns(results))
        if again := list(locked & reached):
            await session.execute(_REACHED, {"ids": again})
    if failures:
        columns = _columns(failures)
        columns["deliveries"] = columns.pop("ids")
        wanted = ("deliveries", "times", "status_codes", "errors", "answers", "milliseconds")
        values = {name: columns[name] for name in wanted} | {"ids": [new_id() for _ in failures]}
        await session.execute(_LOG_FAILURES, values)
        await _hold_back(session, failures)
    if settled.released:
        released = sorted(settled.released, key=lambda each: each.id)
        given_back = {"ids": [each.id for each in released], "leases": [each.lease for each in released]}
        await session.execute(_RELEASE, given_back)


async def _hold_back(session: AsyncSession, failures: Sequence[tuple[Claim, Outcome, Verdict]]) -> None:
    pauses: dict[UUID, float] = {}
    for claimed, _, verdict in failures:
        pauses[claimed.endpoint_id] = max(verdict.pause, pauses.get(claimed.endpoint_id, 0.0))
    await session.execute(_HOLD_BACK, {"ids": list(pauses), "pauses": list(pauses.values())})
    if given_up := {claimed.endpoint_id for claimed, _, verdict in failures if verdict.status == "failed"}:
        gone = {claimed.endpoint_id for claimed, _, verdict in failures if verdict.gone}
        asked = {"gone": list(gone), "given_up": list(given_up), "days": FAILING_DAYS}
        for row in await session.execute(_DISABLE, asked):
            emit(session, EndpointDisabled(endpoint_id=row.id, reason=row.disabled_reason), tenant=row.community_id)


def _columns(results: Sequence[tuple[Claim, Outcome, Verdict]]) -> dict[str, list[Any]]:
    return {
        "ids": [claimed.id for claimed, _, _ in results],
        "leases": [claimed.lease for claimed, _, _ in results],
        "statuses": [verdict.status for _, _, verdict in results],
        "delays": [verdict.delay for _, _, verdict in results],
        "times": [outcome.attempted_at for _, outcome, _ in results],
        "status_codes": [outcome.status_code for _, outcome, _ in results],
        "errors": [outcome.error for _, outcome, _ in results],
        "answers": [outcome.answer for _, outcome, _ in results],
        "milliseconds": [outcome.milliseconds for _, outcome, _ in results],
    }
