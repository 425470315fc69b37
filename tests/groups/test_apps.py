"""An app does what coordinators do where it has the scope, and takes part in nothing."""

from uuid import UUID

import pytest

from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


@pytest.fixture
def app(groups, community_id):
    return lambda *scopes: groups.client(Actor(community_id, permissions=frozenset(scopes), app=True))


async def test_an_app_that_coordinates_runs_circles_and_accepts_answers_and_one_that_reads_does_not(
    groups, community_id, newcomers, app, begin
):
    runs, reads = app("groups:coordinate", "groups:read"), app("groups:read")
    formed = (await runs.post("/formations", json={"pool": {"newest": 20}})).json()["group_ids"][0]
    new = {"sessions": [{"group_id": formed, "starts_at": "2098-01-01T18:00:00Z"}]}
    session = (await runs.post("/sessions", json=new)).json()[0]["id"]
    await begin(session)
    [members] = (await runs.post("/read/memberships-by-group", json={"keys": [formed]})).json()
    came = {"sessions": [{"session_id": session, "present_ids": [members[0]["member_id"]]}]}
    asker, helper = (groups.client(Actor(community_id, member_id=UUID(str(each)))) for each in newcomers[:2])
    space = (await runs.get("/spaces")).json()["items"][0]["id"]
    question = {"space_id": space, "kind": "question", "title": "How?", "body": "How do I start?"}
    thread = (await asker.post("/threads", json=question)).json()["id"]
    post = (await helper.post(f"/threads/{thread}/posts", json={"body": "Like this."})).json()["id"]
    asked = [("/sessions", new), ("/attendance", came), (f"/threads/{thread}/accept", {"post_id": post})]
    for path, body in asked:
        refused = await reads.post(path, json=body)
        assert (refused.status_code, refused.json()["permission"]) == (403, "groups:coordinate")
    for path, body in asked:
        assert (await runs.post(path, json=body)).is_success
    for path, body in ((f"/groups/{formed}/join", {}), (f"/sessions/{session}/rsvp", {"answer": "yes"})):
        assert (await runs.post(path, json=body)).status_code == 403
