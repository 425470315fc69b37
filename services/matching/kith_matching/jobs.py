from kith_chassis.database import Database
from kith_chassis.jobs import Job
from kith_matching import barriers, departures, pairings, requests, runs, waitlist
from kith_matching.introducing import schedules, working
from kith_matching.open_calls import asking
from kith_matching.pairing_life import nudges, pulses
from kith_matching.pausing import pauses
from kith_matching.previewing import previews
from kith_matching.tiers import standings
from kith_matching.welcoming import newcomers


async def _solve_all(database: Database) -> None:
    while await runs.solve_next(database):
        pass


async def _work_on_previews(database: Database) -> None:
    while await previews.solve_next(database):
        pass


async def _work_on_rounds(database: Database) -> None:
    while await working.solve_next(database):
        pass
    while await working.publish_next(database):
        pass


async def _part_all(database: Database) -> None:
    while await barriers.part_next(database):
        pass


jobs = [
    Job("solve match runs", 0.5, _solve_all),
    Job("part with who left", 1, departures.part),
    Job("end pauses", 60, pauses.end),
    Job("expire requests", 60, requests.expire),
    Job("decline what a program leaves over", 60, pairings.decline_left_over),
    Job("move up in line", 5, waitlist.move_up),
    Job("nudge pairings", 60, nudges.send),
    Job("end pairings as agreed", 60, nudges.end_as_agreed),
    Job("ask pulses", 60, pulses.ask),
    Job("make rounds that are due", 60, schedules.make_due),
    Job("work on rounds", 0.5, _work_on_rounds),
    Job("work on previews", 0.5, _work_on_previews),
    Job("welcome newcomers", 1, newcomers.welcome),
    Job("work on open calls", 10, asking.work),
    Job("part who is kept apart", 0.5, _part_all),
    Job("judge mentors", 3600, standings.judge),
]
