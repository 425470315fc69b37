"""The clients frontends use, from npm, run the examples of the page for frontends, and what each does of its own."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from kith_gateway.joins import NODES

from .from_npm import installed, run
from .story import community, examples

pytestmark = pytest.mark.integration
SCHEMA = Path(__file__).parents[2] / "contracts/graphql/schema.graphql"
NAME = re.compile(r"(query|mutation) (\w+)")


@pytest_asyncio.fixture
async def staged(whole, people, served, key_of, start_founding, found, tmp_path):
    """What a client's program is told, and how to tell it."""
    place = installed()
    account = start_founding()
    await found(whole, account)
    mentor, real = await community(whole, people, key_of, account)
    async with served(whole.app) as url:
        task = {
            "url": f"{url}/graphql",
            "token": mentor.token(),
            "real": real,
            "nodes": sorted(NODES),
            "examples": [{"text": text, "given": given} for text, given in examples()],
        }

        async def tell(*program, at=place, **more):
            told = tmp_path / "task.json"
            told.write_text(json.dumps(task | more))
            return await run("node", *program, told, place=at)

        yield place, task, tell


def went_well(answers):
    assert len(answers) == len(examples())
    for each in answers:
        assert not each.get("error"), each
        assert None not in each["data"].values(), each
        assert all(not payload.get("errors") for payload in each["data"].values() if isinstance(payload, dict)), each


async def test_apollo_client_runs_the_examples_merges_pages_and_finds_things_by_their_ids(staged):
    _, _, tell = staged
    told = await tell("apollo.mjs")
    went_well(told["answers"])
    assert len(set(told["pages"])) == 2
    assert told["kept"] == {"__typename": "Member", "displayName": "Mentor 0"}
    assert told["refused"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("by_get", [False, "force"])
async def test_urql_runs_the_examples_and_reads_the_codes_of_errors(staged, by_get):
    _, _, tell = staged
    told = await tell("urql.mjs", byGet=by_get)
    went_well(told["answers"])
    assert told["refused"] == "GRAPHQL_VALIDATION_FAILED"
    assert told["stranger"] == "UNAUTHENTICATED"


def for_relay(examples):
    """The examples as Relay wants them, by module: operations and fragments are named after it."""
    made = {}
    for each in examples:
        kind, name = NAME.search(each["text"]).groups()
        whole = f"{name}{kind.capitalize()}"
        text = re.sub(rf"\b{kind} {name}\b", f"{kind} {whole}", each["text"])
        for fragment in re.findall(r"fragment (\w+) on", text):
            text = re.sub(rf"(fragment |\.\.\.){fragment}\b", rf"\g<1>{name}_{fragment.lower()}", text)
        made[name] = whole, text, each["given"]
    return made


async def compiled(place, modules):
    """Relay's compiler over the schema, its own sources and the examples."""
    relay = place / "relay"
    shutil.rmtree(relay / "src" / "__generated__", ignore_errors=True)
    shutil.copy(SCHEMA, relay / "schema.graphql")
    for module, (_, text, _) in modules.items():
        source = 'const { graphql } = require("relay-runtime");\n'
        parts = re.split(r"(?=^fragment )", text, flags=re.MULTILINE)
        source += "\n".join(f"graphql`\n{part}`;" for part in parts)
        (relay / "src" / f"{module}.js").write_text(source)
    (relay / "src" / "__generated__").mkdir()
    started = await asyncio.create_subprocess_exec(
        *("node", "../node_modules/relay-compiler/cli.js", "--noWatchman", "relay.config.json"),
        cwd=relay,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(started.communicate(), 120)
    assert started.returncode == 0, out.decode()
    return relay


async def test_relay_compiles_the_examples_and_pages_refetches_and_adds_to_connections(staged):
    place, task, tell = staged
    modules = for_relay(task["examples"])
    relay = await compiled(place, modules)
    named = [{"name": name, "given": given} for name, _, given in modules.values()]
    told = await tell("run.cjs", at=relay, examples=named)
    went_well(told["answers"])
    assert len(set(told["pages"])) == 2
    assert told["again"]["node"]["__id"] == task["real"]["MEMBER_ID"]
    assert [each.get("displayName", each.get("title")) for each in told["nodes"]["nodes"]] == ["How?", "Mentor 0"]
    assert told["written"]["data"]["writePost"]["errors"] == []
    assert told["bodies"][-1] == "By Relay."
