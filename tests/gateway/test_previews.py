"""What other settings would do, through GraphQL, before anybody lives with them."""

import pytest
import pytest_asyncio

from kith_testkit.probe import MEMBER, Actor, eventually

pytestmark = pytest.mark.integration
PREVIEW = """
query ($id: ID!) {
  matchPreview(id: $id) {
    status failure settings
    result {
      mentees mentors gain lose anotherMentor before { matched meanFit } after { matched meanFit }
      changes {
        change fitBefore fitAfter
        mentee { displayName } mentorBefore { displayName } mentorAfter { displayName }
      }
    }
  }
}
"""
BY_INTERESTS = {"skills": 0, "interests": 1, "language": 0, "experience": 0, "availability": 0}
PEOPLE = [("Mia", "mentee", "go", "tea"), ("Max", "mentee", "sql", "chess")]
PEOPLE += [("Gus", "mentor", "go", "chess"), ("Sue", "mentor", "sql", "tea")]


class Place:
    """Two mentees and two mentors in a program; by skills each fits one, by interests the other."""

    def __init__(self, gateway, owner, ids, program):
        self.gateway, self.owner, self.ids, self.program = gateway, owner, ids, program

    async def do(self, mutation, given, want=""):
        return await self.gateway.do(mutation, {"programId": self.program, **given}, by=self.owner, want=want)

    async def previewed(self, **given):
        made = await self.do("previewMatching", given, want="matchPreview { id }")
        assert made["errors"] == []

        async def solved():
            found = (await self.gateway.get(PREVIEW, made["matchPreview"], by=self.owner))["matchPreview"]
            assert found["status"] != "FAILED", found
            return found if found["status"] == "SOLVED" else None

        return await eventually(solved, what="the preview", seconds=60)


@pytest_asyncio.fixture
async def place(start_service, served, gateway_to, identity, identity_url, start_founding, found):
    matching = await start_service("matching")
    async with (
        served(matching.app) as url,
        gateway_to({"identity": identity_url, "matching": url}, identity) as gateway,
    ):
        owner = await found(gateway, start_founding())
        rows = []
        for line, (name, side, skill, interest) in enumerate(PEOPLE, 1):
            skills = {"skills_wanted" if side == "mentee" else "skills_offered": [{"tag": skill, "level": 5}]}
            row = {"line": line, "external_id": name, "display_name": name, "languages": ["en"]}
            rows.append(row | skills | {"interests": [interest]})
        await gateway.do("importMembers", {"rows": rows}, by=owner, want="imported { created }")
        people = await gateway.get("{ members(first: 9) { edges { node { id displayName } } } }", by=owner)
        ids = {edge["node"]["displayName"]: edge["node"]["id"] for edge in people["members"]["edges"]}
        given = {"name": "Spring", "rules": {"minimum_shared_skills": 0}}
        program = (await gateway.do("openProgram", given, by=owner, want="program { id }"))["program"]["id"]
        rows = [{"memberId": ids[name], "side": side.upper()} for name, side, *_ in PEOPLE]

        async def enrolled():
            given = {"programId": program, "enrollments": rows}
            made = await gateway.do("enrollMembers", given, by=owner, want="result { errors { code } }")
            return made["result"]["errors"] == []

        await eventually(enrolled, what="matching hearing of the members")
        yield Place(gateway, owner, ids, program)


async def test_m12_i_see_who_would_gain_by_other_weights_before_i_set_them(place):
    async def heard():  # profiles come by events
        preview = await place.previewed(weights=BY_INTERESTS)
        return preview if preview["result"]["anotherMentor"] == 2 else None

    preview = await eventually(heard, what="matching hearing of the profiles", seconds=60)
    result = preview["result"]
    assert (result["gain"], result["lose"], result["mentees"], result["mentors"]) == (2, 0, 2, 2)
    assert result["before"] == {"matched": 2, "meanFit": 0}
    assert result["after"] == {"matched": 2, "meanFit": 1}
    told = {each["mentee"]["displayName"]: each for each in result["changes"]}
    assert told["Mia"]["mentorBefore"]["displayName"] == "Gus"
    assert told["Mia"]["mentorAfter"]["displayName"] == "Sue"
    kept = await place.gateway.get(
        "query ($id: ID!) { program(id: $id) { weights } }", {"id": place.program}, by=place.owner
    )
    assert kept["program"]["weights"]["skills"] == 0.5  # looking changes nothing
    changed = await place.do("changeMatchingSettings", {"weights": BY_INTERESTS}, want="program { weights }")
    assert changed["program"]["weights"] == BY_INTERESTS | {"load": 0}
    assert (await place.previewed(weights=BY_INTERESTS))["result"]["anotherMentor"] == 0


