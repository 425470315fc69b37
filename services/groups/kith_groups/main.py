from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_groups.circles import routes as circles
from kith_groups.consumers import consumers
from kith_groups.conversations import routes as conversations
from kith_groups.jobs import jobs
from kith_groups.sessions import routes as sessions
from kith_writes.front import stand_before

app = create_service(
    name="groups",
    routers=[circles.routes, sessions.routes, conversations.routes],
    consumers=consumers,
    jobs=jobs,
    extra=[reconciling],
)
stand_before(app, routers=[conversations.routes])
