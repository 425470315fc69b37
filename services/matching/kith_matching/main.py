from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_matching import routes
from kith_matching.consumers import consumers
from kith_matching.introducing import routes as introducing
from kith_matching.jobs import jobs
from kith_matching.previewing import routes as previewing

app = create_service(
    name="matching",
    routers=[*routes.routers, *introducing.routers, previewing.routes],
    consumers=consumers,
    jobs=jobs,
    extra=[reconciling],
)
