from kith_chassis.jobs import Job
from kith_groups import departures

jobs = [Job("part with who left", 1, departures.part)]
