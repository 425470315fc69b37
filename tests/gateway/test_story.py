"""A community's first weeks, through GraphQL alone, on all six services."""

import pytest

from kith_gateway.ids import encode_id
from kith_testkit.probe import eventually

from .story import circles, community, examples, matched, someone, with_ids

pytestmark = pytest.mark.integration
EVERYTHING = """
query ($first: Int!) {
  members(first: $first) {
    edges { node {
      displayName roles points partnerCount
      badges { badgeKey awardedBy { displayName } }
      kudos(first: 5) { message giver { displayName } }
      groups { name memberships { role member { displayName } } sessions { title attendance { present } } }
      pairings(first: 5) { status mentor { displayName } mentee { displayName } program { name coordinator { id } } }
    } }
  }
}
"""


async def test_a_cohort_is_matched_and_pairs_say_yes_or_have_it_said_for_them(whole, people, key_of):
    owner, mentors, mentees = people
    pairings = await matched(whole, owner, mentors, mentees)
    assert [each["status"] for each in pairings] == ["PROPOSED"] * 8
    mentor = someone(owner, pairings[0]["mentor"]["id"], key_of)
    mine = await whole.get("{ viewer { pairings { edges { node { id mentee { displayName } } } } } }", by=mentor)
    assert pairings[0]["id"] in [edge["node"]["id"] for edge in mine["viewer"]["pairings"]["edges"]]
    given = {"pairingId": pairings[0]["id"]}
    said = await whole.do("acceptPairing", given, by=mentor, want="pairing { mentorAcceptedAt menteeAcceptedAt }")
    assert said["pairing"]["mentorAcceptedAt"]
    assert said["pairing"]["menteeAcceptedAt"] is None
    stranger = next(someone(owner, each, key_of) for each in mentors if each != pairings[0]["mentor"]["id"])
    refused = await whole.do("declinePairing", given, by=stranger, want="pairing { id }")
    assert [error["code"] for error in refused["errors"]] == ["NO_SUCH_PAIRING"]
    every = {"pairingIds": [each["id"] for each in pairings]}
    assert (await whole.do("acceptPairings", every, by=owner, want="result { accepted }"))["result"]["accepted"] == 8


async def test_a_mentee_asks_a_mentor_and_whose_turn_it_is_can_be_seen(whole, people, key_of):
    owner, mentors, mentees = people
    program = (await whole.do("openProgram", {"name": "Ask"}, by=owner, want="program { id }"))["program"]
    mentor, mentee = someone(owner, mentors[0], key_of), someone(owner, mentees[0], key_of)
    for who, side in ((mentor, "MENTOR"), (mentee, "MENTEE")):
        given = {"programId": program["id"], "side": side}

        async def enrolled(who=who, given=given):
            done = await whole.do("enroll", given, by=who, want="enrollment { side member { id } }")
            return done["enrollment"]

        await eventually(enrolled, what="matching hearing of the member")
    given = {"programId": program["id"], "mentorId": mentors[0], "message": "Would you help me?"}
    want = "request { id status move { member { displayName } } }"
    asked = (await whole.do("askMentor", given, by=mentee, want=want))["request"]
    assert (asked["status"], asked["move"]["member"]) == ("PENDING", {"displayName": "Mentor 0"})
    again = await whole.do("askMentor", given, by=mentee, want=want)
    assert [error["code"] for error in again["errors"]] == ["ALREADY_WAITING"]
    answer = {"requestId": asked["id"], "to": "ACCEPTED"}
    assert (await whole.do("answerRequest", answer, by=mentor, want=want))["request"]["status"] == "ACCEPTED"
    late = await whole.do("withdrawRequest", {"requestId": asked["id"]}, by=mentee, want=want)
    assert [error["code"] for error in late["errors"]] == ["ALREADY_ANSWERED"]


async def test_circles_meet_and_it_is_known_who_came(whole, people):
    owner, mentors, mentees = people
    groups = await circles(whole, owner, mentors, mentees)
    query = "query ($id: ID!) { groups(formationId: $id) { edges { node { id } } } }"
    wrong = await whole.ask(query, {"id": groups[0]["id"]}, by=owner)
    assert wrong["errors"][0]["extensions"]["code"] == "INVALID_ID"


