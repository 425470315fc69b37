"""Two of whom one has blocked or reported the other are not brought together, and neither learns why."""

import asyncio

import pytest
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_matching.introducing import apart
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(matching, community_id):
    return lambda member_id: matching.client(Actor(community_id, member_id=member_id))


@pytest.fixture
async def program(matching, coordinator, cohort):
    """A program of two mentors and four mentees of the cohort."""
    mentors, mentees = cohort
    client = matching.client(coordinator)
    made = (await client.post("/programs", json={"name": "Spring", "kind": "mentoring"})).json()
    rows = [{"member_id": str(each), "side": "mentor", "max_pairings": 5} for each in mentors[:2]]
    rows += [{"member_id": str(each), "side": "mentee", "max_pairings": 2} for each in mentees[:4]]
    answer = await client.post(f"/programs/{made['id']}/enrollments/bulk", json={"enrollments": rows})
    assert answer.json()["errors"] == []
    return made["id"]


@pytest.fixture
def tell(matching, community_id):
    """Have identity tell of a block, its lifting or a report; returns when matching has heard."""
    told = {}

    async def tell(fact, by, other, **more):
        told[by] = sequence = told.get(by, 0) + 1
        whom = "reported_id" if fact == "reported" else "blocked_id"
        data = {"member_id": by, whom: other} | ({"report_id": new_id()} if fact == "reported" else {})
        type_ = f"identity.member_{fact}.v1"
        await matching.deliver(community_id, type_, data, aggregate_id=by, sequence=sequence, **more)

    return tell


def ask(client, program, mentor, **more):
    return client.post(f"/programs/{program}/requests", json={"mentor_id": str(mentor), "message": "Hello?"} | more)


def settle(client, request, to):
    return client.post(f"/requests/{request['id']}/settle", json={"to": to})


async def requests_of(client):
    return [each["id"] for each in (await client.get("/requests")).json()["items"]]


async def parted(matching, community_id):
    async def done():
        sql = "SELECT count(*) AS n FROM barriers WHERE community_id = :c AND NOT parted"
        return (await matching.rows(sql, c=community_id)) == [{"n": 0}]

    await eventually(done, what="parting")


BOTH = [("blocked", 0), ("blocked", 1), ("reported", 0), ("reported", 1)]


def two(cohort, turned):
    """A mentor and a mentee, and which of them says so."""
    mentor, mentee = cohort[0][0], cohort[1][0]
    return mentor, mentee, (mentor, mentee) if turned else (mentee, mentor)


@pytest.mark.parametrize(("fact", "turned"), BOTH)
async def test_a_request_between_two_kept_apart_is_made_like_any_other_and_reaches_nobody(
    matching, community_id, program, cohort, as_member, tell, fact, turned
):
    mentor, mentee, says = two(cohort, turned)
    other = (await ask(as_member(cohort[1][1]), program, mentor)).json()
    await tell(fact, *says)
    asked = await ask(as_member(mentee), program, mentor)
    assert asked.status_code == 201, asked.text
    asked = asked.json()
    assert (set(asked), asked["status"]) == (set(other), "pending")
    assert await requests_of(as_member(mentee)) == [asked["id"]]
    assert await requests_of(as_member(mentor)) == [other["id"]]
    read = (await as_member(mentor).post("/read/requests", json={"keys": [asked["id"]]})).json()
    assert read == [None]
    for to in ("accepted", "declined"):
        hidden, absent = [await settle(as_member(mentor), {"id": each}, to) for each in (asked["id"], new_id())]
        assert (hidden.status_code, hidden.json()) == (404, absent.json())
    assert (await settle(as_member(mentee), asked, "withdrawn")).json()["status"] == "withdrawn"
    told = [each for each in await matching.emitted(community_id) if "request_id" in each]
    assert [each["request_id"] for each in told] == [other["id"], asked["id"], asked["id"]]
    assert all(str(mentor) not in map(str, each.values()) for each in told[1:])  # its asker alone hears of it


