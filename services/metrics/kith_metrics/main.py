from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_metrics import routes
from kith_metrics.consumers import consumers

app = create_service(name="metrics", routers=[routes.routes], consumers=consumers, extra=[reconciling])
