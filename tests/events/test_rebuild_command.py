"""Rebuilding as an operator does it: by command, killed in the middle, and with everything that can be wrong."""

import asyncio
import os
import sys

import pytest
from sqlalchemy import text

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


async def command(live, *words, wait=True, service=None, **changed):
    told = {
        "KITH_DATABASE_URL": live.place.api_url,
        "KITH_WORKER_DATABASE_URL": live.place.worker_url,
        "KITH_OWNER_DATABASE_URL": live.place.owner_url,
        "KITH_NATS_URL": live.nats_url,
        **changed,
    }
    argv = [sys.executable, "-m", "kith_events", service or live.service, "rebuild", *map(str, words)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*argv, env={**os.environ, **told}, stdout=pipe, stderr=pipe)
    if not wait:
        return child
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


# Who stands in the way, and so where it is when it is killed: with the log applied, and in the midst of swapping.
IN_THE_WAY = {
    "LOCK TABLE inbox IN ROW EXCLUSIVE MODE": "LOCK TABLE%",
    "SELECT 1 FROM members FOR UPDATE": "UPDATE public.members%",
}


async def test_killed_in_the_middle_it_leaves_the_live_one_as_it_was_and_can_be_run_again(start, story):
    live = await start("metrics")
    await live.tell(story("metrics", seed=12).events(100))
    await live.run("UPDATE members SET contributed_at = now()")
    await live.run("DELETE FROM interactions")
    before = await live.learned()
    for way, where in IN_THE_WAY.items():
        async with live.owner.engine.begin() as connection:
            await connection.execute(text(way))
            child = await command(live, "--swap", wait=False)

            async def waiting(where=where, child=child):
                assert child.returncode is None, await child.stderr.read()
                sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE :q"
                return await live.rows(sql, q=where)

            await eventually(waiting, what="getting to the middle", seconds=120)
            child.kill()
            await child.communicate()
        assert await live.learned() == before
        assert await live.leftovers()
    status, out, err = await command(live, "--swap")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].startswith("100 events of the log read")
    assert await live.learned() != before
    assert (await live.rebuild()).equal
    assert not await live.leftovers()


async def test_an_operator_sees_what_differs_and_swaps_by_command(start, story):
    live = await start("metrics")
    await live.tell(story("metrics", seed=13).events(40))
    await live.run("CREATE SCHEMA rebuild")  # left over from a run that was killed
    assert await live.run("DELETE FROM interactions WHERE " + "ctid = (SELECT min(ctid) FROM interactions)") == 1
    status, out, err = await command(live)
    assert status == 1, (out, err)
    assert "interactions  only rebuilt  community_id=" in out
    status, out, _ = await command(live, "--swap")
    assert (status, out.splitlines()[-1]) == (0, "swapped")
    assert (await command(live))[0] == 0
    for changed, service, reason in (
        ({"KITH_SECRET_KEY": "c" * 43}, "identity", "listens to no events"),
        ({"KITH_OWNER_DATABASE_URL": ""}, "metrics", "owner's login"),
    ):
        status, out, err = await command(live, service=service, **changed)
        assert (status, out) == (1, "")
        assert reason in err
