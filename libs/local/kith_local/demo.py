"""The demo community `kith up` founds through the public API, once: people to log in as, something to look at."""

import random
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kith_local.client import Client, GraphQLError, connect
from kith_local.credentials import Credentials
from kith_local.layout import GATEWAY, Installation
from kith_local.steps import Steps
from kith_local.story import documents as ask
from kith_local.story.tell import eventually
from kith_local.up import System

SLUG = "demo"
OWNER, MENTOR, NEWCOMER = "owner@demo.example", "mentor@demo.example", "newcomer@demo.example"
SKILLS = ("python", "sql", "design", "writing", "rust", "teaching", "accounting", "gardening")
NAMES = ("Amina", "Björn", "Chidi", "Daniela", "Eun-ji", "Farid", "Greta", "Hiro", "Ines", "Jamal", "Kaja", "Liam")
FIRST_QUERY = "{ viewer { member { displayName } pairings(first: 1) { edges { node { mentor { displayName } } } } } }"

_JOIN = ask.mutation("join", "joining { memberId }")
_PROFILE = ask.mutation("updateProfile", "member { id }")


def owner_login(installation: Installation) -> str:
    """The demo owner's password on this machine."""
    return Credentials(installation.home / "secrets.json")["demo password"]


async def ensure(system: System, steps: Steps) -> None:
    """Found the demo community unless it is there, and finish founding it when that was interrupted."""
    password = system.credentials["demo password"]
    with steps.step("demo community") as step:
        async with connect(f"{system.url(GATEWAY)}/graphql") as client:
            owner = await _founded(client, password)
            if await _is_complete(client, password):
                step.say("was there")
                return
            step.say("members")
            people = await _people(client, owner, password)
            step.say("matching")
            await _pairings(client, owner, people, password)
            step.say("a first conversation")
            await _conversation(client, owner, password)
            step.say(f"{len(NAMES) + 3} members, mentoring, a circle")


async def _founded(client: Client, password: str) -> Client:
    owner = {"email": OWNER, "password": password, "displayName": "Olga"}
    given = {"name": "Demo", "slug": SLUG, "mission": "People who help each other learn.", "owner": owner}
    try:
        await client.mutate(ask.FOUND, given)
    except GraphQLError as error:
        if error.code != "SLUG_TAKEN":
            raise
    return await client.signed_in(community=SLUG, email=OWNER, password=password)


async def _is_complete(client: Client, password: str) -> bool:
    """Whether the last thing the demo makes is there: the newcomer's accepted pairing and thanks."""
    try:
        newcomer = await client.signed_in(community=SLUG, email=NEWCOMER, password=password)
    except GraphQLError:
        return False
    found = await newcomer.query("{ kudos(first: 1) { edges { node { id } } } }")
    return bool(found["kudos"]["edges"])


async def _people(client: Client, owner: Client, password: str) -> dict[str, str]:
    """Everyone of the demo: e-mail or name to member id."""
    rng = random.Random(7)  # noqa: S311 -- the same demo everywhere
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(NAMES):
        offered, wanted = rng.sample(SKILLS, 2), rng.sample(SKILLS, 2)
        rows.append(
            {
                "line": number + 1,
                "external_id": f"demo-{number + 1}",
                "display_name": name,
                "skills_offered": [{"tag": each, "level": rng.randint(2, 5)} for each in offered],
                "skills_wanted": [{"tag": each, "level": rng.randint(2, 4)} for each in wanted],
                "languages": ["en"],
                "experience_years": rng.choice((1, 2, 9, 12)),
                "time_zone": rng.choice(("Europe/Vienna", "Europe/Lisbon", "Africa/Lagos")),
                "availability": [{"weekday": rng.randrange(5), "start": 1080, "end": 1200}],
            }
        )
    imported = ask.mutation("importMembers", "imported { created errors { line column reason } }")
    await owner.mutate(imported, {"rows": rows})
    profiles: dict[str, dict[str, Any]] = {
        MENTOR: {"skillsOffered": [{"tag": "python", "level": 5}], "experienceYears": 12, "languages": ["en"]},
        NEWCOMER: {"skillsWanted": [{"tag": "python", "level": 3}], "experienceYears": 1, "languages": ["en"]},
    }
    for email, display_name in ((MENTOR, "Marta"), (NEWCOMER, "Noah")):
        try:
            given = {"community": SLUG, "email": email, "password": password, "displayName": display_name}
            await client.mutate(_JOIN, given)
        except GraphQLError as error:
            if error.code != "ALREADY_MEMBER":
                raise
        one = await client.signed_in(community=SLUG, email=email, password=password)
        await one.mutate(_PROFILE, profiles[email])
    names = {"Marta": MENTOR, "Noah": NEWCOMER, "Olga": OWNER}
    return {
        names.get(node["displayName"], node["displayName"]): node["id"]
        async for node in owner.pages(ask.MEMBERS, first=100)
    }