async def test_m17_i_am_told_how_long_i_would_wait_before_i_ask(place):
    query = "query ($id: ID!) { waitForecast(programId: $id) { ahead free pairedAWeek weeks } }"

    async def forecast():
        return (await place.gateway.get(query, {"id": place.program}, by=place.owner))["waitForecast"]

    assert await forecast() == {"ahead": 2, "free": 2, "pairedAWeek": 0.0, "weeks": None}  # nothing ever moved
    run = (await place.do("startMatchRun", {"seed": 1}, want="matchRun { id }"))["matchRun"]["id"]

    async def published():
        made = await place.gateway.do("publishMatchRun", {"runId": run}, by=place.owner, want="matchRun { status }")
        return made["errors"] == []

    await eventually(published, what="publishing", seconds=60)
    pairings = "query ($id: ID!) { pairings(programId: $id) { edges { node { id } } } }"
    found = await place.gateway.get(pairings, {"id": place.program}, by=place.owner)
    ids = [edge["node"]["id"] for edge in found["pairings"]["edges"]]
    await place.gateway.do("acceptPairings", {"pairingIds": ids}, by=place.owner, want="result { accepted }")
    assert await forecast() == {"ahead": 0, "free": 0, "pairedAWeek": 0.25, "weeks": 4.0}  # one place in four weeks
    member = Actor(place.owner.community_id, permissions=MEMBER)
    assert (await place.gateway.get(query, {"id": place.program}, by=member))["waitForecast"]["weeks"] == 4.0


async def test_m44_i_replay_the_last_run_under_another_policy_and_see_who_would_have_lost(place):
    started = await place.do("startMatchRun", {"seed": 1}, want="matchRun { id }")
    run = started["matchRun"]["id"]

    async def solved():
        query = "query ($id: ID!) { matchRun(id: $id) { status } }"
        return (await place.gateway.get(query, {"id": run}, by=place.owner))["matchRun"]["status"] == "SOLVED"

    await eventually(solved, what="solving", seconds=60)
    await place.gateway.do("publishMatchRun", {"runId": run}, by=place.owner, want="")
    nobody = await place.previewed(weights=BY_INTERESTS)  # all are paired: nobody waits
    assert nobody["result"]["mentees"] == 0
    replayed = await place.previewed(runId=run, rules={"minimum_shared_skills": 2})
    result = replayed["result"]
    assert (result["mentees"], result["lose"], result["gain"]) == (2, 2, 0)
    assert (result["before"]["matched"], result["after"]["matched"]) == (2, 0)
    assert {each["change"] for each in result["changes"]} == {"LOSES"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"weights": {"skills": 1}}, "BAD_SETTINGS"),
        ({"weights": {"charm": 1}}, "BAD_SETTINGS"),
        ({"weights": {"skills": "much"}}, "INVALID_REQUEST"),
        ({"rules": {"minimum_shared_skills": -1}}, "BAD_SETTINGS"),
        ({"rules": {"minimum_score": {"a": [1]}}}, "BAD_SETTINGS"),
    ],
)
async def test_m12_settings_that_make_no_sense_are_refused_and_nothing_changes(place, wrong, code):
    for mutation, want in (("previewMatching", "matchPreview { id }"), ("changeMatchingSettings", "program { id }")):
        refused = await place.do(mutation, wrong, want=want)
        assert [error["code"] for error in refused["errors"]] == [code]
    member = Actor(place.owner.community_id, permissions=MEMBER)
    given = {"programId": place.program}
    forbidden = await place.gateway.do("previewMatching", given, by=member, want="matchPreview { id }")
    assert [error["code"] for error in forbidden["errors"]] == ["FORBIDDEN"]
