from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching import pairings, programs, queries, requests, runs, waitlist
from kith_matching.errors import (
    AdmissionClosed,
    AlreadyAnswered,
    AlreadyPaired,
    AlreadyWaiting,
    BadPause,
    BadPins,
    BadSettings,
    EnrollmentClosed,
    EnrollmentPaused,
    KeptApartError,
    MentorOnBreak,
    MentorOverloaded,
    NoRoom,
    NoSuchPairing,
    NoSuchParticipant,
    NoSuchProgram,
    NoSuchRequest,
    NoSuchRun,
    NotEnrolled,
    NotSolved,
    ProgramClosed,
    TrainingOpen,
    WithOneself,
    WrongStep,
)
from kith_matching.shapes import (
    AcceptedOut,
    AnswerIn,
    AskIn,
    AskMenteeIn,
    BringIn,
    BulkIn,
    BulkOut,
    Coordinator,
    CountsOut,
    EnrollmentChange,
    EnrollmentErrorOut,
    EnrollmentIn,
    EnrollmentOut,
    Keys,
    PairIn,
    PairingIds,
    PairingOut,
    Participant,
    ProgramChange,
    ProgramIn,
    ProgramOut,
    RequestOut,
    RunIn,
    RunOut,
    SettleIn,
    StepIn,
    SuggestionOut,
    UnmatchedOut,
)

program = router(tags=["programs"])
run = router(tags=["match runs"])
pairing = router(tags=["pairings"])
routers = [program, run, pairing]


@program.post("/programs", status_code=201, responses=problems(BadSettings))
async def create_program(body: ProgramIn, actor: Coordinator, session: Transaction) -> ProgramOut:
    new = programs.NewProgram(**body.model_dump())
    created = await programs.create(session, coordinator_id=actor.subject, new=new)
    await session.refresh(created)
    return ProgramOut.model_validate(created)


@program.get("/programs", responses=problems(InvalidCursor))
async def list_programs(
    _: Participant, session: Transaction, first: First = 50, after: After = None
) -> Page[ProgramOut]:
    rows, cursor = await queries.all_programs(session, first=first, after=after)
    return Page(items=[ProgramOut.model_validate(row) for row in rows], next_cursor=cursor)


@program.get("/programs/{program_id}", responses=problems(NoSuchProgram))
async def get_program(program_id: UUID, _: Participant, session: Transaction) -> ProgramOut:
    return ProgramOut.model_validate(await programs.found(session, program_id))


@program.patch("/programs/{program_id}", responses=problems(NoSuchProgram, BadSettings))
async def change_program(program_id: UUID, body: ProgramChange, _: Coordinator, session: Transaction) -> ProgramOut:
    changes = body.model_dump(exclude_unset=True)
    return ProgramOut.model_validate(await programs.change(session, program_id=program_id, changes=changes))


@program.post("/programs/{program_id}/step", responses=problems(NoSuchProgram, WrongStep))
async def advance_program(program_id: UUID, body: StepIn, _: Coordinator, session: Transaction) -> ProgramOut:
    return ProgramOut.model_validate(await programs.advance(session, program_id=program_id, to=body.to))


@program.post("/read/programs")
async def programs_by_id(body: Keys, _: Participant, session: Transaction) -> list[ProgramOut | None]:
    found = await queries.programs_by_id(session, body.keys)
    return [ProgramOut.model_validate(each) if each else None for each in found]


@program.post("/read/enrollment-counts-by-program")
async def enrollment_counts(body: Keys, _: Participant, session: Transaction) -> list[CountsOut]:
    return [CountsOut.model_validate(each) for each in await queries.enrollment_counts(session, body.keys)]


@program.post(
    "/programs/{program_id}/enrollments",
    status_code=201,
    responses=problems(NoSuchProgram, ProgramClosed, EnrollmentClosed, AdmissionClosed, NoSuchParticipant),
)
async def enroll(program_id: UUID, body: EnrollmentIn, actor: Participant, session: Transaction) -> EnrollmentOut:
    new = programs.NewEnrollment(actor.subject, body.side, body.max_pairings, body.weekly_hours)
    return EnrollmentOut.model_validate(await waitlist.enroll(session, program_id=program_id, new=new))


@program.patch("/programs/{program_id}/enrollments", responses=problems(NoSuchProgram, NotEnrolled, BadPause))
async def change_enrollment(
    program_id: UUID, body: EnrollmentChange, actor: Participant, session: Transaction
) -> EnrollmentOut:
    changes = body.model_dump(exclude_unset=True, exclude={"side"})
    changed = await programs.change_enrollment(
        session, program_id=program_id, member_id=actor.subject, side=body.side, changes=changes
    )
    return EnrollmentOut.model_validate(changed)


