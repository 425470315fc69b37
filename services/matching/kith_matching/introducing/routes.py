from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.errors import (
    BadSchedule,
    NoSchedule,
    NoSuchParticipant,
    NoSuchProgram,
    NoSuchRound,
    NotForRounds,
    ProgramClosed,
    RoundNotSolved,
    RoundOpen,
    WithOneself,
)
from kith_matching.introducing import apart, rounds, schedules
from kith_matching.introducing.shapes import (
    EndedOut,
    IntroductionOut,
    KeptApartOut,
    LeftOutOut,
    RoundIn,
    RoundOut,
    ScheduleIn,
    ScheduleOut,
    TwoIn,
)
from kith_matching.shapes import Coordinator, Participant

round_ = router(tags=["introductions"])
kept = router(tags=["kept apart"])
routers = [round_, kept]


@round_.post(
    "/programs/{program_id}/introduction-rounds",
    status_code=202,
    responses=problems(NoSuchProgram, ProgramClosed, NotForRounds, RoundOpen),
)
async def start_round(program_id: UUID, body: RoundIn, actor: Coordinator, session: Transaction) -> RoundOut:
    made = await rounds.request(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return RoundOut.model_validate(made)


@round_.get("/programs/{program_id}/introduction-rounds", responses=problems(NoSuchProgram, InvalidCursor))
async def list_rounds(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 20, after: After = None
) -> Page[RoundOut]:
    rows, cursor = await rounds.listed(session, program_id=program_id, first=first, after=after)
    return Page(items=[RoundOut.model_validate(row) for row in rows], next_cursor=cursor)


@round_.get("/introduction-rounds/{round_id}", responses=problems(NoSuchRound))
async def get_round(round_id: UUID, _: Coordinator, session: Transaction) -> RoundOut:
    return RoundOut.model_validate(await rounds.found(session, round_id))


@round_.get("/introduction-rounds/{round_id}/introductions", responses=problems(NoSuchRound, InvalidCursor))
async def list_introductions(
    round_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[IntroductionOut]:
    rows, cursor = await rounds.introductions(session, round_id=round_id, first=first, after=after)
    return Page(items=[IntroductionOut.of(row) for row in rows], next_cursor=cursor)


@round_.get("/introduction-rounds/{round_id}/left-out", responses=problems(NoSuchRound, InvalidCursor))
async def list_left_out(
    round_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[LeftOutOut]:
    rows, cursor = await rounds.left_out(session, round_id=round_id, first=first, after=after)
    return Page(items=[LeftOutOut.model_validate(row) for row in rows], next_cursor=cursor)


@round_.post("/introduction-rounds/{round_id}/publish", responses=problems(NoSuchRound, RoundNotSolved, ProgramClosed))
async def publish_round(round_id: UUID, _: Coordinator, session: Transaction) -> RoundOut:
    return RoundOut.model_validate(await rounds.publish(session, round_id=round_id))


@round_.post("/introduction-rounds/{round_id}/discard", responses=problems(NoSuchRound, RoundNotSolved))
async def discard_round(round_id: UUID, _: Coordinator, session: Transaction) -> RoundOut:
    return RoundOut.model_validate(await rounds.discard(session, round_id=round_id))


@round_.get("/introductions", responses=problems(InvalidCursor))
async def my_introductions(
    actor: Participant, session: Transaction, first: First = 20, after: After = None
) -> Page[IntroductionOut]:
    rows, cursor = await rounds.of_member(session, member_id=actor.subject, first=first, after=after)
    return Page(items=[IntroductionOut.of(row) for row in rows], next_cursor=cursor)


@round_.put(
    "/programs/{program_id}/introduction-schedule",
    responses=problems(NoSuchProgram, ProgramClosed, NotForRounds, BadSchedule),
)
async def put_schedule(program_id: UUID, body: ScheduleIn, _: Coordinator, session: Transaction) -> ScheduleOut:
    there = await schedules.put(session, program_id=program_id, **body.model_dump())
    return ScheduleOut.model_validate(there)


@round_.get("/programs/{program_id}/introduction-schedule", responses=problems(NoSuchProgram, NoSchedule))
async def get_schedule(program_id: UUID, _: Participant, session: Transaction) -> ScheduleOut:
    return ScheduleOut.model_validate(await schedules.found(session, program_id))


@round_.post("/programs/{program_id}/introduction-schedule/end", responses=problems(NoSuchProgram))
async def end_schedule(program_id: UUID, _: Coordinator, session: Transaction) -> EndedOut:
    await schedules.end(session, program_id=program_id)
    return EndedOut(program_id=program_id)


@kept.post("/kept-apart", responses=problems(NoSuchParticipant, WithOneself))
async def keep_apart(body: TwoIn, actor: Coordinator, session: Transaction) -> KeptApartOut:
    one, other = body.member_ids
    return KeptApartOut.of(await apart.keep(session, actor_id=actor.subject, one=one, other=other))


@kept.post("/kept-apart/lift", status_code=204, responses=problems(WithOneself))
async def lift(body: TwoIn, _: Coordinator, session: Transaction) -> None:
    one, other = body.member_ids
    await apart.lift(session, one=one, other=other)


@kept.get("/kept-apart", responses=problems(InvalidCursor))
async def list_kept_apart(
    _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[KeptApartOut]:
    rows, cursor = await apart.listed(session, first=first, after=after)
    return Page(items=[KeptApartOut.of(row) for row in rows], next_cursor=cursor)
