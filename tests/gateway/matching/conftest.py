"""A community that matches people, lived through GraphQL, with a calendar that a test turns."""

import pytest
import pytest_asyncio
from tests.gateway.story import Calendar

from kith_gateway.ids import encode_id
from kith_testkit.probe import MEMBER, Actor, eventually


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def matching(start_service):
    return await start_service("matching")


@pytest.fixture
def calendar(matching, monkeypatch):
    return Calendar(matching, monkeypatch)


class Place:
    """The gateway in front of identity and matching, and the people of a new community by their names."""

    def __init__(self, gateway, matching, owner, ids, key_of):
        self.gateway, self.matching, self.owner, self.ids = gateway, matching, owner, ids
        self.community_id = owner.community_id
        self.key_of = key_of

    def key(self, name):
        return self.key_of(self.ids[name])

    def global_id(self, kind, key):
        return encode_id(kind, key)

    def actor(self, name):
        return self.owner if name == "Ada" else Actor(self.community_id, self.key_of(self.ids[name]), MEMBER)

    async def get(self, query, by, **variables):
        return await self.gateway.get(query, variables, by=self.actor(by))

    async def do(self, mutation, by, want="", **given):
        """What a mutation gives; it must go right."""
        done = await self.gateway.do(mutation, given, by=self.actor(by), want=want)
        assert done["errors"] == [], done["errors"]
        return next((done[key] for key in done if key not in {"errors", "clientMutationId"}), None)

    async def refused(self, mutation, by, **given):
        """The codes with which a mutation is refused."""
        return [each["code"] for each in (await self.gateway.do(mutation, given, by=self.actor(by), want=""))["errors"]]

    async def told(self, type_):
        """What matching told the others, of one type."""
        return await self.matching.emitted(self.community_id, f"matching.{type_}.v1")

    async def program(self, want="id", **given):
        return await self.do("openProgram", "Ada", f"program {{ {want} }}", **({"name": "Spring"} | given))

    async def enrolled(self, program, sides, **given):
        """Enroll people by their names: {name: side}."""
        rows = [{"memberId": self.ids[name], "side": side} | given for name, side in sides.items()]
        want = "result { enrolled errors { code } }"

        async def done():
            result = await self.do("enrollMembers", "Ada", want, programId=program["id"], enrollments=rows)
            return result["errors"] == []

        await eventually(done, what="matching hearing of all members")

    async def pairing(self, program, *, mentor="Mia", mentee="Noa"):
        """The id of a pairing both wanted."""
        given = {"programId": program["id"], "mentorId": self.ids[mentor], "message": "Would you help me?"}
        asked = await self.do("askMentor", mentee, "request { id }", **given)
        await self.do("answerRequest", mentor, "request { status }", requestId=asked["id"], to="ACCEPTED")
        query = "{ viewer { pairings(first: 50) { edges { node { id status mentor { id } mentee { id } } } } } }"
        found = [edge["node"] for edge in (await self.get(query, mentee))["viewer"]["pairings"]["edges"]]
        return next(
            each["id"] for each in found
            if each["status"] == "ACCEPTED" and each["mentor"]["id"] == self.ids[mentor]
        )  # fmt: skip


MENTORS, MENTEES = ("Mia", "Max", "Mo"), ("Noa", "Nils", "Nora")


@pytest_asyncio.fixture
async def place(identity_url, matching, served, gateway_to, identity, start_founding, found, key_of):
    """Mia, Max and Mo know Python; Noa, Nils and Nora would like to; Ada founded the community."""
    async with (
        served(matching.app) as matching_url,
        gateway_to({"identity": identity_url, "matching": matching_url}, identity) as gateway,
    ):
        owner = await found(gateway, start_founding())
        known, wanted = [{"tag": "python", "level": 5}], [{"tag": "python", "level": 2}]
        rows = [{"display_name": name, "skills_offered": known, "experience_years": 9} for name in MENTORS]
        rows += [{"display_name": name, "skills_wanted": wanted, "experience_years": 1} for name in MENTEES]
        rows = [
            row | {"line": line, "external_id": row["display_name"], "languages": ["en"]}
            for line, row in enumerate(rows, start=1)
        ]
        await gateway.do("importMembers", {"rows": rows}, by=owner, want="imported { created }")
        members = await gateway.get("{ members(first: 100) { edges { node { id displayName } } } }", by=owner)
        ids = {edge["node"]["displayName"]: edge["node"]["id"] for edge in members["members"]["edges"]}
        yield Place(gateway, matching, owner, ids, key_of)
