"""The health report: figures, who is connected to nobody and why, and what it was computed from."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_metrics.errors import NoSuchReport
from kith_metrics.events import ReportMade
from kith_metrics.isolation import WEIGHTS, Risk, Signals, risk
from kith_metrics.models import Report

NAMED_FROM = 0.25  # members below this score are not named
NAMES_KEPT = 12  # reports; of older ones the figures stay

# Who has left is neither counted nor anybody's tie; what was offered counts while it stands.
_SIGNALS = text("""
WITH tie AS (
  SELECT member_id, count(DISTINCT other) AS partners, max(occurred_at) AS last_tie_at FROM (
    SELECT from_id AS member_id, to_id AS other, occurred_at FROM interactions WHERE community_id = :community
    UNION ALL
    SELECT to_id, from_id, occurred_at FROM interactions WHERE community_id = :community
  ) t
  WHERE other NOT IN (SELECT member_id FROM members WHERE community_id = :community AND left_at IS NOT NULL)
  GROUP BY member_id
), bond AS (
  SELECT member_id, bool_or(state = 'in_group') AS in_group, bool_or(state = 'proposed') AS pairing_proposed,
    bool_or(state = 'accepted') AS pairing_accepted
  FROM bonds WHERE community_id = :community AND state <> 'over' GROUP BY member_id
)
SELECT m.member_id, m.joined_at, m.contributed_at, m.posted_at, m.replied_to_at, m.last_active_at,
  coalesce(tie.partners, 0) AS partners, tie.last_tie_at, coalesce(bond.in_group, false) AS in_group,
  coalesce(bond.pairing_proposed, false) AS pairing_proposed, coalesce(bond.pairing_accepted, false) AS pairing_accepted
FROM members m LEFT JOIN tie USING (member_id) LEFT JOIN bond USING (member_id)
WHERE m.community_id = :community AND m.joined_at IS NOT NULL AND m.left_at IS NULL ORDER BY m.member_id
""")
_KINDS = text("""
SELECT kind, source, count(*) AS n, count(DISTINCT event_id) AS events FROM interactions
WHERE community_id = :community AND occurred_at >= :since GROUP BY kind, source ORDER BY kind, source
""")
_NAME = text("""
INSERT INTO isolated (report_id, place, community_id, member_id, score, reasons, step)
SELECT :report, place, :community, member_id, score, reasons, step
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(place bigint, member_id uuid, score double precision, reasons text[], step text)
""")
_FORGET = text("""
DELETE FROM isolated WHERE report_id IN (
  SELECT id FROM reports WHERE community_id = :community ORDER BY id DESC OFFSET :kept)
""")
DEFINITIONS = {
    "active": "posted, came to a session, gave kudos or accepted a pairing in the window",
    "activated": "ever made such a contribution",
    "hours_to_first_contribution": "median over activated members, from joining",
    "connected": "has interacted, ever and in either direction, with at least one other member who is still here",
    "never_connected": "has interacted with nobody who is still here, and joined before the days of grace",
    "isolation": "the sum of the reasons' weights, at most 1; members from 0.25 are named",
}


async def make(
    session: AsyncSession, *, actor_id: UUID, window_days: int, grace_days: int = 3, now: datetime | None = None
) -> Report:
    """Compute and keep a report of the community as it is now. Members without a join date are not counted.

    Whom the report names is kept until twelve newer ones are made.
    """
    community_id, now = tenant_of(session), now or datetime.now(UTC)
    since = now - timedelta(days=window_days)
    place = {"community": community_id}
    members = (await session.execute(_SIGNALS, place)).all()
    kinds = (await session.execute(_KINDS, place | {"since": since})).all()
    grace = timedelta(days=grace_days)
    risks = {row.member_id: risk(_signals(row), now=now, grace=grace) for row in members}
    named = sorted(
        ((member_id, each) for member_id, each in risks.items() if each.score >= NAMED_FROM),
        key=lambda item: (-item[1].score, item[0]),
    )
    figures = _figures(members, risks, since=since) | {
        "named": len(named),
        "interactions": [{"kind": row.kind, "source": row.source, "count": row.events} for row in kinds],
        "reasons": dict(Counter(reason for _, each in named for reason in each.reasons).most_common()),
    }
    report = Report(
        community_id=community_id,
        window_days=window_days,
        figures=figures,
        provenance={
            "grace_days": grace_days,
            "window": {"from": since.isoformat(), "to": now.isoformat()},
            "inputs": {"members": len(members), "interactions": sum(row.n for row in kinds)},
            "definitions": DEFINITIONS,
            "weights": WEIGHTS,
        },
        requested_by=actor_id,
        made_at=now,
    )
    session.add(report)
    await session.flush()
    await _name(session, report, named)
    emit(
        session,
        ReportMade(report_id=report.id, members=len(members), never_connected=figures["never_connected"]),
    )
    return report


def _signals(row: Any) -> Signals:
    return Signals(**{name: getattr(row, name) for name in Signals.__dataclass_fields__})


def _figures(members: Any, risks: dict[UUID, Risk], *, since: datetime) -> dict[str, Any]:
    hours = [
        max(0.0, (row.contributed_at - row.joined_at).total_seconds() / 3600) for row in members if row.contributed_at
    ]
    return {
        "members": len(members),
        "active": sum(1 for row in members if row.last_active_at and row.last_active_at >= since),
        "activated": len(hours),
        "hours_to_first_contribution": round(median(hours), 2) if hours else None,
        "connected": sum(1 for row in members if row.partners),
        "never_connected": sum(1 for each in risks.values() if each.never_connected),
    }


async def _name(session: AsyncSession, report: Report, named: list[tuple[UUID, Risk]]) -> None:
    rows = [
        {"place": place, "member_id": str(member_id), "score": each.score, "reasons": each.reasons, "step": each.step}
        for place, (member_id, each) in enumerate(named, start=1)
    ]
    values = {"report": report.id, "community": report.community_id, "rows": json.dumps(rows)}
    await session.execute(_NAME, values)
    await session.execute(_FORGET, {"community": report.community_id, "kept": NAMES_KEPT})


async def found(session: AsyncSession, report_id: UUID) -> Report:
    statement = select(Report).where(Report.id == report_id, Report.community_id == tenant_of(session))
    report = (await session.scalars(statement)).first()
    if report is None:
        raise NoSuchReport
    return report