@program.post("/read/own-enrollments-by-program")
async def own_enrollments(body: Keys, actor: Participant, session: Transaction) -> list[list[EnrollmentOut]]:
    found = await queries.enrollments_of(session, body.keys, member_id=actor.subject)
    return [[EnrollmentOut.model_validate(each) for each in some] for some in found]


@program.post("/programs/{program_id}/enrollments/bulk", responses=problems(NoSuchProgram, ProgramClosed))
async def enroll_members(program_id: UUID, body: BulkIn, _: Coordinator, session: Transaction) -> BulkOut:
    new = [programs.NewEnrollment(e.member_id, e.side, e.max_pairings, e.weekly_hours) for e in body.enrollments]
    enrolled, errors = await programs.enroll(session, program_id=program_id, new=new)
    return BulkOut(enrolled=enrolled, errors=[EnrollmentErrorOut.model_validate(each) for each in errors])


@run.post(
    "/programs/{program_id}/match-runs", status_code=202, responses=problems(NoSuchProgram, ProgramClosed, BadPins)
)
async def start_run(program_id: UUID, body: RunIn, actor: Coordinator, session: Transaction) -> RunOut:
    requested = await runs.request(
        session,
        actor_id=actor.subject,
        program_id=program_id,
        seed=body.seed,
        mode=body.mode,
        pins=[each.model_dump(mode="json") for each in body.pins],
        prohibited=[each.model_dump(mode="json") for each in body.prohibited],
    )
    return RunOut.model_validate(requested)


@run.get("/programs/{program_id}/match-runs", responses=problems(NoSuchProgram, InvalidCursor))
async def list_runs(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 20, after: After = None
) -> Page[RunOut]:
    rows, cursor = await queries.match_runs(session, program_id=program_id, first=first, after=after)
    return Page(items=[RunOut.model_validate(row) for row in rows], next_cursor=cursor)


@run.get("/match-runs/{run_id}", responses=problems(NoSuchRun))
async def get_run(run_id: UUID, _: Coordinator, session: Transaction) -> RunOut:
    return RunOut.model_validate(await runs.found(session, run_id))


@run.post("/read/match-runs")
async def runs_by_id(body: Keys, _: Coordinator, session: Transaction) -> list[RunOut | None]:
    return [RunOut.model_validate(each) if each else None for each in await queries.runs_by_id(session, body.keys)]


