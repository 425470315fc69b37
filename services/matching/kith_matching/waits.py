"""How long somebody will wait. Pure, and apart from the solvers, which a service need not start with."""

REMEMBERED_WEEKS = 8  # that a forecast looks back


def expected_wait(ahead: int, free: int, gone: float, every_weeks: int = 1) -> float:
    """Weeks until somebody who asks now is matched: who is ahead of them beyond the free places, at the recent rate.

    ahead, free  who waits already, and places nobody has
    gone         people who stop waiting in a week, lately, matched or not; inf weeks where nobody does and none is free
    Queueing (Little 1961) with the next run half an interval away; its error is measured by `simulation.py`.
    """
    until = (every_weeks - 1) / 2
    over = max(ahead + 1 - free, 0)
    if over == 0:
        return until
    return until + over / gone if gone > 0 else float("inf")
