"""Introductions: members who meet as equals."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.scenarios.matching.conftest import knows, met

from kith_testkit.probe import eventually

pytestmark = pytest.mark.scenario
NAMES = ("Ana", "Ben", "Cem", "Dana")


async def peers(town, people, **settings):
    await town.arrive(**people)
    program = await town.program(**({"name": "Coffee", "kind": "INTRODUCTION"} | settings))
    await town.enrolled(program, dict.fromkeys(people, "PEER"))
    return program


async def test_m4_i_meet_somebody_who_likes_what_i_like(town):
    likes = dict(zip(NAMES, ("tea", "chess", "tea", "chess"), strict=True))
    program = await peers(town, {name: {"interests": [like]} for name, like in likes.items()})
    found, meetings, left = await town.round(program)
    assert (met(meetings), left) == ({frozenset({"Ana", "Cem"}), frozenset({"Ben", "Dana"})}, [])
    mine = "{ myIntroductions { edges { node { sharedInterests members { displayName } } } } }"
    assert (await town.get(mine, "Ana"))["myIntroductions"]["edges"] == []
    await town.do("publishIntroductionRound", "Ada", "introductionRound { id }", roundId=found["id"])
    [edge] = (await town.get(mine, "Ana"))["myIntroductions"]["edges"]
    assert edge["node"]["sharedInterests"] == ["tea"]
    assert {each["displayName"] for each in edge["node"]["members"]} == {"Ana", "Cem"}


async def test_m20_nobody_meets_twice_a_third_joins_two_and_who_was_left_out_is_first(town):
    program = await peers(town, {name: {} for name in (*NAMES, "Eli")})
    together, before = set(), None
    for trios in (True, False, False):
        found, meetings, left = await town.round(program, trios=trios)
        pairs = {frozenset(two) for one in met(meetings) for two in _pairs(one)}
        assert not pairs & together
        together |= pairs
        assert len(left) == (0 if trios else 1)
        assert before is None or before not in left
        before = left[0] if left else None
        await town.do("publishIntroductionRound", "Ada", "introductionRound { id }", roundId=found["id"])
    apart = [town.ids["Ana"], town.ids["Ben"]]
    await town.do("keepApart", "Ada", "keptApart { keptAt }", memberIds=apart)
    _, meetings, _ = await town.round(program)
    assert not any({"Ana", "Ben"} <= one for one in met(meetings))


def _pairs(people):
    people = sorted(people)
    return [{one, other} for place, one in enumerate(people) for other in people[:place]]


async def test_m21_two_circles_that_never_meet_are_joined_by_a_few_introductions(town):
    makers, bakers = ("Ana", "Ben", "Cem"), ("Dana", "Eli", "Fay")
    program = await peers(town, {name: {} for name in (*makers, *bakers)})
    for circle in (makers, bakers):
        people = [town.ids[name] for name in circle]
        given = {"pool": {"memberIds": people}, "smallest": 3, "largest": 3}
        [group] = (await town.soon("formGroups", "Ada", "formation { groups { id } }", **given))["groups"]
        session = {"groupId": group["id"], "startsAt": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
        [session] = await town.do("scheduleSessions", "Ada", "sessions { id }", sessions=[session])
        came = [{"sessionId": session["id"], "presentIds": people}]
        await town.do("recordAttendance", "Ada", "sessions { id }", sessions=came)

    async def bridged():
        found, meetings, _ = await town.round(program, form="BRIDGE", most=2, leastScore=0.1)
        if found["certificate"]["silos"] == 2:
            return found, meetings
        await town.do("discardIntroductionRound", "Ada", "introductionRound { id }", roundId=found["id"])
        return None

    found, meetings = await eventually(bridged, what="matching hearing of the meetings", seconds=60)
    assert len(meetings) == 2
    assert all(len(one & set(makers)) == len(one & set(bakers)) == 1 for one in met(meetings))
    proof = found["certificate"]
    assert proof["siloIndexBefore"] == 1
    assert proof["siloIndexAfter"] < 0.8


async def test_m43_i_help_one_who_helps_another_who_helps_me(town):
    gives = {"Ana": ("go", "art"), "Ben": ("law", "go"), "Cem": ("art", "law")}
    people = {
        name: knows(offered, level=4, skills_wanted=[{"tag": wanted, "level": 2}])
        for name, (offered, wanted) in gives.items()
    }
    program = await peers(town, people | {"Dana": knows("soup")}, kind="PEER")
    found, [circle], left = await town.round(program, form="EXCHANGE")
    helps = {(each["giver"]["displayName"], *each["skills"], each["taker"]["displayName"]) for each in circle["helps"]}
    assert helps == {("Ana", "go", "Ben"), ("Ben", "law", "Cem"), ("Cem", "art", "Ana")}
    assert (left, found["certificate"]["gap"]) == (["Dana"], 0)
