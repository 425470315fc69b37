"""A town that matches people, lived through GraphQL alone; a test turns its calendar, and asks no service itself."""

from contextlib import AsyncExitStack

import pytest_asyncio
from tests.gateway.conftest import found, gateway_to, identity, identity_url, key_of, served, start_founding
from tests.gateway.matching.conftest import Place, calendar, matching

from kith_testkit.probe import eventually

__all__ = [
    "calendar", "found", "gateway_to", "identity", "identity_url", "key_of", "matching", "served", "start_founding",
]  # fmt: skip
BESIDE = ("matching", "groups", "recognition")
NAMES = "query ($after: String) { members(first: 100, after: $after) { edges { node { id displayName } } } }"
RUN = """query ($id: ID!) { matchRun(id: $id) {
  id status failure certificate { matched total bound gap outcomes { mode matched worst } }
} }"""
PAIRS = """query ($id: ID!) {
  matchSuggestions(runId: $id, first: 100) { edges { node {
    score sharedSkills sharedLanguages overlapMinutes switchCost parts { part value weight reason }
    mentee { displayName } mentor { displayName } nextBest { displayName }
  } } }
  unmatchedMentees(runId: $id, first: 100) { edges { node { reason mentee { displayName } } } }
}"""
PREVIEW = """query ($id: ID!) { matchPreview(id: $id) { status failure result {
  mentees gain lose before { matched } after { matched }
  changes { mentee { displayName } mentorAfter { displayName } }
} } }"""
MINE = """{ viewer { pairings(first: 50) { edges { node {
  id status mentor { displayName } mentee { displayName }
} } } } }"""


def named(edges):
    return {edge["node"]["mentee"]["displayName"]: edge["node"] for edge in edges}


class Town(Place):
    """People by their names. Ada founded the town and coordinates; everybody else is a member like any other."""

    async def arrive(self, **people):
        """Let people arrive, or change; returns when matching has heard of all that was said before."""
        rows = [
            {"external_id": name, "display_name": name, "languages": ["en"]} | more for name, more in people.items()
        ]
        await self._import(rows)
        # Events are heard in the order they happened: who knows of the last to arrive knows all of the others.
        last = f"Newcomer {len(self.ids)}"
        await self._import([{"external_id": last, "display_name": last}])
        found = (await self.gateway.get(NAMES, by=self.owner))["members"]["edges"]
        self.ids |= {edge["node"]["displayName"]: edge["node"]["id"] for edge in found}
        if "arrivals" not in self.ids:
            self.ids["arrivals"] = (await self.program(name="Arrivals"))["id"]
        await self.enrolled({"id": self.ids["arrivals"]}, {last: "PEER"})

    async def _import(self, rows):
        rows = [row | {"line": line} for line, row in enumerate(rows, start=1)]
        want = "imported { errors { reason } }"
        done = await self.gateway.do("importMembers", {"rows": rows}, by=self.owner, want=want)
        assert done["imported"] == {"errors": []}

    async def soon(self, mutation, by, want, **given):
        """The same as `do`, for what another service has to hear of first."""

        async def done():
            made = await self.gateway.do(mutation, given, by=self.actor(by), want=want)
            return made if made["errors"] == [] else None

        made = await eventually(done, what=mutation)
        return next(made[key] for key in made if key not in {"errors", "clientMutationId"})

    def pair(self, mentee, mentor):
        return {"menteeId": self.ids[mentee], "mentorId": self.ids[mentor]}

    async def draft(self, program, **given):
        """A match run that has come to its end, whatever that is."""
        run = await self.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], **given)

        async def ended():
            seen = (await self.get(RUN, "Ada", id=run["id"]))["matchRun"]
            return seen if seen["status"] in {"SOLVED", "FAILED"} else None

        return await eventually(ended, what="solving", seconds=60)

    async def suggested(self, run):
        """What a draft says of each mentee: whom it found a mentor for, and whom not."""
        seen = await self.get(PAIRS, "Ada", id=run["id"])
        return named(seen["matchSuggestions"]["edges"]), named(seen["unmatchedMentees"]["edges"])

    async def who_with_whom(self, run):
        found, _ = await self.suggested(run)
        return {mentee: each["mentor"]["displayName"] for mentee, each in found.items()}

    async def publish(self, run):
        return await self.do("publishMatchRun", "Ada", "matchRun { status }", runId=run["id"])

    async def pairings_of(self, name):
        return [edge["node"] for edge in (await self.get(MINE, name))["viewer"]["pairings"]["edges"]]

    async def preview(self, **given):
        """What other settings would do."""
        made = await self.do("previewMatching", "Ada", "matchPreview { id }", **given)

        async def solved():
            seen = (await self.get(PREVIEW, "Ada", id=made["id"]))["matchPreview"]
            assert seen["status"] != "FAILED", seen
            return seen["result"]

        return await eventually(solved, what="the preview", seconds=60)

    async def round(self, program, **given):
        """A draft of introductions: its id, the meetings as sets of names, and who is left out."""
        want = "introductionRound { id }"
        made = await self.do("startIntroductionRound", "Ada", want, programId=program["id"], **given)
        return await self.round_when_solved(made["id"])

    async def round_when_solved(self, key):
        query = """query ($id: ID!) {
          introductionRound(id: $id) { id status number failure certificate {
            introductions leftOut gap silos siloIndexBefore siloIndexAfter
          } }
          introductions(roundId: $id, first: 50) { edges { node {
            members { displayName } host { displayName } sharedInterests
            helps { skills giver { displayName } taker { displayName } }
          } } }
          introductionsLeftOut(roundId: $id) { edges { node { member { displayName } } } }
        }"""

        async def solved():
            seen = await self.get(query, "Ada", id=key)
            assert seen["introductionRound"]["status"] != "FAILED", seen
            return seen if seen["introductionRound"]["status"] in {"SOLVED", "PUBLISHED"} else None

        seen = await eventually(solved, what="solving", seconds=60)
        meetings = [edge["node"] for edge in seen["introductions"]["edges"]]
        left = [edge["node"]["member"]["displayName"] for edge in seen["introductionsLeftOut"]["edges"]]
        return seen["introductionRound"], meetings, left


def met(meetings):
    return {frozenset(each["displayName"] for each in one["members"]) for one in meetings}


def knows(*tags, level=5, years=9, **more):
    """Somebody who could teach this."""
    return {"skills_offered": [{"tag": tag, "level": level} for tag in tags], "experience_years": years} | more


def wants(*tags, level=2, years=1, **more):
    """Somebody who would like to learn this."""
    return {"skills_wanted": [{"tag": tag, "level": level} for tag in tags], "experience_years": years} | more


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town_urls(start_service, served, identity_url, matching):
    """Where the services are, which all tests share."""
    async with AsyncExitStack() as stack:
        apps = {name: (await start_service(name)).app for name in BESIDE}
        urls = {name: await stack.enter_async_context(served(app)) for name, app in apps.items()}
        yield {"identity": identity_url} | urls


@pytest_asyncio.fixture
async def town(town_urls, gateway_to, identity, matching, start_founding, found, key_of):
    """Mia, Max and Mo know Python; Noa, Nils and Nora would like to; Ada founded the town."""
    async with gateway_to(town_urls, identity) as gateway:
        one = Town(gateway, matching, await found(gateway, start_founding()), {}, key_of)
        people = dict.fromkeys(("Mia", "Max", "Mo"), knows("python")) | dict.fromkeys(
            ("Noa", "Nils", "Nora"), wants("python")
        )
        await one.arrive(**people)
        yield one