@pytest.mark.parametrize(("fact", "turned"), BOTH)
async def test_what_two_share_ends_without_fault_or_cause(
    matching, coordinator, community_id, program, cohort, as_member, tell, fact, turned
):
    mentor, mentee, says = two(cohort, turned)
    asked = (await ask(as_member(mentee), program, mentor)).json()
    assert (await settle(as_member(mentor), asked, "accepted")).status_code == 200
    second = await matching.client(coordinator).post("/programs", json={"name": "Autumn", "kind": "mentoring"})
    given = {"side": "mentee", "other_id": str(mentor)}
    brought = await as_member(mentee).post(f"/programs/{second.json()['id']}/private-pairings", json=given)
    assert brought.status_code == 201, brought.text
    bystander = (await ask(as_member(cohort[1][1]), program, mentor)).json()
    assert (await settle(as_member(mentor), bystander, "accepted")).status_code == 200
    await tell(fact, *says)
    await parted(matching, community_id)
    items = (await as_member(mentee).get("/pairings")).json()["items"]
    seen = {each["program_id"]: (each["status"], each["end_reason"]) for each in items}
    assert seen == {program: ("ended", "no_fault"), second.json()["id"]: ("declined", None)}
    [ended] = await matching.emitted(community_id, "matching.pairing_ended.v1")
    assert ended["reason"] == "no_fault"
    others = (await as_member(cohort[1][1]).get("/pairings")).json()["items"]
    assert [each["status"] for each in others] == ["accepted"]
    again = await as_member(mentee).post(f"/programs/{second.json()['id']}/private-pairings", json=given)
    nobody = await as_member(mentee).post(
        f"/programs/{second.json()['id']}/private-pairings", json=given | {"other_id": str(new_id())}
    )
    assert (again.status_code, again.json()) == (404, nobody.json())


@pytest.mark.parametrize("turned", [0, 1])
async def test_an_open_request_is_withdrawn_by_who_blocks_and_goes_unanswered_for_who_is_blocked(
    matching, community_id, program, cohort, as_member, tell, turned
):
    mentor, mentee, says = two(cohort, turned)
    asked = (await ask(as_member(mentee), program, mentor)).json()
    await tell("blocked", *says)
    await parted(matching, community_id)
    [mine] = (await as_member(mentee).get("/requests")).json()["items"]
    assert (mine["id"], mine["status"]) == (asked["id"], "pending" if turned else "withdrawn")
    assert await requests_of(as_member(mentor)) == ([] if turned else [asked["id"]])
    withdrawn = await matching.emitted(community_id, "matching.request_withdrawn.v1")
    assert len(withdrawn) == (0 if turned else 1)


async def test_a_request_that_reaches_nobody_goes_on_to_the_next_choice_when_its_time_is_up(
    matching, community_id, program, cohort, as_member, tell
):
    mentors, mentees = cohort
    await tell("blocked", mentors[0], mentees[0])
    given = {"then": [str(mentors[1])]}
    asked = await ask(as_member(mentees[0]), program, mentors[0], **given)
    assert asked.status_code == 201, asked.text
    await matching.rows(
        "UPDATE requests SET asked_at = asked_at - interval '30 days', expires_at = expires_at - interval '30 days'"
        " WHERE id = :id RETURNING id",
        id=asked.json()["id"],
    )
    job = next(each for each in matching.app.state.jobs if each.name == "expire requests")
    await job.act(matching.database)
    assert await requests_of(as_member(mentors[0])) == []
    assert len(await requests_of(as_member(mentors[1]))) == 1
    assert await matching.emitted(community_id, "matching.request_expired.v1") == []
    [told] = await matching.emitted(community_id, "matching.held_request_expired.v1")
    assert (told["request_id"], told["asked_by"]) == (asked.json()["id"], str(mentees[0]))


async def test_who_left_is_parted_also_from_who_asked_them_in_vain(
    matching, community_id, program, cohort, as_member, tell
):
    mentor, mentee = cohort[0][0], cohort[1][0]
    await tell("blocked", mentor, mentee)
    asked = (await ask(as_member(mentee), program, mentor)).json()
    await matching.deliver(community_id, "identity.member_left.v1", {"member_id": mentor})
    job = next(each for each in matching.app.state.jobs if each.name == "part with who left")
    await job.act(matching.database)
    [mine] = (await as_member(mentee).get("/requests")).json()["items"]
    assert (mine["id"], mine["status"]) == (asked["id"], "declined")
    [told] = await matching.emitted(community_id, "matching.held_request_declined.v1")
    assert told["asked_by"] == str(mentee)
    assert await matching.emitted(community_id, "matching.request_declined.v1") == []