@run.get("/match-runs/{run_id}/suggestions", responses=problems(NoSuchRun, InvalidCursor))
async def list_suggestions(
    run_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[SuggestionOut]:
    rows, cursor = await queries.suggestions(session, run_id=run_id, matched=True, first=first, after=after)
    items = [
        SuggestionOut(
            run_id=row.run_id,
            mentee_id=row.mentee_id,
            mentor_id=row.mentor_id,
            score=row.score,
            next_best_id=row.next_best_id,
            switch_cost=row.switch_cost,
            **row.reasons,
        )
        for row in rows
    ]
    return Page(items=items, next_cursor=cursor)


@run.get("/match-runs/{run_id}/unmatched", responses=problems(NoSuchRun, InvalidCursor))
async def list_unmatched(
    run_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[UnmatchedOut]:
    rows, cursor = await queries.suggestions(session, run_id=run_id, matched=False, first=first, after=after)
    items = [UnmatchedOut(run_id=run_id, mentee_id=row.mentee_id, reason=row.reasons["unmatched"]) for row in rows]
    return Page(items=items, next_cursor=cursor)


@run.post("/match-runs/{run_id}/publish", responses=problems(NoSuchRun, NotSolved, ProgramClosed))
async def publish_run(run_id: UUID, _: Coordinator, session: Transaction) -> RunOut:
    return RunOut.model_validate(await runs.publish(session, run_id=run_id))


@run.post("/match-runs/{run_id}/discard", responses=problems(NoSuchRun, NotSolved))
async def discard_run(run_id: UUID, _: Coordinator, session: Transaction) -> RunOut:
    return RunOut.model_validate(await runs.discard(session, run_id=run_id))


@pairing.get("/programs/{program_id}/pairings", responses=problems(NoSuchProgram, InvalidCursor))
async def list_pairings(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[PairingOut]:
    rows, cursor = await queries.pairings(session, program_id=program_id, member_id=None, first=first, after=after)
    return Page(items=[PairingOut.model_validate(row) for row in rows], next_cursor=cursor)


@pairing.post(
    "/programs/{program_id}/pairings",
    status_code=201,
    responses=problems(
        NoSuchProgram,
        ProgramClosed,
        NotEnrolled,
        EnrollmentPaused,
        TrainingOpen,
        KeptApartError,
        NoRoom,
        AlreadyPaired,
        WithOneself,
    ),
)
async def make_pairing(program_id: UUID, body: PairIn, _: Coordinator, session: Transaction) -> PairingOut:
    return PairingOut.model_validate(await pairings.make(session, program_id=program_id, **body.model_dump()))


@pairing.get("/pairings", responses=problems(InvalidCursor))
async def my_pairings(
    actor: Participant, session: Transaction, first: First = 50, after: After = None
) -> Page[PairingOut]:
    rows, cursor = await queries.pairings(session, program_id=None, member_id=actor.subject, first=first, after=after)
    return Page(items=[PairingOut.model_validate(row) for row in rows], next_cursor=cursor)


@pairing.post("/read/pairings")
async def pairings_by_id(body: Keys, actor: Participant, session: Transaction) -> list[PairingOut | None]:
    found = await queries.pairings_by_id(session, body.keys, actor=actor)
    return [PairingOut.model_validate(each) if each else None for each in found]


@pairing.post("/read/pairings-by-member")
async def pairings_by_member(body: Keys, _: Coordinator, session: Transaction) -> list[list[PairingOut]]:
    found = await queries.pairings_by_member(session, body.keys, first=body.first)
    return [[PairingOut.model_validate(each) for each in some] for some in found]


@pairing.post(
    "/pairings/{pairing_id}/answer",
    responses=problems(NoSuchPairing, AlreadyAnswered, KeptApartError, ProgramClosed),
)
async def answer_pairing(pairing_id: UUID, body: AnswerIn, actor: Participant, session: Transaction) -> PairingOut:
    answered = await pairings.answer(session, actor_id=actor.subject, pairing_id=pairing_id, yes=body.accept)
    return PairingOut.model_validate(answered)


@pairing.post(
    "/programs/{program_id}/private-pairings",
    status_code=201,
    responses=problems(NoSuchProgram, ProgramClosed, NoSuchParticipant, WithOneself, AlreadyPaired),
)
async def bring_pairing(program_id: UUID, body: BringIn, actor: Participant, session: Transaction) -> PairingOut:
    brought = await pairings.bring(
        session, actor_id=actor.subject, program_id=program_id, side=body.side, other_id=body.other_id
    )
    return PairingOut.model_validate(brought)


@pairing.post("/pairings/accept", responses=problems(NoSuchPairing))
async def accept_pairings(body: PairingIds, actor: Coordinator, session: Transaction) -> AcceptedOut:
    accepted = await pairings.accept_for_both(session, actor_id=actor.subject, pairing_ids=body.pairing_ids)
    return AcceptedOut(accepted=len(accepted))


@pairing.post(
    "/programs/{program_id}/requests",
    status_code=201,
    responses=problems(
        NoSuchProgram,
        ProgramClosed,
        NotEnrolled,
        EnrollmentPaused,
        TrainingOpen,
        AlreadyWaiting,
        WithOneself,
        MentorOverloaded,
        MentorOnBreak,
    ),
)
async def ask(program_id: UUID, body: AskIn, actor: Participant, session: Transaction) -> RequestOut:
    made = await requests.ask_mentor(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return RequestOut.of(made)


@pairing.post(
    "/programs/{program_id}/requests-to-mentees",
    status_code=201,
    responses=problems(
        NoSuchProgram, ProgramClosed, NotEnrolled, EnrollmentPaused, TrainingOpen, AlreadyWaiting, WithOneself
    ),
)
async def ask_mentee(program_id: UUID, body: AskMenteeIn, actor: Participant, session: Transaction) -> RequestOut:
    made = await requests.ask_mentee(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return RequestOut.of(made)


@pairing.get("/requests", responses=problems(InvalidCursor))
async def my_requests(
    actor: Participant, session: Transaction, first: First = 50, after: After = None
) -> Page[RequestOut]:
    rows, cursor = await queries.requests_of(session, member_id=actor.subject, first=first, after=after)
    return Page(items=[RequestOut.of(row) for row in rows], next_cursor=cursor)


@pairing.post("/read/places-in-line")
async def places_in_line(body: Keys, actor: Participant, session: Transaction) -> list[int | None]:
    return await waitlist.places(session, body.keys, actor_id=actor.subject)


@pairing.post("/read/requests")
async def requests_by_id(body: Keys, actor: Participant, session: Transaction) -> list[RequestOut | None]:
    found = await queries.requests_by_id(session, body.keys, of=actor.subject)
    return [RequestOut.of(each) if each else None for each in found]


@pairing.post(
    "/requests/{request_id}/settle",
    responses=problems(
        NoSuchRequest,
        AlreadyAnswered,
        ProgramClosed,
        NotEnrolled,
        EnrollmentPaused,
        TrainingOpen,
        NoRoom,
        AlreadyPaired,
        KeptApartError,
    ),
)
async def settle_request(request_id: UUID, body: SettleIn, actor: Participant, session: Transaction) -> RequestOut:
    settled = await requests.settle(session, actor_id=actor.subject, request_id=request_id, to=body.to)
    return RequestOut.of(settled)
