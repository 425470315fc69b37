from kith_chassis.service import create_service
from kith_events.reconcile import reconciling
from kith_identity import routes
from kith_identity.jobs import jobs
from kith_identity.sessions import signing
from kith_identity.settings import Settings

app = create_service(
    name="identity", routers=routes.routers, jobs=jobs, settings=Settings, extra=[signing, reconciling]
)
