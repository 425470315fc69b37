from kith_chassis.service import create_service
from kith_delivery import routes
from kith_delivery.consumers import consumers
from kith_delivery.jobs import jobs
from kith_delivery.sender import sending
from kith_delivery.settings import Settings
from kith_events.reconcile import reconciling

app = create_service(
    name="delivery",
    routers=routes.routers,
    consumers=consumers,
    jobs=jobs,
    settings=Settings,
    extra=[sending, reconciling],
)
