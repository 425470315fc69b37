"""A coordinator asks how the community is."""

from datetime import UTC, datetime, timedelta

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


async def everyone(metrics, community_id):
    """Ten members who joined a month ago; the first three talk, four and five sit in a session, two are paired."""
    people = [new_id() for _ in range(10)]
    joined = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    told = [("identity.member_joined.v1", {"member_id": each, "joined_at": joined}) for each in people]
    told += [
        ("groups.post_written.v1", {"author_id": people[0], "reply_to_id": None}),
        ("groups.post_written.v1", {"author_id": people[1], "reply_to_id": people[0]}),
        ("recognition.kudos_given.v1", {"giver_id": people[0], "receiver_id": people[2]}),
        ("groups.group_formed.v1", {"member_ids": people[3:8]}),
        ("groups.attendance_recorded.v1", {"present_ids": people[3:5]}),
        ("matching.pairing_proposed.v1", {"mentor_id": people[5], "mentee_id": people[8]}),
        ("matching.pairing_accepted.v1", {"mentor_id": people[5], "mentee_id": people[6]}),
        ("groups.post_written.v1", {"author_id": people[9], "reply_to_id": None}),
        ("groups.answer_accepted.v1", {"answerer_id": people[1], "accepted_by": people[0]}),
    ]
    await metrics.deliver_all([(new_id(), community_id, type_, data, new_id(), 1) for type_, data in told])
    return people


async def test_the_report_names_who_is_connected_to_nobody_and_why(metrics, coordinator):
    people = await everyone(metrics, coordinator.community_id)
    client = metrics.client(coordinator)
    answer = await client.post("/reports", json={})
    assert answer.status_code == 201, answer.text
    report = answer.json()
    figures = report["figures"]
    assert (figures["members"], figures["connected"], figures["never_connected"]) == (10, 7, 3)
    assert figures["activated"] == 7
    named = (await client.get(f"/reports/{report['id']}/isolated")).json()["items"]
    alone = {row["member_id"]: row for row in named if "never_connected" in row["reasons"]}
    assert set(alone) == {str(people[7]), str(people[8]), str(people[9])}
    assert "in_a_group_but_met_nobody" in alone[str(people[7])]["reasons"]
    assert "pairing_not_accepted" in alone[str(people[8])]["reasons"]
    assert alone[str(people[9])]["step"] == "reply_to_their_post"
    assert [row["score"] for row in named] == sorted((row["score"] for row in named), reverse=True)
    assert report["provenance"]["inputs"]["members"] == 10
    events = await metrics.emitted(coordinator.community_id, "metrics.report_made.v1")
    assert events == [{"report_id": report["id"], "members": 10, "never_connected": 3}]


async def test_who_with_whom_is_directed_weighted_and_paged(metrics, coordinator):
    people = await everyone(metrics, coordinator.community_id)
    client = metrics.client(coordinator)
    pages, after = [], None
    while True:
        page = (await client.get("/interactions", params={"first": 2} | ({"after": after} if after else {}))).json()
        pages += page["items"]
        after = page["next_cursor"]
        if after is None:
            break
    weights = {(row["from_id"], row["to_id"]): row["weight"] for row in pages}
    assert len(pages) == len(weights) == 6
    assert weights[str(people[1]), str(people[0])] == 2
    assert (str(people[0]), str(people[1])) not in weights
    backward, before = [], ""
    while before is not None:
        page = (await client.get("/interactions", params={"first": 4, "after": f"-{before}"})).json()
        backward, before = page["items"] + backward, page["next_cursor"]
    assert backward == pages  # ordered by two columns, from the end
    partners = await client.post("/read/partners-by-member", json={"keys": [str(p) for p in people]})
    assert partners.json() == [2, 1, 1, 1, 1, 1, 1, 0, 0, 0]


async def test_the_same_event_twice_is_one_interaction(metrics, coordinator):
    event_id, data = new_id(), {"giver_id": new_id(), "receiver_id": new_id()}
    for _ in range(2):
        await metrics.deliver(coordinator.community_id, "recognition.kudos_given.v1", data, event_id=event_id)
    rows = (await metrics.client(coordinator).get("/interactions")).json()["items"]
    assert [row["weight"] for row in rows] == [1]


async def test_reports_are_for_coordinators_of_this_community(metrics, coordinator, stranger):
    report = (await metrics.client(coordinator).post("/reports", json={})).json()
    assert (await metrics.client(Actor(coordinator.community_id)).post("/reports", json={})).status_code == 403
    other = metrics.client(stranger)
    assert (await other.get(f"/reports/{report['id']}")).status_code == 404
    assert (await other.get(f"/reports/{report['id']}/isolated")).status_code == 404
    assert (await other.get("/reports", params={"after": "nonsense"})).json()["code"] == "invalid_cursor"


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_no_calendar_of_ours_has_is_refused(metrics, coordinator, when):
    for name in ("since", "until"):
        answer = await metrics.client(coordinator).get("/interactions", params={name: when})
        assert answer.status_code == 422
