"""Blocks, reports, and who looks into them."""

import asyncio

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import COORDINATOR, MODERATOR, OWNER, Actor

pytestmark = pytest.mark.integration

TELLING = {"reason": "harassment", "body": "They keep on writing to me.", "context": "thread 7"}


@pytest.fixture
async def people(identity, makers, as_owner):
    """Grace, Bea and Mo: clients and ids by name. Mo moderates."""
    rows = [{"line": n, "external_id": name, "display_name": name} for n, name in enumerate(("Grace", "Bea", "Mo"), 1)]
    assert (await as_owner.post("/members/import", json={"rows": rows})).json()["errors"] == []
    listed = (await as_owner.get("/members")).json()["items"]
    ids = {each["display_name"]: each["id"] for each in listed}

    def client(name, permissions=None):
        given = {"permissions": permissions} if permissions else {}
        return identity.client(Actor(makers["community_id"], ids[name], **given))

    return {"ids": ids, "Grace": client("Grace"), "Bea": client("Bea"), "Mo": client("Mo", MODERATOR), "as": client}


async def told(identity, makers, *types):
    return [each for type_ in types for each in await identity.emitted(makers["community_id"], f"identity.{type_}.v1")]


async def test_a_block_is_told_once_listed_for_who_blocked_and_lifted_as_quietly(identity, makers, people):
    grace, bea, ids = people["Grace"], people["Bea"], people["ids"]
    first = await grace.post(f"/members/{ids['Bea']}/block")
    assert first.status_code == 200, first.text
    assert (await grace.post(f"/members/{ids['Bea']}/block")).json() == first.json()
    [listed] = (await grace.get("/me/blocks")).json()["items"]
    assert listed == first.json()
    assert listed["blocked_id"] == ids["Bea"]
    for _ in range(2):
        assert (await grace.post(f"/members/{ids['Bea']}/unblock")).status_code == 204
    assert (await grace.get("/me/blocks")).json()["items"] == []
    both = {"member_id": ids["Grace"], "blocked_id": ids["Bea"]}
    assert await told(identity, makers, "member_blocked", "member_unblocked") == [both, both]
    assert (await bea.get("/me/blocks")).json()["items"] == []


async def test_who_is_blocked_sees_everything_as_before_and_blocks_back_as_if_nothing_were(people):
    grace, bea, ids = people["Grace"], people["Bea"], people["ids"]
    reads = ("/members", f"/members/{ids['Grace']}", "/me/blocks", "/me/member-reports")
    before = [(await bea.get(path)).json() for path in reads]
    await grace.post(f"/members/{ids['Bea']}/block")
    await grace.post(f"/members/{ids['Bea']}/report", json=TELLING)
    assert [(await bea.get(path)).json() for path in reads] == before
    assert (await bea.post(f"/members/{ids['Grace']}/unblock")).status_code == 204
    assert len((await grace.get("/me/blocks")).json()["items"]) == 1
    assert (await bea.post(f"/members/{ids['Grace']}/block")).status_code == 200


async def test_of_many_blocks_at_once_there_is_one_and_one_is_told(identity, makers, people):
    path = f"/members/{people['ids']['Bea']}/block"
    answers = await asyncio.gather(*(people["Grace"].post(path) for _ in range(4)))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert len(await told(identity, makers, "member_blocked")) == 1


async def test_blocking_and_lifting_at_once_leaves_what_was_told_last(identity, makers, people):
    paths = [f"/members/{people['ids']['Bea']}/{act}" for act in ("block", "unblock")] * 4
    answers = await asyncio.gather(*(people["Grace"].post(path) for path in paths))
    assert {answer.status_code for answer in answers} == {200, 204}
    rows = await identity.rows(
        "SELECT type FROM outbox WHERE tenant_id = :c AND type LIKE 'identity.member_%blocked.v1' ORDER BY sequence",
        c=makers["community_id"],
    )
    kinds = [row["type"] == "identity.member_blocked.v1" for row in rows]
    assert kinds == [n % 2 == 0 for n in range(len(kinds))]  # each block once, each lifted once, in turn
    assert len((await people["Grace"].get("/me/blocks")).json()["items"]) == int(kinds[-1])


@pytest.mark.parametrize("act", ["block", "unblock", "report"])
async def test_oneself_strangers_and_nobody_are_refused(identity, people, makers, stranger, act):
    grace, ids = people["Grace"], people["ids"]
    body = TELLING if act == "report" else None
    oneself = await grace.post(f"/members/{ids['Grace']}/{act}", json=body)
    assert (oneself.status_code, oneself.json()["code"]) == (422, "with_oneself")
    nobody = await grace.post(f"/members/{new_id()}/{act}", json=body)
    hidden = await identity.client(stranger).post(f"/members/{ids['Bea']}/{act}", json=body)
    assert [(each.status_code, each.json()["code"]) for each in (nobody, hidden)] == [(404, "no_such_member")] * 2
    assert nobody.json()["detail"] == hidden.json()["detail"]
    assert await told(identity, makers, "member_blocked", "member_unblocked", "member_reported") == []


