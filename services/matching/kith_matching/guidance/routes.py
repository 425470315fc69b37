from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, HttpUrl, PlainSerializer

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_matching.errors import NoSuchGuide, NoSuchProgram, TooManyGuides
from kith_matching.guidance import guides
from kith_matching.guidance.models import CheckInTemplate, Resource
from kith_matching.shapes import Coordinator, In, Keys, Name, Out, Participant, Text

Audience = Literal["mentors", "mentees", "pairs"]
Address = Annotated[HttpUrl, PlainSerializer(str), Field(examples=["https://example.org/guide"])]


class Step(In):
    prompt: Name
    minutes: Annotated[int, Field(ge=1, le=240)]


class TemplateIn(In):
    name: Name
    agenda: Annotated[list[Step], Field(min_length=1, max_length=20)]


class TemplateOut(Out):
    id: UUID
    program_id: UUID
    name: str
    agenda: list[Step]


class ResourceIn(In):
    audience: Audience
    title: Name
    url: Address
    note: Text = ""


class ResourceOut(Out):
    id: UUID
    program_id: UUID
    audience: Audience
    title: str
    url: str
    note: str


routes = router(tags=["guidance"])


@routes.post(
    "/programs/{program_id}/check-in-templates",
    status_code=201,
    responses=problems(NoSuchProgram, TooManyGuides),
)
async def add_template(program_id: UUID, body: TemplateIn, _: Coordinator, session: Transaction) -> TemplateOut:
    made = await guides.add(session, CheckInTemplate, program_id=program_id, content=body.model_dump())
    return TemplateOut.model_validate(made)


@routes.put("/check-in-templates/{template_id}", responses=problems(NoSuchGuide))
async def change_template(template_id: UUID, body: TemplateIn, _: Coordinator, session: Transaction) -> TemplateOut:
    changed = await guides.change(session, CheckInTemplate, guide_id=template_id, content=body.model_dump())
    return TemplateOut.model_validate(changed)


@routes.delete("/check-in-templates/{template_id}", responses=problems(NoSuchGuide))
async def remove_template(template_id: UUID, _: Coordinator, session: Transaction) -> TemplateOut:
    return TemplateOut.model_validate(await guides.remove(session, CheckInTemplate, guide_id=template_id))


@routes.post("/read/check-in-templates-by-program")
async def templates_by_program(body: Keys, _: Participant, session: Transaction) -> list[list[TemplateOut]]:
    found = await guides.of_programs(session, CheckInTemplate, body.keys)
    return [[TemplateOut.model_validate(each) for each in some] for some in found]


@routes.post(
    "/programs/{program_id}/resources",
    status_code=201,
    responses=problems(NoSuchProgram, TooManyGuides),
)
async def add_resource(program_id: UUID, body: ResourceIn, _: Coordinator, session: Transaction) -> ResourceOut:
    made = await guides.add(session, Resource, program_id=program_id, content=body.model_dump())
    return ResourceOut.model_validate(made)


@routes.put("/resources/{resource_id}", responses=problems(NoSuchGuide))
async def change_resource(resource_id: UUID, body: ResourceIn, _: Coordinator, session: Transaction) -> ResourceOut:
    changed = await guides.change(session, Resource, guide_id=resource_id, content=body.model_dump())
    return ResourceOut.model_validate(changed)


@routes.delete("/resources/{resource_id}", responses=problems(NoSuchGuide))
async def remove_resource(resource_id: UUID, _: Coordinator, session: Transaction) -> ResourceOut:
    return ResourceOut.model_validate(await guides.remove(session, Resource, guide_id=resource_id))


@routes.post("/read/resources-by-program")
async def resources_by_program(body: Keys, _: Participant, session: Transaction) -> list[list[ResourceOut]]:
    found = await guides.of_programs(session, Resource, body.keys)
    return [[ResourceOut.model_validate(each) for each in some] for some in found]
