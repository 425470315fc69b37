"""What a report says is of those who are here, and of what stands now."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from kith_chassis.ids import new_id
from kith_metrics.reports import NAMES_KEPT
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


def ago(**time):
    return (datetime.now(UTC) - timedelta(**time)).isoformat()


@pytest.fixture
def tell(metrics, community_id):
    async def tell(type_, data, **more):
        await metrics.deliver(community_id, f"{type_}.v1", data, **more)

    return tell


@pytest.fixture
async def people(metrics, community_id):
    """Six who joined a month ago."""
    found = [new_id() for _ in range(6)]
    joined = [{"member_id": each, "joined_at": ago(days=30)} for each in found]
    await metrics.deliver_all(
        [(new_id(), community_id, "identity.member_joined.v1", data, data["member_id"], 1) for data in joined]
    )
    return found


@pytest.fixture
def report(metrics, coordinator):
    """The figures of a report made now, and whom it names for which reasons and with which step."""

    async def report():
        client = metrics.client(coordinator)
        made = (await client.post("/reports", json={})).json()
        named = (await client.get(f"/reports/{made['id']}/isolated")).json()["items"]
        return made["figures"] | {"id": made["id"]}, {row["member_id"]: (row["reasons"], row["step"]) for row in named}

    return report


@pytest.fixture
def ties(metrics, coordinator):
    async def ties():
        rows = (await metrics.client(coordinator).get("/interactions", params={"first": 500})).json()["items"]
        return {(row["from_id"], row["to_id"]): row["last_at"] for row in rows}

    return ties


async def test_who_has_left_is_not_counted_not_named_and_nobodys_tie(
    metrics, coordinator, community_id, people, tell, report
):
    one, other, lonely, *_ = people
    await tell("recognition.kudos_given", {"giver_id": one, "receiver_id": other})
    before, named = await report()
    assert (before["members"], before["connected"], before["activated"]) == (6, 2, 1)
    assert str(lonely) in named
    late = new_id()  # whose leaving is heard of before their joining
    for gone in (one, lonely, late):
        await tell("identity.member_left", {"member_id": gone, "reason": "left"})
    await tell("identity.member_joined", {"member_id": late, "joined_at": ago(days=30)})
    after, named = await report()
    assert (after["members"], after["connected"], after["activated"], after["active"]) == (4, 0, 0, 0)
    assert set(named) == {str(each) for each in people if each not in (one, lonely)}
    assert "never_connected" in named[str(other)][0]
    old = (await metrics.client(coordinator).get(f"/reports/{before['id']}/isolated")).json()["items"]
    assert old
    assert str(lonely) not in {row["member_id"] for row in old}


@pytest.mark.parametrize("backwards", [False, True])
async def test_what_was_offered_counts_while_it_stands(metrics, community_id, people, report, backwards):
    asked, ended, member, still, mentor, _ = people
    pairings, group = [new_id() for _ in range(3)], new_id()
    told = []
    for pairing, who, facts in zip(
        pairings,
        (asked, ended, still),
        (["proposed", "declined"], ["proposed", "accepted", "ended"], ["proposed"]),
        strict=True,
    ):
        data = {"mentor_id": mentor, "mentee_id": who, "by_themselves": False}
        told += [(f"matching.pairing_{fact}.v1", data, pairing, n) for n, fact in enumerate(facts, 1)]
    told.append(("groups.group_formed.v1", {"member_ids": [member, still]}, group, 1))
    told.append(("groups.membership_ended.v1", {"member_id": member}, group, 2))
    told.append(("groups.membership_started.v1", {"member_id": asked}, group, 3))
    if backwards:
        told.reverse()
    for type_, data, aggregate, sequence in told:
        await metrics.deliver(community_id, type_, data, aggregate_id=aggregate, sequence=sequence)
    _, named = await report()
    offered = {"in_a_group_but_met_nobody", "pairing_not_accepted", "not_in_a_group", "no_pairing"}
    found = {each: offered & set(named[str(each)][0]) for each in (asked, ended, member, still)}
    assert found == {
        asked: {"in_a_group_but_met_nobody", "no_pairing"},
        ended: {"not_in_a_group", "no_pairing"},
        member: {"not_in_a_group", "no_pairing"},
        still: {"in_a_group_but_met_nobody", "pairing_not_accepted"},
    }


async def test_a_pairing_accepted_for_the_two_makes_nobody_active_or_connected(people, tell, report, ties):
    one, other, third, *_ = people
    await tell("matching.pairing_accepted", {"mentor_id": one, "mentee_id": other, "by_themselves": False})
    figures, named = await report()
    assert (figures["active"], figures["activated"], figures["connected"]) == (0, 0, 0)
    assert not {"no_pairing", "pairing_not_accepted"} & set(named[str(one)][0])
    assert await ties() == {}
    await tell("matching.pairing_accepted", {"mentor_id": one, "mentee_id": third, "by_themselves": True})
    figures, _ = await report()
    assert (figures["active"], figures["activated"], figures["connected"]) == (2, 2, 2)


async def test_to_be_in_a_circle_is_not_yet_to_be_active(people, tell, report):
    await tell("groups.membership_started", {"member_id": people[0]})
    figures, _ = await report()
    assert figures["active"] == 0


async def test_pairs_who_meet_do_not_cool(metrics, community_id, people, tell, report, ties):
    one, other, *_ = people
    pair = {"mentor_id": one, "mentee_id": other}
    met = pair | {"kind": "met", "recorded_by": other, "happened_at": ago(days=70)}
    await tell("matching.touchpoint_recorded", met)
    assert set(await ties()) == {(str(one), str(other)), (str(other), str(one))}
    _, named = await report()
    assert named[str(one)] == (["ties_have_cooled", "one_tie_only"], "say_hello")
    await tell("matching.touchpoint_recorded", met | {"happened_at": ago(days=1)})
    _, named = await report()
    assert named[str(one)] == (["one_tie_only"], "introduce_to_someone")
    third = people[2]
    reached = pair | {"mentee_id": third, "kind": "reached_out", "recorded_by": third, "happened_at": ago(days=1)}
    await tell("matching.touchpoint_recorded", reached)
    assert {each for each in await ties() if str(third) in each} == {(str(third), str(one))}


async def test_a_session_of_more_than_twelve_ties_nobody_and_its_time_is_when_it_was(people, tell, report, ties):
    crowd = [*people, *(new_id() for _ in range(7))]
    await tell("groups.attendance_recorded", {"present_ids": crowd, "starts_at": ago(days=40)})
    assert await ties() == {}
    figures, _ = await report()
    assert (figures["activated"], figures["active"]) == (6, 0)
    began = ago(days=35)
    await tell("groups.attendance_recorded", {"present_ids": crowd[:12], "starts_at": began})
    assert len(await ties()) == 12 * 11
    assert {datetime.fromisoformat(each) for each in (await ties()).values()} == {datetime.fromisoformat(began)}
    await tell("groups.attendance_recorded", {"present_ids": people[:2], "starts_at": ago(days=-40)})
    assert max(datetime.fromisoformat(each) for each in (await ties()).values()) <= datetime.now(UTC)


async def test_an_answer_ties_who_asked_whoever_accepted_it(people, tell, ties):
    answerer, asker, moderator, *_ = people
    data = {"answerer_id": answerer, "accepted_by": moderator}
    await tell("groups.answer_accepted", data | {"asker_id": asker})
    assert set(await ties()) == {(str(answerer), str(asker))}
    await tell("groups.answer_accepted", data)  # as it was told before anybody said who had asked
    assert set(await ties()) == {(str(answerer), str(asker)), (str(answerer), str(moderator))}


async def test_of_old_reports_the_figures_stay_and_the_names_go(metrics, coordinator, people, report):
    made = [(await report())[0]["id"] for _ in range(NAMES_KEPT + 1)]
    client = metrics.client(coordinator)
    assert (await client.get(f"/reports/{made[0]}/isolated")).json()["items"] == []
    assert (await client.get(f"/reports/{made[0]}")).json()["figures"]["named"] == len(people)
    assert len((await client.get(f"/reports/{made[1]}/isolated")).json()["items"]) == len(people)


@pytest.mark.parametrize("place", ["[1e30]", '["999999999999999999999999"]'])
async def test_a_place_no_list_reaches_is_no_cursor(metrics, coordinator, people, report, place):
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    made, _ = await report()
    answer = await metrics.client(coordinator).get(f"/reports/{made['id']}/isolated", params={"after": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_an_app_that_may_read_makes_no_reports(metrics, community_id):
    app = metrics.client(Actor(community_id, permissions=frozenset({"metrics:read"}), app=True))
    assert (await app.get("/reports")).status_code == 200
    assert (await app.post("/reports", json={})).status_code == 403