async def test_the_next_choice_is_not_somebody_who_blocks_the_asker_meanwhile(
    matching, community_id, program, cohort, as_member
):
    mentors, mentees = cohort
    asked = await ask(as_member(mentees[0]), program, mentors[0], then=[str(mentors[1])])
    await matching.rows(
        "UPDATE requests SET asked_at = asked_at - interval '30 days', expires_at = expires_at - interval '30 days'"
        " WHERE id = :id RETURNING id",
        id=asked.json()["id"],
    )
    job = next(each for each in matching.app.state.jobs if each.name == "expire requests")
    async with matching.database.transaction() as session:
        await apart.change(session, community_id)
        expiring = asyncio.create_task(job.act(matching.database))
        waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ShareLock'"

        async def waiting():
            return await matching.rows(waits)

        await eventually(waiting, what="the job waiting")
        one, other = sorted((mentees[0], mentors[1]))
        await session.execute(
            text(
                "INSERT INTO barriers (community_id, one_id, other_id, source, raised_by, raised_at)"
                " VALUES (:c, :one, :other, 'block', :by, now())"
            ),
            {"c": community_id, "one": one, "other": other, "by": mentors[1]},
        )
    await expiring
    assert await requests_of(as_member(mentors[1])) == []
    assert len(await matching.emitted(community_id, "matching.request_made.v1")) == 1


async def test_a_block_is_lifted_by_who_made_it_alone_and_a_report_never(
    matching, community_id, program, cohort, as_member, tell
):
    mentor, mentee = cohort[0][0], cohort[1][0]

    async def reached():
        asked = (await ask(as_member(mentee), program, mentor)).json()
        there = asked["id"] in await requests_of(as_member(mentor))
        await settle(as_member(mentee), asked, "withdrawn")
        return there

    await tell("blocked", mentor, mentee)
    await tell("blocked", mentee, mentor)
    await tell("unblocked", mentee, mentor)
    assert not await reached()
    await tell("unblocked", mentor, mentee)
    assert await reached()
    await tell("reported", mentee, mentor)
    for by, other in ((mentee, mentor), (mentor, mentee)):
        await tell("blocked", by, other)
        await tell("unblocked", by, other)
    assert not await reached()


async def test_events_that_come_twice_late_or_about_oneself_change_nothing(matching, community_id, cohort, tell):
    one, other = cohort[1][:2]
    event_id = new_id()
    await tell("blocked", one, other, event_id=event_id)
    await tell("unblocked", one, other)
    await matching.deliver(
        community_id, "identity.member_blocked.v1", {"member_id": one, "blocked_id": other}, event_id=event_id
    )
    await tell("blocked", one, one)
    await tell("unblocked", new_id(), new_id())
    standing = "SELECT * FROM barriers WHERE community_id = :c AND NOT lifted"
    assert await matching.rows(standing, c=community_id) == []


async def test_what_was_said_last_holds_in_whatever_order_it_comes(matching, community_id, cohort):
    one, other, third = cohort[1][:3]

    async def say(fact, by, of, sequence):
        data = {"member_id": by, "blocked_id": of}
        type_ = f"identity.member_{fact}.v1"
        await matching.deliver(community_id, type_, data, aggregate_id=by, sequence=sequence)

    async def standing():
        sql = "SELECT raised_by FROM barriers WHERE community_id = :c AND NOT lifted ORDER BY raised_by"
        return [each["raised_by"] for each in await matching.rows(sql, c=community_id)]

    for sequence in (5, 7, 6):
        await say("unblocked" if sequence == 6 else "blocked", one, other, sequence)
    await say("unblocked", third, other, 2)
    await say("blocked", third, other, 1)
    assert await standing() == [one]
    await say("unblocked", one, other, 8)
    assert await standing() == []
    await say("blocked", third, other, 3)
    assert await standing() == [third]


async def test_a_helper_neither_sees_nor_gets_what_somebody_kept_apart_asked(
    matching, community_id, program, cohort, as_member, tell
):
    mentors, mentees = cohort
    mentor, other = as_member(mentors[0]), as_member(mentors[1])
    wanted = await as_member(mentees[0]).post(f"/programs/{program}/help", json={"topic": "SQL"})
    assert wanted.status_code == 201, wanted.text
    wanted = wanted.json()["id"]
    assert (await mentor.post(f"/help/{wanted}/claim")).status_code == 200
    await tell("blocked", mentees[0], mentors[0])
    await parted(matching, community_id)
    assert (await mentor.get(f"/programs/{program}/help")).json()["items"] == []
    hidden, absent = [await mentor.post(f"/help/{each}/claim") for each in (wanted, new_id())]
    assert (hidden.status_code, hidden.json()) == (404, absent.json())
    nobody = await mentor.post(f"/programs/{program}/help/claim-next")
    assert (nobody.status_code, nobody.json()["code"]) == (409, "nobody_waits")
    assert (await mentor.post(f"/help/{wanted}/release")).status_code == 409
    [seen] = (await other.get(f"/programs/{program}/help")).json()["items"]
    assert (seen["id"], seen["claimed_by"]) == (wanted, None)
    assert (await other.post(f"/programs/{program}/help/claim-next")).json()["id"] == wanted


