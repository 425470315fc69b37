from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_matching import routes
from kith_matching.becoming import routes as becoming
from kith_matching.consumers import consumers
from kith_matching.coordination import routes as coordination
from kith_matching.guidance import routes as guidance
from kith_matching.help_queue import routes as help_queue
from kith_matching.importing import routes as importing
from kith_matching.introducing import routes as introducing
from kith_matching.jobs import jobs
from kith_matching.loads import routes as loads
from kith_matching.open_calls import routes as open_calls
from kith_matching.pairing_life import goal_routes
from kith_matching.pairing_life import routes as pairing_life
from kith_matching.previewing import routes as previewing
from kith_matching.refitting import routes as refitting
from kith_matching.tiers import routes as tiers
from kith_matching.training import routes as training

app = create_service(
    name="matching",
    routers=[
        *routes.routers,
        *introducing.routers,
        pairing_life.routes,
        goal_routes.routes,
        guidance.routes,
        importing.routes,
        coordination.routes,
        help_queue.routes,
        open_calls.routes,
        loads.routes,
        previewing.routes,
        training.routes,
        becoming.routes,
        tiers.routes,
        refitting.routes,
    ],
    consumers=consumers,
    jobs=jobs,
    extra=[reconciling],
)
