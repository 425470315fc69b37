from functools import partial

from kith_chassis.jobs import Job
from kith_delivery.deliveries import prune

KEPT_DAYS = 30

jobs = [Job("prune deliveries", 3600, partial(prune, days=KEPT_DAYS))]
