"""What a community has done before a test begins, and the examples of the page for frontends that go by it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kith_matching import clock
from kith_testkit.probe import MEMBER, Actor, eventually

PAGE = Path(__file__).parents[2] / "docs/graphql.md"
EXAMPLE = re.compile(r"```graphql\n(.*?)```(?:\s*```json\n(.*?)```)?", re.DOTALL)


class Calendar:
    """What matching takes for the present, and its jobs at each turn of it."""

    def __init__(self, matching, monkeypatch):
        self.matching, self.ahead = matching, timedelta()
        monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + self.ahead)

    async def turn(self, days=0, **more):
        """Let time pass; what is due by then is done once."""
        self.ahead += timedelta(days=days, **more)
        for job in self.matching.app.state.jobs:
            if job.name != "solve match runs":
                await job.act(self.matching.database)

    def day(self, days=0):
        return (clock.now() + timedelta(days=days)).date().isoformat()

    def time(self, **more):
        return (clock.now() + timedelta(**more)).isoformat()


def someone(owner, global_id, key_of):
    return Actor(owner.community_id, key_of(global_id), MEMBER)


async def matched(whole, owner, mentors, mentees):
    """Open a program, enroll, solve, publish, accept; the pairings."""
    opened = await whole.do(
        "openProgram", {"name": "Spring", "kind": "MENTORING"}, by=owner, want="program { id kind status acceptance }"
    )
    program = opened["program"]
    assert (program["kind"], program["status"], program["acceptance"]) == ("MENTORING", "OPEN", "BOTH")
    enrollments = [{"memberId": each, "side": "MENTOR", "maxPairings": 2} for each in mentors]
    enrollments += [{"memberId": each, "side": "MENTEE"} for each in mentees]

    async def enrolled():
        given = {"programId": program["id"], "enrollments": enrollments}
        done = await whole.do("enrollMembers", given, by=owner, want="result { enrolled errors { code } }")
        return done["result"]["errors"] == []

    await eventually(enrolled, what="matching hearing of all members")
    asked = {"programId": program["id"], "mode": "BEST_TOTAL"}
    run = (await whole.do("startMatchRun", asked, by=owner, want="matchRun { id mode }"))["matchRun"]
    assert run["mode"] == "BEST_TOTAL"
    query = """query ($id: ID!) { matchRun(id: $id) { status certificate {
      matched total bound gap comparedPairs outcomes { mode matched worst mean blockingPairs }
    } } }"""

    async def solved():
        found = (await whole.get(query, {"id": run["id"]}, by=owner))["matchRun"]
        return found if found["status"] in {"SOLVED", "FAILED"} else None

    certificate = (await eventually(solved, what="solving", seconds=60))["certificate"]
    assert (certificate["matched"], certificate["gap"]) == (8, 0)
    outcomes = {each["mode"]: each for each in certificate["outcomes"]}
    assert set(outcomes) == {"BEST_TOTAL", "FAIR", "STABLE"}
    assert outcomes["STABLE"]["blockingPairs"] == 0
    preview = """query ($id: ID!) {
      matchSuggestions(runId: $id, first: 100) { edges { node {
        score sharedSkills parts { part value weight } mentor { displayName } mentee { displayName }
      } } }
      unmatchedMentees(runId: $id) { edges { node { reason } } }
    }"""
    seen = await whole.get(preview, {"id": run["id"]}, by=owner)
    assert len(seen["matchSuggestions"]["edges"]) == 8
    assert all(edge["node"]["sharedSkills"] == ["python"] for edge in seen["matchSuggestions"]["edges"])
    assert seen["unmatchedMentees"]["edges"] == []
    published = await whole.do("publishMatchRun", {"runId": run["id"]}, by=owner, want="matchRun { status }")
    assert published["matchRun"]["status"] == "PUBLISHED"
    query = "query ($id: ID!) { pairings(programId: $id) { edges { node { id status mentor { id } } } } }"
    pairings = (await whole.get(query, {"id": program["id"]}, by=owner))["pairings"]["edges"]
    return [edge["node"] for edge in pairings]


async def circles(whole, owner, mentors, mentees):
    """Two circles with a session each, attended by all but one."""

    async def formed():
        pool = {"memberIds": [*mentors[:2], *mentees], "facilitatorIds": mentors[:2]}
        pool["apart"] = [{"memberIds": mentors[:2]}]
        given = {"pool": pool, "smallest": 4, "largest": 6, "name": "Newcomers"}
        want = "formation { id left { reason } groups { id kind memberships { role member { id } } } }"
        return (await whole.do("formGroups", given, by=owner, want=want))["formation"]

    formation = await eventually(formed, what="groups hearing of all members")
    assert [len(group["memberships"]) for group in formation["groups"]] == [5, 5]
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    given = [{"groupId": group["id"], "startsAt": an_hour_ago} for group in formation["groups"]]
    want = "sessions { id title startsAt group { id } }"
    sessions = (await whole.do("scheduleSessions", {"sessions": given}, by=owner, want=want))["sessions"]
    came = [
        {"sessionId": session["id"], "presentIds": [each["member"]["id"] for each in group["memberships"][1:]]}
        for session, group in zip(sessions, formation["groups"], strict=True)
    ]
    recorded = await whole.do(
        "recordAttendance", {"sessions": came}, by=owner, want="sessions { attendance { present member { id } } }"
    )
    present = [[each["present"] for each in session["attendance"]] for session in recorded["sessions"]]
    assert [sum(each) for each in present] == [4, 4]
    return formation["groups"]


async def community(whole, people, key_of, account):
    """A cohort matched, circles that met, a question; who looks at it, and what the words in the examples stand for."""
    owner, mentors, mentees = people
    await matched(whole, owner, mentors, mentees)
    # The examples block one member, and join a circle: one that the blocked is not in.
    formed = await circles(whole, owner, mentors, mentees)
    [circle] = [g["id"] for g in formed if mentors[0] not in [each["member"]["id"] for each in g["memberships"]]]
    mentor, mentee = (someone(owner, each, key_of) for each in (mentors[2], mentees[0]))
    space = (await whole.do("openSpace", {"key": "all", "name": "All"}, by=owner, want="space { id }"))["space"]["id"]
    asked = {"spaceId": space, "title": "How?", "body": "I wonder.", "kind": "QUESTION"}
    thread = (await whole.do("openThread", asked, by=mentee, want="thread { id }"))["thread"]["id"]
    given = {"sessions": [{"groupId": circle, "startsAt": "2098-03-01T18:00:00+01:00"}]}
    coming = await whole.do("scheduleSessions", given, by=owner, want="sessions { id }")
    query = "{ viewer { pairings(first: 2) { edges { node { id } } } } }"
    pairings = (await whole.get(query, by=mentor))["viewer"]["pairings"]["edges"]
    return mentor, {
        "PAIRING_ID": pairings[0]["node"]["id"],
        "OTHER_PAIRING_ID": pairings[1]["node"]["id"],
        "COMMUNITY": account["slug"],
        "EMAIL": account["owner"]["email"],
        "PASSWORD": account["owner"]["password"],
        "GROUP_ID": circle,
        "SESSION_ID": coming["sessions"][0]["id"],
        "THREAD_ID": thread,
        "MEMBER_ID": mentors[0],
    }


def examples():
    """(text, variables as JSON in which words in capitals stand for something) of every operation on the page."""
    return [(text, given or "{}") for text, given in EXAMPLE.findall(PAGE.read_text())]


def with_ids(given, real):
    return json.loads(re.sub('"([A-Z_]+)"', lambda word: json.dumps(real.get(word[1], word[1])), given))
