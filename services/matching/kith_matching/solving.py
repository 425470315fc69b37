"""Solvers in processes of their own, so that their memory and their event loop are not the service's."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

SMALL = 100_000  # characters of a problem: some two hundred people
LEASE_SECONDS = 60
MAX_ATTEMPTS = 5


class UnsolvableError(ValueError):
    """A problem that has no solution, and what the solver found against it."""

    def __init__(self, told: str, found: Any) -> None:
        super().__init__(told)
        self.found = found


async def solved(module: str, problem: str, keep: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """What `python -m module` answers to a problem, both JSON; `keep` is called meanwhile, four times a lease.

    Raises UnsolvableError when the problem has no solution, RuntimeError when the solver died. The child never outlives
    the call.
    """
    # Interpreted, a small problem is solved long before the first compilation would have ended.
    compiling = {} if len(problem) > SMALL else {"NUMBA_DISABLE_JIT": "1"}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=os.environ | compiling,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    working = asyncio.ensure_future(child.communicate(problem.encode()))
    try:
        while not working.done():
            await asyncio.wait([working], timeout=LEASE_SECONDS / 4)
            await keep()
        output, complaint = working.result()
    finally:
        if child.returncode is None:
            child.kill()
            await asyncio.gather(working, return_exceptions=True)
    if child.returncode == 1:
        told = complaint.decode(errors="replace").strip().splitlines()[-1][:500]
        raise UnsolvableError(told, json.loads(output or "null"))
    if child.returncode != 0:
        raise RuntimeError(f"the solver ended with {child.returncode}")
    solution: dict[str, Any] = json.loads(output)
    return solution
