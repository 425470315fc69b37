"""Founding, joining, signing in, profiles and imports through GraphQL, on the real identity service."""

from uuid import UUID

import pytest

from kith_chassis.ids import new_id
from kith_gateway.ids import encode_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration

LOG_IN = """
mutation ($input: LogInInput!) {
  logIn(input: $input) { login { accessToken refreshToken memberId } errors { code message path } clientMutationId }
}
"""
MEMBERS = """
query ($first: Int!, $after: String) {
  members(first: $first, after: $after) {
    edges { cursor node { id displayName roles } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


def credentials(body, **given):
    owner = body["owner"]
    return {"community": body["slug"], "email": owner["email"], "password": owner["password"]} | given


async def imported(gateway, owner, count):
    rows = [{"line": n + 1, "external_id": f"m{n}", "display_name": f"Member {n:03}"} for n in range(count)]
    made = await gateway.do(
        "importMembers", {"rows": rows}, by=owner, want="imported { created updated unchanged errors { line } }"
    )
    return made["imported"]


async def test_a_founder_signs_in_and_sees_herself_and_the_community(gateway, founded):
    _, body = founded
    given = {"input": credentials(body) | {"clientMutationId": "login-1"}}
    login = (await gateway.get(LOG_IN, given))["logIn"]
    assert (login["errors"], login["clientMutationId"]) == ([], "login-1")
    query = """{
      viewer { member { id displayName } roles permissions onboarding { key completedAt } }
      community { name memberCount }
    }"""
    seen = await gateway.get(query, by=login["login"]["accessToken"])
    assert seen["viewer"]["member"] == {"id": login["login"]["memberId"], "displayName": "Ada"}
    assert seen["viewer"]["roles"] == ["owner"]
    assert "apps:manage" in seen["viewer"]["permissions"]
    assert len(seen["viewer"]["onboarding"]) == 4
    assert seen["community"] == {"name": "Makers", "memberCount": 1}


async def test_a_wrong_password_is_an_error_one_can_switch_on(gateway, founded):
    login = await gateway.get(LOG_IN, {"input": credentials(founded[1], password="not this one")})
    assert login["logIn"]["login"] is None
    assert [error["code"] for error in login["logIn"]["errors"]] == ["WRONG_CREDENTIALS"]


async def test_an_expired_token_does_not_keep_anyone_from_signing_in(gateway, founded):
    owner, body = founded
    expired = owner.token(expires_in=-5)
    assert (await gateway.get(LOG_IN, {"input": credentials(body)}, by=expired))["logIn"]["login"]
    answer = await gateway.ask("{ viewer { roles } community { name } }", by=expired)
    assert answer["data"] == {"viewer": None, "community": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"] * 2
    assert "refresh" in answer["errors"][0]["message"]


async def test_sessions_are_refreshed_once_and_end_with_logging_out(gateway, founded):
    session = (await gateway.get(LOG_IN, {"input": credentials(founded[1])}))["logIn"]["login"]
    given = {"refreshToken": session["refreshToken"]}
    next_ = (await gateway.do("refreshSession", given, want="login { refreshToken }"))["login"]
    assert next_["refreshToken"] != session["refreshToken"]
    assert (await gateway.do("logOut", next_, want=""))["errors"] == []
    refused = await gateway.do("refreshSession", next_, want="login { refreshToken }")
    assert [error["code"] for error in refused["errors"]] == ["REFRESH_REFUSED"]


async def test_a_password_is_changed_for_a_new_login(gateway, founded):
    owner, body = founded
    given, want = {"old": "not the password", "new": "quite another password"}, "login { accessToken refreshToken }"
    refused = await gateway.do("changePassword", given, by=owner, want=want)
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [("WRONG_PASSWORD", None)]
    right = given | {"old": "a long password", "clientMutationId": new_id().hex}
    done = [await gateway.do("changePassword", right, by=owner, want=want) for _ in range(2)]  # an answer was lost
    assert done[0] == done[1]
    token = done[0]["login"]["accessToken"]
    assert (await gateway.get("{ viewer { roles } }", by=token))["viewer"]["roles"] == ["owner"]
    failed = await gateway.ask(LOG_IN, {"input": credentials(body)})
    assert failed["data"]["logIn"]["errors"][0]["code"] == "WRONG_CREDENTIALS"


async def test_guessing_a_password_is_an_error_of_the_input(gateway, founded):
    guess = credentials(founded[1]) | {"password": "not the password"}
    seen = [(await gateway.ask(LOG_IN, {"input": guess}))["data"]["logIn"] for _ in range(6)]
    assert [each["errors"][0]["code"] for each in seen] == ["WRONG_CREDENTIALS"] * 5 + ["TOO_MANY_TRIES"]
    assert "try again in" in seen[-1]["errors"][0]["message"]


async def test_what_is_wrong_with_an_input_is_said_by_its_path(gateway):
    key = new_id().hex[-12:]
    owner = {"email": "nowhere", "password": "short", "displayName": "Ada"}
    given = {"name": "Makers", "slug": f"makers-{key}", "mission": "Help.", "owner": owner}
    made = await gateway.do("foundCommunity", given, want="founding { ownerId }")
    assert made["founding"] is None
    assert {tuple(error["path"]) for error in made["errors"]} == {
        ("input", "owner", "email"),
        ("input", "owner", "password"),
    }
    assert {error["code"] for error in made["errors"]} == {"INVALID_REQUEST"}


async def test_a_profile_is_changed_and_what_is_left_out_stays(gateway, founded):
    owner, _ = founded
    given = {"bio": "I fix bicycles.", "skillsOffered": [{"tag": "bicycles", "level": 5}], "timeZone": "Europe/Vienna"}
    want = "member { displayName bio timeZone skillsOffered { tag level } visibility }"
    changed = (await gateway.do("updateProfile", given, by=owner, want=want))["member"]
    assert changed["displayName"] == "Ada"
    assert changed["skillsOffered"] == [{"tag": "bicycles", "level": 5}]
    again = (await gateway.do("updateProfile", {"bio": None, "timeZone": None}, by=owner, want=want))["member"]
    assert (again["bio"] or None, again["timeZone"], again["skillsOffered"]) == (None, None, changed["skillsOffered"])


async def test_an_onboarding_task_is_ticked_off(gateway, founded):
    owner, _ = founded
    done = await gateway.do("completeMicroTask", {"key": "say_hello"}, by=owner, want="onboarding { key completedAt }")
    assert [step["key"] for step in done["onboarding"] if step["completedAt"]] == ["say_hello"]


@pytest.mark.parametrize("key", ["no_such_task", "..", ".", "", "../../me", "%2e%2e", "a b?c#d"])
async def test_a_task_that_is_not_there_is_not_found_whatever_its_key(gateway, founded, key):
    done = await gateway.do("completeMicroTask", {"key": key}, by=founded[0], want="onboarding { key }")
    assert next(error["code"] for error in done["errors"]) in {"NO_SUCH_TASK", "NOT_FOUND"}


async def test_good_rows_are_imported_and_the_others_named_by_line_and_column(gateway, founded):
    owner, _ = founded
    rows = [
        {"line": 2, "external_id": "a", "display_name": "Grace"},
        {"line": 3, "display_name": "Nobody"},
        {"line": 4, "email": "not an address"},
    ]
    want = "imported { created updated unchanged errors { line column reason } }"
    made = (await gateway.do("importMembers", {"rows": rows}, by=owner, want=want))["imported"]
    assert made["created"] == 1
    assert [error["line"] for error in made["errors"]] == [3, 4]
    again = (await gateway.do("importMembers", {"rows": rows[:1]}, by=owner, want=want))["imported"]
    assert (again["created"], again["unchanged"]) == (0, 1)


async def test_an_invited_member_redeems_the_invitation_once(gateway, founded):
    owner, _ = founded
    await imported(gateway, owner, 1)
    found = await gateway.get('{ members(search: "member 000") { edges { node { id } } } }', by=owner)
    member_id = found["members"]["edges"][0]["node"]["id"]
    made = await gateway.do(
        "inviteMembers", {"memberIds": [member_id]}, by=owner, want="invitations { memberId token }"
    )
    given = {"token": made["invitations"][0]["token"]}
    assert (await gateway.do("redeemInvitation", given, want="login { memberId }"))["login"]["memberId"] == member_id
    second = await gateway.do("redeemInvitation", given, want="login { memberId }")
    assert [error["code"] for error in second["errors"]] == ["INVITATION_REFUSED"]


async def test_pages_of_members_lead_to_each_other_and_any_edge_can_be_continued_from(gateway, founded):
    owner, _ = founded
    await imported(gateway, owner, 9)
    whole = (await gateway.get(MEMBERS, {"first": 50}, by=owner))["members"]
    ids = [edge["node"]["id"] for edge in whole["edges"]]
    assert len(ids) == 10
    assert not whole["pageInfo"]["hasNextPage"]
    walked, after = [], None
    while True:
        page = (await gateway.get(MEMBERS, {"first": 4, "after": after}, by=owner))["members"]
        walked += [edge["node"]["id"] for edge in page["edges"]]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert walked == ids
    rest = (await gateway.get(MEMBERS, {"first": 50, "after": whole["edges"][6]["cursor"]}, by=owner))["members"]
    assert [edge["node"]["id"] for edge in rest["edges"]] == ids[7:]


@pytest.mark.parametrize("count", [2, 40])
async def test_members_with_their_roles_are_two_calls_however_many_there_are(gateway, founded, count):
    owner, _ = founded
    await imported(gateway, owner, count - 1)
    gateway.calls.clear()
    answer = await gateway.ask(MEMBERS, {"first": 50}, by=owner)
    assert len(answer["data"]["members"]["edges"]) == count
    assert gateway.calls == {"identity GET /members": 1, "identity POST /read/roles-by-member": 1}
    assert answer["extensions"]["cost"]["requested"] == 51


async def test_anything_is_fetched_again_by_its_global_id_in_one_call(gateway, founded):
    owner, _ = founded
    await imported(gateway, owner, 2)
    members = (await gateway.get(MEMBERS, {"first": 50}, by=owner))["members"]["edges"]
    one, two = members[0]["node"]["id"], members[1]["node"]["id"]
    gateway.calls.clear()
    query = "query ($a: ID!, $b: ID!) { a: node(id: $a) { id __typename } b: member(id: $b) { id } }"
    assert await gateway.get(query, {"a": one, "b": two}, by=owner) == {
        "a": {"id": one, "__typename": "Member"},
        "b": {"id": two},
    }
    assert gateway.calls == {"identity POST /read/members": 1}


async def test_several_things_are_fetched_again_in_one_call_and_one_wrong_id_spoils_no_other(gateway, founded):
    owner, _ = founded
    await imported(gateway, owner, 2)
    members = (await gateway.get(MEMBERS, {"first": 50}, by=owner))["members"]["edges"]
    ids = [edge["node"]["id"] for edge in members]
    gateway.calls.clear()
    given = [ids[1], encode_id("Member", UUID(int=5)), "nonsense", ids[0], ids[1]]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Member { displayName } } }"
    answer = await gateway.ask(query, {"ids": given}, by=owner)
    assert [each and each["id"] for each in answer["data"]["nodes"]] == [ids[1], None, None, ids[0], ids[1]]
    assert [(each["path"], each["extensions"]["code"]) for each in answer["errors"]] == [(["nodes", 2], "INVALID_ID")]
    assert answer["extensions"]["cost"]["requested"] == 5
    assert gateway.calls == {"identity POST /read/members": 1}
    for count, code in ((100, None), (101, "BAD_USER_INPUT")):
        errors = (await gateway.ask(query, {"ids": [ids[0]] * count}, by=owner)).get("errors", [])
        assert [each["extensions"]["code"] for each in errors] == [code] * (count > 100)
    assert (await gateway.get(query, {"ids": []}, by=owner)) == {"nodes": []}


async def test_another_communitys_member_is_nobody(gateway, founded, stranger):
    owner, _ = founded
    member_id = encode_id("Member", owner.member_id)
    query = "query ($id: ID!) { node(id: $id) { id } member(id: $id) { id } }"
    assert await gateway.get(query, {"id": member_id}, by=stranger) == {"node": None, "member": None}


@pytest.mark.parametrize(
    "found",
    ["", "x", "TWVtYmVy", encode_id("Member", "42"), encode_id("Stone", UUID(int=42)), "é", "a" * 5000],
)
async def test_a_global_id_that_is_none_is_refused_without_asking_a_service(gateway, member, found):
    answer = await gateway.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": found}, by=member)
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_ID"
    assert not gateway.calls


async def test_the_id_of_another_kind_of_thing_is_refused_at_its_place(gateway, founded):
    owner, _ = founded
    given = {"memberIds": [encode_id("Member", owner.member_id), encode_id("Community", owner.community_id)]}
    made = await gateway.do("inviteMembers", given, by=owner, want="invitations { token }")
    assert [(error["code"], error["path"]) for error in made["errors"]] == [("INVALID_ID", ["input", "memberIds", "1"])]


async def test_the_same_act_sent_twice_is_done_once(gateway, start_founding):
    given = start_founding() | {"clientMutationId": new_id().hex}
    first, second = [await gateway.do("foundCommunity", given, want="founding { communityId }") for _ in range(2)]
    assert first == second
    assert first["founding"] is not None


async def test_members_may_not_do_what_needs_a_permission(gateway, founded):
    owner, _ = founded
    member = Actor(owner.community_id, owner.member_id)
    made = await gateway.do("importMembers", {"rows": []}, by=member, want="imported { created }")
    assert [error["code"] for error in made["errors"]] == ["FORBIDDEN"]