async def test_a_report_is_told_without_a_word_of_it_and_followed_by_who_made_it(identity, makers, people):
    grace, ids = people["Grace"], people["ids"]
    made = await grace.post(f"/members/{ids['Bea']}/report", json=TELLING)
    assert made.status_code == 201, made.text
    assert (made.json()["status"], made.json()["reported_id"]) == ("open", ids["Bea"])
    event = {"report_id": made.json()["id"], "member_id": ids["Grace"], "reported_id": ids["Bea"]}
    assert await told(identity, makers, "member_reported") == [event]
    again = await grace.post(f"/members/{ids['Bea']}/report", json=TELLING)
    assert (again.status_code, again.json()["code"]) == (409, "already_reported")
    moderator = people["Mo"]
    [seen] = (await moderator.get("/member-reports", params={"status": "open"})).json()["items"]
    assert (seen["reporter_id"], seen["body"], seen["context"]) == (ids["Grace"], TELLING["body"], TELLING["context"])
    closed = await moderator.post(f"/member-reports/{seen['id']}/resolve", json={"note": "We talked to them."})
    assert (closed.json()["status"], closed.json()["resolved_by"]) == ("resolved", ids["Mo"])
    [mine] = (await grace.get("/me/member-reports")).json()["items"]
    assert (mine["status"], mine["resolved_at"]) == ("resolved", closed.json()["resolved_at"])
    assert not {"note", "resolved_by", "reporter_id"} & set(mine)
    assert (await moderator.get("/member-reports", params={"status": "open"})).json()["items"] == []
    assert (await grace.post(f"/members/{ids['Bea']}/report", json=TELLING)).status_code == 201


async def test_the_same_report_sent_again_with_its_key_is_made_once(identity, makers, people):
    path, key = f"/members/{people['ids']['Bea']}/report", {"Idempotency-Key": "report-1"}
    answers = [await people["Grace"].post(path, json=TELLING, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await told(identity, makers, "member_reported")) == 1


async def test_only_moderators_see_reports_and_never_those_that_concern_them(people):
    ids = people["ids"]
    about_mo = (await people["Grace"].post(f"/members/{ids['Mo']}/report", json=TELLING)).json()["id"]
    by_mo = (await people["Mo"].post(f"/members/{ids['Bea']}/report", json=TELLING)).json()["id"]
    assert (await people["Mo"].get("/member-reports")).json()["items"] == []
    keys = {"keys": [about_mo, by_mo, str(new_id())]}
    assert (await people["Mo"].post("/read/member-reports", json=keys)).json() == [None] * 3
    for one in keys["keys"]:
        answer = await people["Mo"].post(f"/member-reports/{one}/resolve", json={"note": "Nothing to see."})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_member_report")
    for permissions in (None, COORDINATOR):
        other = people["as"]("Bea", permissions)
        assert (await other.get("/member-reports")).status_code == 403
        assert (await other.post("/read/member-reports", json=keys)).status_code == 403
        assert (await other.post(f"/member-reports/{by_mo}/resolve", json={"note": "x"})).status_code == 403
    owner = people["as"]("Ada", OWNER)
    assert {each["id"] for each in (await owner.get("/member-reports")).json()["items"]} == {about_mo, by_mo}


async def test_of_two_moderators_at_once_one_resolves_and_the_other_learns_it(people):
    made = (await people["Grace"].post(f"/members/{people['ids']['Bea']}/report", json=TELLING)).json()
    path, both = f"/member-reports/{made['id']}/resolve", (people["Mo"], people["as"]("Ada", OWNER))
    answers = await asyncio.gather(*(each.post(path, json={"note": "Done."}) for each in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    again = [await each.post(path, json={"note": "Something else."}) for each in both]
    assert [each.status_code for each in again] == [each.status_code for each in answers]
    assert {each.json().get("note", "Done.") for each in again} == {"Done."}


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "dislike"},
        {"reason": None},
        {"body": ""},
        {"body": "   "},
        {"body": "x" * 4001},
        {"body": "ring\x07"},
        {"body": "\u202eevil"},
        {"body": ["x"]},
        {"context": ""},
        {"context": "x" * 501},
        {"context": "\x00"},
        {"status": "resolved"},
        {"reporter_id": str(new_id())},
    ],
)
async def test_a_report_with_nonsense_is_refused_and_nobody_is_told(identity, makers, people, change):
    answer = await people["Grace"].post(f"/members/{people['ids']['Bea']}/report", json=TELLING | change)
    assert answer.status_code == 422
    assert await told(identity, makers, "member_reported") == []


