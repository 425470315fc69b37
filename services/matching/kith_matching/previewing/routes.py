from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching import programs
from kith_matching.errors import BadSettings, NoSuchPreview, NoSuchProgram, NoSuchRun, NotSolved
from kith_matching.previewing import differences, forecasts, previews
from kith_matching.previewing.shapes import (
    ComparisonOut,
    DifferenceOut,
    ForecastOut,
    PreviewIn,
    PreviewOut,
    SettingsIn,
)
from kith_matching.shapes import Coordinator, Participant, ProgramOut

routes = router(tags=["previews"])


@routes.post(
    "/programs/{program_id}/previews", status_code=202, responses=problems(NoSuchProgram, NoSuchRun, BadSettings)
)
async def start_preview(program_id: UUID, body: PreviewIn, actor: Coordinator, session: Transaction) -> PreviewOut:
    made = await previews.request(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return PreviewOut.model_validate(made)


@routes.get("/previews/{preview_id}", responses=problems(NoSuchPreview))
async def get_preview(preview_id: UUID, _: Coordinator, session: Transaction) -> PreviewOut:
    return PreviewOut.model_validate(await previews.found(session, preview_id))


@routes.get("/match-runs/{run_id}/compared/{other_id}", responses=problems(NoSuchRun, NotSolved))
async def compare_runs(run_id: UUID, other_id: UUID, _: Coordinator, session: Transaction) -> ComparisonOut:
    return ComparisonOut.model_validate(await differences.compare(session, run_id=run_id, other_id=other_id))


@routes.get(
    "/match-runs/{run_id}/compared/{other_id}/differences", responses=problems(NoSuchRun, NotSolved, InvalidCursor)
)
async def list_differences(
    run_id: UUID, other_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[DifferenceOut]:
    rows, cursor = await differences.differences(session, run_id=run_id, other_id=other_id, first=first, after=after)
    return Page(items=[DifferenceOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.patch("/programs/{program_id}/settings", responses=problems(NoSuchProgram, BadSettings))
async def change_settings(program_id: UUID, body: SettingsIn, _: Coordinator, session: Transaction) -> ProgramOut:
    changed = await programs.change_settings(session, program_id=program_id, **body.model_dump())
    return ProgramOut.model_validate(changed)


@routes.get("/programs/{program_id}/wait", responses=problems(NoSuchProgram))
async def forecast_wait(program_id: UUID, _: Participant, session: Transaction) -> ForecastOut:
    return ForecastOut.model_validate(await forecasts.wait(session, program_id=program_id))