async def test_people_talk_thank_and_are_found_on_the_leaderboard(whole, people, key_of):
    owner, mentors, mentees = people
    mentor, mentee = someone(owner, mentors[0], key_of), someone(owner, mentees[0], key_of)
    space = await whole.do("openSpace", {"key": "questions", "name": "Questions"}, by=owner, want="space { id }")
    given = {"spaceId": space["space"]["id"], "title": "How do I test this?", "body": "I wonder.", "kind": "QUESTION"}
    thread = (await whole.do("openThread", given, by=mentee, want="thread { id kind author { displayName } }"))[
        "thread"
    ]
    assert (thread["kind"], thread["author"]) == ("QUESTION", {"displayName": "Mentee 0"})
    given = {"threadId": thread["id"], "body": "Like so."}
    post = (await whole.do("writePost", given, by=mentor, want="post { id thread { title } }"))["post"]
    given = {"threadId": thread["id"], "postId": post["id"]}
    accepted = await whole.do("acceptAnswer", given, by=mentee, want="thread { acceptedPostId posts { body } }")
    assert accepted["thread"]["acceptedPostId"] == post["id"]
    assert [each["body"] for each in accepted["thread"]["posts"]] == ["I wonder.", "Like so."]

    async def thanked():
        given = {"receiverId": mentors[0], "message": "You saved my day."}
        return (await whole.do("giveKudos", given, by=mentee, want="kudos { receiver { displayName } }"))["kudos"]

    assert (await eventually(thanked, what="recognition hearing of them"))["receiver"]["displayName"] == "Mentor 0"
    given = {"key": "first_helper", "name": "First helper", "description": "Helped first."}
    await whole.do("defineBadge", given, by=owner, want="badge { key }")
    given = {"memberId": mentors[0], "badgeKey": "first_helper", "reason": "The first answer."}
    award = await whole.do("awardBadge", given, by=owner, want="badgeAward { badgeKey awardedBy { displayName } }")
    assert award["badgeAward"] == {"badgeKey": "first_helper", "awardedBy": {"displayName": "Ada"}}
    assert (await whole.do("setRanking", {"listed": False}, by=mentee, want=""))["errors"] == []

    async def ranked():
        query = "{ leaderboard(period: WEEK, first: 5) { rank points member { displayName points } } }"
        board = (await whole.get(query, by=owner))["leaderboard"]
        return board and board[0]

    first = await eventually(ranked, what="points")
    assert first["member"]["displayName"] == "Mentor 0"
    assert first["points"] == first["member"]["points"] > 0


async def test_a_report_names_who_is_alone_and_why(whole, people, key_of):
    owner, _, mentees = people
    space = (await whole.do("openSpace", {"key": "hello", "name": "Hello"}, by=owner, want="space { id }"))["space"]
    given = {"spaceId": space["id"], "title": "Is anybody here?", "body": "I am new."}
    await whole.do("openThread", given, by=someone(owner, mentees[3], key_of), want="thread { id }")

    async def reported():
        want = "report { id windowDays figures { members neverConnected named reasons } provenance }"
        report = (await whole.do("makeReport", {"windowDays": 14}, by=owner, want=want))["report"]
        return report if (report["figures"]["members"], report["figures"]["named"]) == (13, 1) else None

    report = await eventually(reported, what="metrics hearing of all members and the thread")
    assert report["figures"]["neverConnected"] == 0, "nobody is, in their first days"
    query = """query ($id: ID!) {
      report(id: $id) { windowDays }
      isolatedMembers(reportId: $id, first: 5) {
        edges { cursor node { place score reasons step member { displayName } } } pageInfo { endCursor hasNextPage }
      }
      interactions(since: "2026-01-01T00:00:00Z") { edges { node { weight source { id } } } }
    }"""
    seen = await whole.get(query, {"id": report["id"]}, by=owner)
    assert seen["report"] == {"windowDays": 14}
    assert seen["interactions"]["edges"] == []
    [alone] = seen["isolatedMembers"]["edges"]
    assert (alone["node"]["place"], alone["node"]["member"]) == (1, {"displayName": "Mentee 3"})
    assert alone["node"]["reasons"] == ["no_reply_to_first_post"]
    assert alone["node"]["step"] == "reply_to_their_post"
    assert seen["isolatedMembers"]["pageInfo"]["endCursor"] == alone["cursor"]


