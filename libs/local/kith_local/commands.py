"""The commands that use a running system: `kith import`, `kith story`."""

import asyncio
import getpass
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import Progress

from kith_local import environments
from kith_local.client import Client, connect
from kith_local.credentials import Credentials
from kith_local.demo import OWNER, SLUG, owner_login
from kith_local.errors import LocalError
from kith_local.imports import LISTED, ImportResult, List, import_members, rejected_path
from kith_local.layout import GATEWAY, SERVICES, Installation
from kith_local.lists import MEMBERS, PAIRINGS, PARTICIPANTS, Kind
from kith_local.member_files import open_members
from kith_local.postgres import Cluster
from kith_local.steps import Steps
from kith_local.story.receiver import receiving
from kith_local.story.tell import Story
from kith_local.story.telling import Telling
from kith_local.up import running

importing = typer.Typer(no_args_is_help=True, help="Bring in what you have.")


File = Annotated[Path, typer.Argument(help="A CSV or JSON Lines (.jsonl) file, also .gz, with a row each.")]
Community = Annotated[str, typer.Option(help="The community's slug.")]
Email = Annotated[str | None, typer.Option(help="Who imports: the owner or a coordinator.")]
Url = Annotated[str | None, typer.Option(help="The GraphQL address; default: the system of this directory.")]
Encoding = Annotated[str | None, typer.Option(help="Of the file, when it is not UTF-8: cp1252, latin-1, …")]
Columns = Annotated[list[str] | None, typer.Option("--map", help="COLUMN=FIELD, may be repeated.")]
Program = Annotated[str, typer.Option(help="The program, by its name or id.")]
_PROGRAMS = """query($first: Int!, $after: String) {
  programs(first: $first, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } }
}"""


@importing.command("members")
def members_command(
    file: File,
    community: Community = SLUG,
    email: Email = None,
    url: Url = None,
    encoding: Encoding = None,
    mapping: Columns = None,
) -> None:
    """Import a member list. Good rows go in; refused ones are written to a file to correct and import again."""
    _bring(MEMBERS, file, community, email, url, encoding, mapping)


@importing.command("participants")
def participants_command(
    file: File,
    program: Program,
    community: Community = SLUG,
    email: Email = None,
    url: Url = None,
    encoding: Encoding = None,
    mapping: Columns = None,
) -> None:
    """Enroll the members of a list in a program, each on their side. Refused rows go to a file to correct."""
    _bring(PARTICIPANTS, file, community, email, url, encoding, mapping, program=program)


@importing.command("pairings")
def pairings_command(
    file: File,
    program: Program,
    community: Community = SLUG,
    email: Email = None,
    url: Url = None,
    encoding: Encoding = None,
    mapping: Columns = None,
) -> None:
    """Bring pairings that are over into a program, as history; nobody is told. Refused rows go to a file to correct."""
    _bring(PAIRINGS, file, community, email, url, encoding, mapping, program=program)


def _bring(
    kind: Kind,
    file: Path,
    community: str,
    email: str | None,
    url: str | None,
    encoding: str | None,
    mapping: list[str] | None,
    *,
    program: str | None = None,
) -> None:
    columns = dict(_pair(each) for each in mapping or [])
    password = os.environ.get("KITH_PASSWORD")
    if email is None:
        email, password = (OWNER, owner_login(Installation.from_environment()))
    if password is None:
        password = getpass.getpass(f"Password of {email}: ")
    login = {"community": community, "email": email, "password": password}
    with open_members(file, encoding=encoding, mapping=columns, kind=kind) as members:
        result = asyncio.run(_import(members, url or graphql_url(), login, program))
    raise typer.Exit(1 if result.rejected else 0)


def _pair(text: str) -> tuple[str, str]:
    column, found, of = text.rpartition("=")
    if not found:
        raise LocalError(f"--map takes COLUMN=FIELD, for example --map 'Full name=display_name'; this is {text!r}.")
    return column.strip(), of.strip()