async def test_who_left_can_be_reported_still_and_what_was_said_stays(people, as_owner):
    ids = people["ids"]
    await people["Grace"].post(f"/members/{ids['Bea']}/block")
    assert (await as_owner.post(f"/members/{ids['Bea']}/remove")).status_code == 204
    assert (await people["Grace"].post(f"/members/{ids['Bea']}/report", json=TELLING)).status_code == 201
    assert (await as_owner.post(f"/members/{ids['Grace']}/remove")).status_code == 204
    assert len((await people["Mo"].get("/member-reports")).json()["items"]) == 1
    assert len((await people["Grace"].get("/me/blocks")).json()["items"]) == 1


async def test_pages_of_blocks_and_reports_hold_each_once_in_both_directions(people, as_owner):
    rows = [{"line": n, "external_id": f"p{n}", "display_name": f"P{n}"} for n in range(1, 6)]
    await as_owner.post("/members/import", json={"rows": rows})
    listed = (await as_owner.get("/members")).json()["items"]
    for each in listed:
        if each["display_name"].startswith("P"):
            await people["Grace"].post(f"/members/{each['id']}/block")
            await people["Grace"].post(f"/members/{each['id']}/report", json=TELLING)
    for client, path in (
        (people["Grace"], "/me/blocks"),
        (people["Grace"], "/me/member-reports"),
        (people["Mo"], "/member-reports"),
    ):
        whole = [each["id"] for each in (await client.get(path)).json()["items"]]
        found, after = [], {}
        while after is not None:
            page = (await client.get(path, params={"first": 2} | after)).json()
            found += [each["id"] for each in page["items"]]
            after = {"after": page["next_cursor"]} if page["next_cursor"] else None
        assert found == whole
        assert len(whole) == 5
        last = (await client.get(path, params={"first": 2, "after": "-"})).json()["items"]
        assert [each["id"] for each in last] == whole[-2:]


async def test_an_owner_makes_a_moderator_who_may_do_that_and_nothing_else(identity, anonymous, makers, people):
    owner, ids = people["as"]("Ada", OWNER), people["ids"]
    path = f"/members/{ids['Bea']}/roles"
    for _ in range(2):
        assert (await owner.post(path, json={"role": "moderator"})).json() == ["moderator"]
    granted = {"member_id": ids["Bea"], "role": "moderator"}
    assert (await told(identity, makers, "role_granted"))[1:] == [granted]
    invited = (await owner.post("/invitations", json={"member_ids": [ids["Bea"]]})).json()[0]["token"]
    tokens = (await anonymous.post("/invitations/redeem", json={"token": invited})).json()
    bea = identity.client(None, Authorization=f"Bearer {tokens['access_token']}")
    assert (await bea.get("/member-reports")).status_code == 200
    for refused in (bea.post(path, json={"role": "owner"}), bea.post("/members/import", json={"rows": []})):
        assert (await refused).status_code == 403
    for _ in range(2):
        assert (await owner.post(f"{path}/end", json={"role": "moderator"})).json() == []
    assert await told(identity, makers, "role_ended") == [granted]
    refreshed = (await anonymous.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    bea = identity.client(None, Authorization=f"Bearer {refreshed['access_token']}")
    assert (await bea.get("/member-reports")).status_code == 403


async def test_roles_are_given_by_owners_to_members_who_are_there_and_one_owner_stays(identity, people, stranger):
    ids, owner = people["ids"], people["as"]("Ada", OWNER)
    for client in (people["Grace"], people["Mo"], people["as"]("Grace", COORDINATOR)):
        assert (await client.post(f"/members/{ids['Grace']}/roles", json={"role": "owner"})).status_code == 403
    other = identity.client(Actor(stranger.community_id, permissions=OWNER))
    for end in ("", "/end"):
        answer = await other.post(f"/members/{ids['Grace']}/roles{end}", json={"role": "owner"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_member")
        for nonsense in ({"role": "emperor"}, {"role": None}, {}, {"role": "owner", "since": "ever"}):
            assert (await owner.post(f"/members/{ids['Grace']}/roles{end}", json=nonsense)).status_code == 422
    last = await owner.post(f"/members/{ids['Ada']}/roles/end", json={"role": "owner"})
    assert (last.status_code, last.json()["code"]) == (409, "last_owner")
    assert (await owner.post(f"/members/{ids['Grace']}/roles", json={"role": "owner"})).json() == ["owner"]
    grace = people["as"]("Grace", OWNER)
    both = [(owner, ids["Ada"]), (grace, ids["Grace"])]
    answers = await asyncio.gather(*(one.post(f"/members/{of}/roles/end", json={"role": "owner"}) for one, of in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    stays = owner if answers[0].status_code == 409 else grace
    assert (await stays.post(f"/members/{ids['Bea']}/remove")).status_code == 204
    assert (await stays.post(f"/members/{ids['Bea']}/roles", json={"role": "moderator"})).status_code == 404
