from kith_chassis.database import Database
from kith_chassis.jobs import Job
from kith_matching import requests, runs


async def _solve_all(database: Database) -> None:
    while await runs.solve_next(database):
        pass


jobs = [Job("solve match runs", 0.5, _solve_all), Job("expire requests", 60, requests.expire)]
