from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, HttpUrl, PlainSerializer

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.errors import NoSuchModule, NoSuchProgram, NotEnrolled, TooManyGuides
from kith_matching.events import Side
from kith_matching.shapes import Coordinator, EnrollmentOut, In, Keys, Name, Out, Participant, Text
from kith_matching.training import modules, progress

Address = Annotated[HttpUrl, PlainSerializer(str), Field(examples=["https://example.org/training"])]
RequiredOf = Literal["mentor", "mentee"]


class ModuleIn(In):
    title: Name
    body: Text = ""
    url: Address | None = None
    position: int | None = Field(default=None, ge=1, le=1000)
    required_for: list[RequiredOf] = Field(default=[], max_length=2)


class ModuleOut(Out):
    id: UUID
    program_id: UUID
    title: str
    body: str
    url: str | None
    position: int
    required_for: list[RequiredOf]
    completed_at: datetime | None


class ExemptIn(In):
    member_id: UUID
    exempt: bool


class ProgressOut(Out):
    id: UUID
    member_id: UUID
    side: Side
    required: int
    completed: int
    exempt: bool
    held_back: bool


routes = router(tags=["training"])


@routes.post(
    "/programs/{program_id}/training-modules", status_code=201, responses=problems(NoSuchProgram, TooManyGuides)
)
async def add_module(program_id: UUID, body: ModuleIn, _: Coordinator, session: Transaction) -> ModuleOut:
    made = await modules.add(session, program_id=program_id, content=body.model_dump())
    return ModuleOut.model_validate(modules.told(made))


@routes.put("/training-modules/{module_id}", responses=problems(NoSuchModule))
async def change_module(module_id: UUID, body: ModuleIn, _: Coordinator, session: Transaction) -> ModuleOut:
    changed = await modules.change(session, module_id=module_id, content=body.model_dump())
    return ModuleOut.model_validate(modules.told(changed))


@routes.delete("/training-modules/{module_id}", responses=problems(NoSuchModule))
async def remove_module(module_id: UUID, _: Coordinator, session: Transaction) -> ModuleOut:
    return ModuleOut.model_validate(modules.told(await modules.remove(session, module_id=module_id)))


@routes.post("/training-modules/{module_id}/complete", responses=problems(NoSuchModule, NotEnrolled))
async def complete_module(module_id: UUID, actor: Participant, session: Transaction) -> ModuleOut:
    completed = await modules.complete(session, actor_id=actor.subject, module_id=module_id)
    [[*found]] = await modules.of_programs(session, [completed.program_id], member_id=actor.subject)
    return next(ModuleOut.model_validate(each) for each in found if each["id"] == completed.id)


@routes.post("/read/training-by-program")
async def training_by_program(body: Keys, actor: Participant, session: Transaction) -> list[list[ModuleOut]]:
    found = await modules.of_programs(session, body.keys, member_id=actor.subject)
    return [[ModuleOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/open-training-by-enrollment")
async def open_training(body: Keys, actor: Participant, session: Transaction) -> list[list[ModuleOut]]:
    found = await progress.open_of(session, body.keys, actor=actor)
    return [[ModuleOut.model_validate(each) for each in some] for some in found]


@routes.post("/programs/{program_id}/training-exemptions", responses=problems(NoSuchProgram, NotEnrolled))
async def exempt(program_id: UUID, body: ExemptIn, actor: Coordinator, session: Transaction) -> EnrollmentOut:
    enrolled = await modules.exempt(
        session, actor_id=actor.subject, program_id=program_id, member_id=body.member_id, yes=body.exempt
    )
    return EnrollmentOut.model_validate(enrolled)


@routes.get("/programs/{program_id}/training-progress", responses=problems(NoSuchProgram, InvalidCursor))
async def list_progress(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[ProgressOut]:
    rows, cursor = await progress.of_program(session, program_id=program_id, first=first, after=after)
    return Page(items=[ProgressOut.model_validate(row) for row in rows], next_cursor=cursor)
