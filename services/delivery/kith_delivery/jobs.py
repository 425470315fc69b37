from functools import partial

from kith_chassis.jobs import Job
from kith_delivery.deliveries import prune

DELIVERED_KEPT_DAYS = 30

jobs = [Job("prune deliveries", 3600, partial(prune, days=DELIVERED_KEPT_DAYS))]
