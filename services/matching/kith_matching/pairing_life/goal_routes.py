from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_matching.errors import NoSuchGoal, NoSuchPairing, NoSuchTask, NotOneOfTheTwo, NotTogether
from kith_matching.pairing_life import goals, queries
from kith_matching.pairing_life.models import Goal, Task
from kith_matching.pairing_life.shapes import GoalChange, GoalIn, GoalOut, TaskCheck, TaskIn, TaskOut
from kith_matching.shapes import Keys, Participant

routes = router(tags=["goals"])


@routes.post("/pairings/{pairing_id}/goals", status_code=201, responses=problems(NoSuchPairing, NotTogether))
async def set_goal(pairing_id: UUID, body: GoalIn, actor: Participant, session: Transaction) -> GoalOut:
    made = await goals.set_goal(session, actor_id=actor.subject, pairing_id=pairing_id, title=body.title)
    return GoalOut.model_validate(made)


@routes.patch("/goals/{goal_id}", responses=problems(NoSuchGoal, NotTogether))
async def change_goal(goal_id: UUID, body: GoalChange, actor: Participant, session: Transaction) -> GoalOut:
    changed = await goals.change_goal(session, actor_id=actor.subject, goal_id=goal_id, **body.model_dump())
    return GoalOut.model_validate(changed)


@routes.post("/read/goals-by-pairing")
async def goals_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[GoalOut]]:
    found = await queries.newest(session, Goal, body.keys, actor=actor, first=body.first)
    return [[GoalOut.model_validate(each) for each in some] for some in found]


@routes.post(
    "/pairings/{pairing_id}/tasks",
    status_code=201,
    responses=problems(NoSuchPairing, NotTogether, NoSuchGoal, NotOneOfTheTwo),
)
async def add_task(pairing_id: UUID, body: TaskIn, actor: Participant, session: Transaction) -> TaskOut:
    made = await goals.add_task(session, actor_id=actor.subject, pairing_id=pairing_id, **body.model_dump())
    return TaskOut.model_validate(made)


@routes.post("/tasks/{task_id}/check", responses=problems(NoSuchTask, NotTogether))
async def check_task(task_id: UUID, body: TaskCheck, actor: Participant, session: Transaction) -> TaskOut:
    checked = await goals.check_task(session, actor_id=actor.subject, task_id=task_id, done=body.done)
    return TaskOut.model_validate(checked)


@routes.post("/read/tasks-by-pairing")
async def tasks_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[TaskOut]]:
    found = await queries.newest(session, Task, body.keys, actor=actor, first=body.first)
    return [[TaskOut.model_validate(each) for each in some] for some in found]
