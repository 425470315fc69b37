from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_recognition import routes
from kith_recognition.consumers import consumers

app = create_service(name="recognition", routers=[routes.routes], consumers=consumers, extra=[reconciling])