async def test_a_run_neither_suggests_nor_publishes_two_who_are_kept_apart_and_coordinators_see_no_block(
    matching, coordinator, community_id, program, cohort, tell
):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    await tell("blocked", mentees[0], mentors[0])

    async def solved(run):
        found = (await client.get(f"/match-runs/{run['id']}")).json()
        return found if found["status"] in {"solved", "failed"} else None

    async def suggested(run):
        rows = (await client.get(f"/match-runs/{run['id']}/suggestions")).json()["items"]
        return {(each["mentee_id"], each["mentor_id"]) for each in rows}

    run = (await client.post(f"/programs/{program}/match-runs", json={})).json()
    await eventually(lambda: solved(run), what="solving", seconds=60)
    pairs = await suggested(run)
    assert pairs
    assert (str(mentees[0]), str(mentors[0])) not in pairs
    mentee, mentor = next(iter(pairs))
    await tell("reported", mentor, mentee)
    assert (await client.post(f"/match-runs/{run['id']}/publish")).status_code == 200
    made = (await client.get(f"/programs/{program}/pairings")).json()["items"]
    assert {(each["mentee_id"], each["mentor_id"]) for each in made} == pairs - {(mentee, mentor)}
    assert (await client.get("/kept-apart")).json()["items"] == []


async def test_a_coordinator_cannot_accept_for_two_who_are_kept_apart(
    matching, coordinator, community_id, program, cohort
):
    pairing = new_id()
    one, other = cohort[0][0], cohort[1][0]
    await matching.rows(
        "INSERT INTO pairings (id, community_id, program_id, mentor_id, mentee_id, status)"
        " VALUES (:id, :c, :p, :one, :other, 'proposed') RETURNING id",
        id=pairing, c=community_id, p=program, one=one, other=other,
    )  # fmt: skip
    client = matching.client(coordinator)
    kept = await client.post("/kept-apart", json={"member_ids": [str(one), str(other)]})
    assert kept.status_code == 200, kept.text
    done = await client.post("/pairings/accept", json={"pairing_ids": [str(pairing)]})
    assert (done.status_code, done.json()["accepted"]) == (200, 0)


async def test_who_is_blocked_while_a_pair_is_being_made_is_parted_from_it(
    matching, community_id, program, cohort, as_member, tell
):
    """Whoever pairs holds back whoever keeps apart: the event waits, then sees the pair."""
    mentor, mentee = cohort[0][0], cohort[1][0]
    asked = (await ask(as_member(mentee), program, mentor)).json()
    async with matching.database.transaction() as session:
        await apart.hold(session, community_id)
        heard = asyncio.create_task(tell("blocked", mentee, mentor))
        waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ExclusiveLock'"

        async def waiting():
            return await matching.rows(waits)

        await eventually(waiting, what="the event waiting")
        accepted = asyncio.create_task(settle(as_member(mentor), asked, "accepted"))
        assert not heard.done()
    await heard
    answer = await accepted
    await parted(matching, community_id)
    assert answer.status_code in {200, 404, 409}  # whichever came first; none is left that goes on
    made = (await as_member(mentee).get("/pairings")).json()["items"]
    assert [each["status"] for each in made] in ([], ["ended"])


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_at_once_with_a_block_no_pairing_of_the_two_is_left(
    matching, community_id, program, cohort, as_member, tell, seed
):
    mentor, mentee = cohort[0][0], cohort[1][0]
    asked = (await ask(as_member(mentee), program, mentor)).json()
    brought = as_member(mentee).post(
        f"/programs/{program}/private-pairings", json={"side": "mentee", "other_id": str(mentor)}
    )
    racing = [settle(as_member(mentor), asked, "accepted"), tell("blocked", mentor, mentee), brought]
    answers = await asyncio.gather(*racing[seed % 3 :], *racing[: seed % 3])
    assert not any(each is not None and each.status_code >= 500 for each in answers)
    await parted(matching, community_id)
    made = (await as_member(mentee).get("/pairings")).json()["items"]
    assert not any(each["status"] in {"proposed", "accepted"} for each in made)