async def _pairings(client: Client, owner: Client, people: dict[str, str], password: str) -> None:
    """A mentoring program, matched and published; the mentor and the newcomer say yes themselves."""
    program = (await owner.mutate(ask.OPEN_PROGRAM, {"name": "Spring mentoring", "kind": "MENTORING"}))["program"]["id"]
    mentors = [MENTOR, *NAMES[:4]]
    mentees = [NEWCOMER, *NAMES[4:]]
    rows = [{"memberId": people[each], "side": "MENTOR", "maxPairings": 2} for each in mentors]
    rows += [{"memberId": people[each], "side": "MENTEE"} for each in mentees]

    async def enrolled() -> bool:
        """Once matching has heard of everyone."""
        result = await owner.mutate(ask.ENROLL, {"programId": program, "enrollments": rows})
        return not result["result"]["errors"]

    await eventually(enrolled, "enrolling the demo's members")
    pins = [{"mentorId": people[MENTOR], "menteeId": people[NEWCOMER]}]
    run = (await owner.mutate(ask.START_RUN, {"programId": program, "pins": pins}))["matchRun"]["id"]

    async def solved() -> bool:
        return bool((await owner.query(ask.RUN, id=run))["matchRun"]["status"] == "SOLVED")

    await eventually(solved, "the demo's match run")
    await owner.mutate(ask.PUBLISH, {"runId": run})
    pairings = [node async for node in owner.pages(ask.PAIRINGS, first=100, program=program)]
    ours = next(each for each in pairings if each["mentee"]["id"] == people[NEWCOMER])
    for email in (MENTOR, NEWCOMER):
        one = await client.signed_in(community=SLUG, email=email, password=password)
        await one.mutate(ask.ACCEPT, {"pairingId": ours["id"]})
    circle = {"pool": {"memberIds": [people[each] for each in (MENTOR, NEWCOMER, *NAMES)]}, "smallest": 5, "largest": 7}
    await owner.mutate(ask.FORM, circle)


async def _conversation(client: Client, owner: Client, password: str) -> None:
    async def welcome() -> str | None:
        edges = (await owner.query(ask.SPACES))["spaces"]["edges"]
        return next((edge["node"]["id"] for edge in edges if edge["node"]["key"] == "welcome"), None)

    space = await eventually(welcome, "the welcome space")
    newcomer = await client.signed_in(community=SLUG, email=NEWCOMER, password=password)
    mentor = await client.signed_in(community=SLUG, email=MENTOR, password=password)
    question = {"spaceId": space, "kind": "QUESTION", "title": "Where do I start with Python?", "body": "Any advice?"}
    thread = (await newcomer.mutate(ask.THREAD, question))["thread"]["id"]
    answer = {"threadId": thread, "body": "Build something you need yourself; I will look at it with you."}
    post = (await mentor.mutate(ask.POST, answer))["post"]["id"]
    await newcomer.mutate(ask.ACCEPT_ANSWER, {"threadId": thread, "postId": post})
    marta = (await mentor.query("{ viewer { member { id } } }"))["viewer"]["member"]["id"]
    thanks = {"receiverId": marta, "message": "Thank you, that got me going!", "value": "generosity"}

    async def thanked() -> bool:
        """Once recognition has heard of the mentor."""
        try:
            await newcomer.mutate(ask.KUDOS, thanks)
        except GraphQLError as error:
            if error.code != "NO_SUCH_MEMBER":
                raise
            return False
        return True

    await eventually(thanked, "the demo's first thanks")


def show(system: System, console: Console) -> None:
    """The table `make run` ends with: where GraphQL is, who to log in as, what to try first and its answer."""
    password = system.credentials["demo password"]
    url = f"{system.url(GATEWAY)}/graphql"
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("GraphQL", f"{url}   (in a browser: GraphiQL)")
    table.add_row("community", SLUG)
    table.add_row("log in as", f"{OWNER}, {MENTOR}, {NEWCOMER}")
    table.add_row("password", f"{password}   (of all three)")
    table.add_row("logs", str(system.installation.logs))
    table.add_row("stop", f"Ctrl-C, or `{_kith()} stop` in another terminal")
    console.print()
    console.print(table)
    console.print()
    console.print("Try first, as the newcomer:", highlight=False)
    console.print(f"\n  {_kith()} ask {NEWCOMER} '{FIRST_QUERY}'\n", highlight=False, markup=False, soft_wrap=True)
    console.print('The answer names Noah and the mentor Noah was matched with: "Marta".\n', highlight=False)


def _kith() -> str:
    """How to call this program from the directory it was called from."""
    if shutil.which("kith"):
        return "kith"
    program = Path(sys.argv[0]).absolute()
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)
