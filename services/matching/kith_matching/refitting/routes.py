from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_matching.errors import NoSuchProgram
from kith_matching.refitting import outcomes
from kith_matching.shapes import Coordinator, Out

routes = router(tags=["refitting"])


class RefittedOut(Out):
    weights: dict[str, float]
    weights_now: dict[str, float]
    supported: bool
    pairings: int
    mentors: int
    error_of_mean: float | None
    error_now: float | None
    error_refitted: float | None


@routes.get("/programs/{program_id}/refitted-weights", responses=problems(NoSuchProgram))
async def refitted_weights(program_id: UUID, _: Coordinator, session: Transaction) -> RefittedOut:
    return RefittedOut.model_validate(await outcomes.refitted(session, program_id=program_id))