async def test_an_app_is_told_where_its_secret_is_and_what_was_delivered(whole, people):
    owner, _, _ = people
    given = {"url": "http://127.0.0.1:1/hooks", "eventTypes": ["matching.*"]}
    want = "webhookEndpoint { id url eventTypes secret deliveryCounts { pending delivered failed } }"
    endpoint = (await whole.do("createWebhookEndpoint", given, by=owner, want=want))["webhookEndpoint"]
    assert endpoint["secret"].startswith("whsec_")
    given = {"endpointId": endpoint["id"], "description": "Ours"}
    changed = await whole.do("updateWebhookEndpoint", given, by=owner, want="webhookEndpoint { description secret }")
    assert changed["webhookEndpoint"] == {"description": "Ours", "secret": None}
    rotated = await whole.do("rotateWebhookSecret", {"endpointId": endpoint["id"]}, by=owner, want=want)
    assert rotated["webhookEndpoint"]["secret"] not in {None, endpoint["secret"]}
    sent = await whole.do("sendTestEvent", {"endpointId": endpoint["id"]}, by=owner, want="delivery { id eventType }")
    query = "query ($id: ID!) { delivery(id: $id) { status payload endpoint { id } failedAttempts { error } } }"
    seen = (await whole.get(query, {"id": sent["delivery"]["id"]}, by=owner))["delivery"]
    assert seen["endpoint"] == {"id": endpoint["id"]}
    query = (
        "{ webhookEndpoints { edges { node { deliveries(first: 3) { id } } } } deliveries { edges { node { id } } } }"
    )
    listed = await whole.get(query, by=owner)
    assert listed["webhookEndpoints"]["edges"][0]["node"]["deliveries"] == [{"id": sent["delivery"]["id"]}]
    replayed = await whole.do(
        "replayDelivery", {"deliveryId": sent["delivery"]["id"]}, by=owner, want="delivery { id }"
    )
    assert replayed["delivery"] is not None or replayed["errors"]
    which = {"endpointId": endpoint["id"], "since": "2026-01-01T00:00:00Z", "status": "FAILED"}
    again = await whole.do("replayDeliveries", which, by=owner, want="replay { replayed }")
    assert again["replay"] == {"replayed": 0}
    assert (await whole.do("deleteWebhookEndpoint", {"endpointId": endpoint["id"]}, by=owner, want=""))["errors"] == []
    gone = await whole.do("sendTestEvent", {"endpointId": endpoint["id"]}, by=owner, want="delivery { id }")
    assert [error["code"] for error in gone["errors"]] == ["NO_SUCH_ENDPOINT"]


async def test_everything_about_thirteen_members_takes_as_many_calls_as_about_three(whole, people):
    owner, mentors, mentees = people
    await matched(whole, owner, mentors, mentees)
    await circles(whole, owner, mentors, mentees)
    counted = []
    for first in (3, 40):
        whole.calls.clear()
        seen = await whole.get(EVERYTHING, {"first": first}, by=owner)
        counted.append(dict(whole.calls))
    assert len(seen["members"]["edges"]) == 13
    assert max(counted[1].values()) <= 2  # people on two levels of the answer
    assert len(counted[1]) <= 14
    assert sum(counted[1].values()) - sum(counted[0].values()) <= 2  # a level nobody has anything on is not asked for


async def test_a_stranger_sees_nothing_of_it(whole, people, stranger):
    owner, mentors, mentees = people
    pairings = await matched(whole, owner, mentors, mentees)
    seen = await whole.get(EVERYTHING, {"first": 40}, by=stranger)
    assert seen["members"]["edges"] == []
    query = "query ($p: ID!, $m: ID!) { pairings(programId: $p) { edges { node { id } } } node(id: $m) { id } }"
    given = {"p": encode_id("Program", owner.community_id), "m": mentors[0]}
    answer = await whole.ask(query, given, by=stranger)
    assert answer["data"] == {"pairings": None, "node": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NO_SUCH_PROGRAM"]
    given = {"pairingIds": [each["id"] for each in pairings]}
    done = await whole.do("acceptPairings", given, by=stranger, want="result { accepted }")
    assert [error["code"] for error in done["errors"]] == ["NO_SUCH_PAIRING"]


async def test_every_example_of_the_page_for_frontends_works(whole, people, key_of, start_founding, found):
    account = start_founding()
    await found(whole, account)
    mentor, real = await community(whole, people, key_of, account)
    assert len(examples()) > 10
    for text, given in examples():
        data = await whole.get(text, with_ids(given, real), by=None if "mutation LogIn" in text else mentor)
        assert None not in data.values(), text
        if "mutation" in text:
            [payload] = data.values()
            assert payload["errors"] == [], text
            real |= {"REFRESH_TOKEN": payload["login"]["refreshToken"]} if "login" in payload else {}