async def _import(members: List, url: str, login: dict[str, str], program: str | None) -> ImportResult:
    console = Console()
    if members.header.unused:
        console.print(f"not used: {', '.join(members.header.unused)}", highlight=False, markup=False)
    async with connect(url) as anonymous:
        client = await anonymous.signed_in(**login)
        into = {} if program is None else {"programId": await program_id(client, program)}
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("importing", total=None)

            def advance(rows: int) -> None:
                progress.advance(task, rows)

            path = rejected_path(members.path)
            result = await import_members(client, members, rejected_path=path, advance=advance, into=into)
    console.print(f"{result.created} new, {result.updated} changed, {result.unchanged} as they were", highlight=False)
    for error in result.errors[:LISTED]:
        console.print(f"  line {error.line}, {error.column}: {error.reason}", highlight=False, markup=False)
    if result.rejected:
        more = f" (the first {LISTED} errors are shown)" if len(result.errors) > LISTED else ""
        console.print(
            f"{result.rejected} rows refused{more}. Correct them in {result.rejected_file} and import that file.",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    return result


async def program_id(client: Client, wanted: str) -> str:
    """The id of the program with this name or id; LocalError when there is none, or more than one."""
    found = [each async for each in client.pages(_PROGRAMS) if wanted in (each["id"], each["name"])]
    if len(found) != 1:
        raise LocalError(
            f"{len(found)} programs are called {wanted!r}; give the id of one." if found
            else f"There is no program {wanted!r} in this community."
        )  # fmt: skip
    return str(found[0]["id"])


def ask_command(
    email: Annotated[
        str, typer.Argument(help="Who asks: one of the demo's logins, or another with KITH_PASSWORD set.")
    ],
    document: Annotated[str, typer.Argument(help="A GraphQL operation without variables.")],
    community: Annotated[str, typer.Option(help="The community's slug.")] = SLUG,
    url: Annotated[str | None, typer.Option(help="The GraphQL address; default: the system of this directory.")] = None,
) -> None:
    """Ask the running system something in GraphQL, and print the answer."""
    password = os.environ.get("KITH_PASSWORD") or owner_login(Installation.from_environment())
    login = {"community": community, "email": email, "password": password}

    async def ask() -> dict[str, object]:
        async with connect(url or graphql_url()) as anonymous:
            return await (await anonymous.signed_in(**login)).query(document)

    Console().print_json(data=asyncio.run(ask()))


def events_command(
    context: typer.Context, service: Annotated[str, typer.Argument(help="Whose events: identity, groups, …")]
) -> None:
    """The events of one service: reconcile, rebuild, letters, show, replay, discard ID. Takes a running system."""
    if service not in SERVICES:
        raise LocalError(f"There is no service {service}; choose from {', '.join(SERVICES)}.")
    installation = Installation.from_environment()
    credentials = Credentials(installation.home / "secrets.json")
    cluster = Cluster(installation.postgres, installation.port("postgres"), credentials["postgres"])
    admin_url = installation.database_url or cluster.url
    told = environments.service(installation, credentials, admin_url, service)
    told["KITH_OWNER_DATABASE_URL"] = environments.migration(credentials, admin_url, service)["KITH_DATABASE_URL"]
    argv = [sys.executable, "-m", "kith_events", service, *context.args]
    raise typer.Exit(subprocess.run(argv, env=told, check=False).returncode)  # noqa: S603 -- a command of ours


def story_command(
    members: Annotated[Path, typer.Option(help="A member list, CSV or .csv.gz.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write counts, gap and seconds here.")] = None,
    url: Annotated[str | None, typer.Option(help="The GraphQL address; default: the system of this directory.")] = None,
    seed: Annotated[int, typer.Option(help="Of every choice the story makes.")] = 1,
    voices: Annotated[int, typer.Option(help="How many pairs come themselves.", min=0, max=200)] = 40,
) -> None:
    """Tell the main job end to end: import, match, circles, thanks, a health report. Takes a running system."""
    asyncio.run(_story(members, json_file, url, seed=seed, voices=voices))


async def _story(members: Path, json_file: Path | None, url: str | None, *, seed: int, voices: int) -> None:
    console = Console()
    with open_members(members):  # a file that cannot be read is told before anything is started
        pass
    async with _system(url, console) as address, connect(address) as client, receiving() as receiver:
        telling = Telling(console)
        console.print(f"\n[bold]The story of {members.name}[/bold]  seed {seed}, {address}\n", highlight=False)
        await Story(client, receiver, telling, members=members, seed=seed, voices=voices).tell()
        total = telling.as_json()["seconds"]["total"]
        console.print(f"\n[bold]The end[/bold], after {total:.0f} s.", highlight=False)
        telling.say("Time zones follow countries and availability is drawn at random where the file has none.")
        if json_file is not None:
            telling.write(json_file)


@asynccontextmanager
async def _system(url: str | None, console: Console) -> AsyncIterator[str]:
    """The address of a running system; without one, this directory's system runs as long as the block."""
    address = url or graphql_url()
    if url is not None or await _answers(address):
        yield address
        return
    async with running(Installation.from_environment(), Steps(console)):
        yield address


async def _answers(address: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
            await client.post(address, json={"query": "{ __typename }"})
    except httpx.TransportError:
        return False
    return True


def graphql_url() -> str:
    return f"{Installation.from_environment().url(GATEWAY)}/graphql"
