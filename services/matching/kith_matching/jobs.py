from kith_chassis.database import Database
from kith_chassis.jobs import Job
from kith_matching import requests, runs
from kith_matching.pairing_life import nudges, pulses


async def _solve_all(database: Database) -> None:
    while await runs.solve_next(database):
        pass


jobs = [
    Job("solve match runs", 0.5, _solve_all),
    Job("expire requests", 60, requests.expire),
    Job("nudge pairings", 60, nudges.send),
    Job("end pairings as agreed", 60, nudges.end_as_agreed),
    Job("ask pulses", 60, pulses.ask),
]
