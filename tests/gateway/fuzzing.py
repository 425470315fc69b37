"""Requests that know the schema and get it wrong: valid operations, with values nobody should send.

    python -m tests.gateway.fuzzing http://127.0.0.1:8400 --email owner@demo.example --password PASSWORD --seed 7

asks a running system, one for trials: what is sent is written. It ends with 1 when it found what should not be: an
answer that is not GraphQL's, `INTERNAL`, a stack trace, SQL. Services' logs tell what their 500s were.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from uuid import UUID

import httpx
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from kith_gateway.ids import encode_id, split_id
from kith_gateway.joins import NODES
from kith_gateway.schema import schema

CORE = schema._schema
TEXTS = [
    "", " ", "a", "x" * 101, "x" * 10_001, "' OR 1=1 --", "%", "_", "\\", "\u202e", "\ufeff", "\xfcn\xef", "\u0001",
    "\U0001f600" * 50, "a\nb", "null", "../..", "{}", "$1", ":a", "2027-03-01", "Europe/Vienna", "https://x.example/h",
    "a@b.example", "en",
]  # fmt: skip
INTEGERS = [0, 1, 1, 2, 3, 5, 5, 60, 100, 500, 501, -1, 2**31 - 1, -(2**31)]
NUMBERS = [0, 1, -1, 2, 5, 100, 500, 501, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, 0.5, -0.0, 1e308, 1e-300, 1.5]
TIMES = [
    "2027-03-01T18:00:00Z", "2027-03-01T18:00:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999+14:00",
    "2027-03-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-W09-1", "20270301T180000Z",
    "2027-03-01T18:00:00+23:59", "never", "",
]  # fmt: skip
JSONS = [
    {},
    [],
    None,
    3,
    "x",
    {"a": {"b": [1]}},
    {"bio": "everyone"},
    {"": ""},
    [[]],
    {"line": 1},
    {"line": 2, "email": "x"},
]
LEAKS = (
    "Traceback",
    'File "',
    "asyncpg",
    "sqlalchemy",
    "psycopg",
    "SELECT ",
    "INSERT INTO",
    "UPDATE ",
    "kith_",
    "0x7f",
)


class Fuzzer:
    """Operations for a seed. `known` are global ids that exist, by type; it grows with what answers hold."""

    def __init__(self, seed, known=()):
        self.chance = random.Random(seed)
        self.known = list(known)
        self.fields = [
            (kind, name, field)
            for kind in (CORE.query_type, CORE.mutation_type)
            for name, field in kind.fields.items()
            if name != "logOut"
        ]

    def request(self):
        """A query and its variables."""
        kind, name, field = self.chance.choice(self.fields)
        given = {
            each: arg for each, arg in field.args.items() if is_non_null_type(arg.type) or self.chance.random() < 0.6
        }
        variables = {each: self.value(arg.type, 0, each) for each, arg in given.items()}
        declared = ", ".join(f"${each}: {arg.type}" for each, arg in given.items())
        passed = ", ".join(f"{each}: ${each}" for each in given)
        query = f"{'mutation' if kind is CORE.mutation_type else 'query'} Q"
        query += f"({declared}) {{ {name}({passed})" if given else f" {{ {name}"
        return f"{query} {self.selection(field.type, 0)} }}", variables

    def selection(self, kind, depth):
        kind = get_named_type(kind)
        if is_leaf_type(kind):
            return ""
        chosen = []
        for name, field in getattr(kind, "fields", {}).items():
            leaf = is_leaf_type(get_named_type(field.type))
            if any(is_non_null_type(arg.type) and arg.default_value is None for arg in field.args.values()):
                continue
            if leaf or (depth < 4 and self.chance.random() < (0.9 if depth < 2 else 0.2)):
                paged = ""
                if "first" in field.args and self.chance.random() < 0.3:
                    paged = f"(first: {self.chance.choice([0, 1, 2, 3, 100, -1])})"
                chosen.append(f"{name}{paged} {self.selection(field.type, depth + 1)}")
        return "{ __typename " + " ".join(chosen) + " }"

    def value(self, kind, depth, name=""):
        luck = self.chance.random()
        if luck < 0.008:
            return self.chance.choice([None, [], {}, "x", 3, True, 1.5, [None], {"a": 1}])
        if is_non_null_type(kind):
            return self.value(kind.of_type, depth, name)
        if luck < 0.05:
            return None
        if is_list_type(kind):
            count = self.chance.choice([0, 1, 1, 2, 3, 3, 120 if depth < 2 else 2])
            return [self.value(kind.of_type, depth + 1, name) for _ in range(count)]
        if isinstance(kind, GraphQLInputObjectType):
            return {
                each: self.value(field.type, depth + 1, each)
                for each, field in kind.fields.items()
                if (is_non_null_type(field.type) and self.chance.random() < 0.99) or self.chance.random() < 0.7
            }
        return self.id(name) if kind.name == "ID" else self.leaf(kind)

    def leaf(self, kind):
        if isinstance(kind, GraphQLEnumType):
            return self.chance.choice([*list(kind.values) * 8, "NO_SUCH_WORD"])
        made = {
            "Int": lambda: self.chance.choice(INTEGERS if self.chance.random() < 0.95 else NUMBERS),
            "Float": lambda: self.chance.choice(NUMBERS),
            "Boolean": lambda: self.chance.choice([True, False]),
            "DateTime": lambda: self.chance.choice(TIMES),
            "Date": lambda: self.chance.choice(TIMES),
            "JSON": lambda: self.chance.choice(JSONS),
        }
        return made.get(kind.name, lambda: self.chance.choice(TEXTS))()

    def id(self, name):
        """Mostly the id of something that is there, and of the type that the name of the argument calls for."""
        luck = self.chance.random()
        words = name.lower()
        fitting = [each for each in self.known if self.kind(each) in words]
        fitting = fitting or [each for each in self.known if self.kind(each) == "member" and words != "id"]
        if luck < 0.85 and fitting:
            return self.chance.choice(fitting)
        if luck < 0.93 and self.known:
            return self.chance.choice(self.known)
        kind = self.chance.choice([*NODES, "Pairing", "Session", "Post", "MatchRun", "Request", "Space", "Nothing"])
        unknown = encode_id(kind, UUID(int=self.chance.randrange(2**100)))
        return self.chance.choice([unknown, unknown, "", "x", encode_id(kind, "x")])

    @staticmethod
    def kind(known):
        return split_id(known)[0].lower().removeprefix("webhook")

    def learn(self, found):
        """Remember the ids in an answer: they lead further in."""
        if isinstance(found, dict):
            if isinstance(found.get("id"), str) and len(self.known) < 3000:
                self.known.append(found["id"])
            for each in found.values():
                self.learn(each)
        elif isinstance(found, list):
            for each in found[:20]:
                self.learn(each)


def wrong_with(response):
    """What should not be in an answer; nothing where nothing is."""
    if response.status_code not in {200, 429}:  # so much is asked that a bucket may be empty for a moment
        return [f"status {response.status_code}"]
    answer = response.json()
    wrong = [
        f"{error['extensions']} {error['message']} {error.get('path')}"
        for error in answer.get("errors", [])
        if error["extensions"]["code"] in {"INTERNAL", "SERVICE_UNAVAILABLE", "UNAVAILABLE"}
    ]
    said = str(answer.get("errors", "")) + str(
        [each.get("errors") for each in (answer.get("data") or {}).values() if isinstance(each, dict)]
    )
    return wrong + [f"tells {each!r}" for each in LEAKS if each in said]


async def fuzz(client, fuzzer, requests, found, codes):
    """Send so many; `found` gets (what is wrong, query, variables), `codes` how often each error was answered."""
    for _ in range(requests):
        query, variables = fuzzer.request()
        response = await client.post("/graphql", json={"query": query, "variables": variables})
        for each in wrong_with(response):
            found.append((each, query, variables))
        answer = response.json()
        fuzzer.learn(answer.get("data"))
        codes.update(each["extensions"]["code"] for each in answer.get("errors", []))
        for payload in (answer.get("data") or {}).values():
            codes.update(each["code"] for each in (payload.get("errors") or [] if isinstance(payload, dict) else []))


LOG_IN = "mutation ($input: LogInInput!) { logIn(input: $input) { login { accessToken } errors { message } } }"
_PER_LOGIN = 500
"""Requests: an access token is good for minutes."""


async def _worker(url, account, fuzzer, requests, found, codes):
    for start in range(0, requests, _PER_LOGIN):
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            answer = (await client.post("/graphql", json={"query": LOG_IN, "variables": {"input": account}})).json()
            client.headers["Authorization"] = f"Bearer {answer['data']['logIn']['login']['accessToken']}"
            await fuzz(client, fuzzer, min(_PER_LOGIN, requests - start), found, codes)


async def _main(told):
    found, codes, began = [], Counter(), time.monotonic()
    account = {"community": told.community, "email": told.email, "password": told.password}
    fuzzers = [Fuzzer(told.seed * 1000 + n) for n in range(4)]
    share = told.requests // len(fuzzers)
    await asyncio.gather(*(_worker(told.url, account, each, share, found, codes) for each in fuzzers))
    lines = [
        f"{told.requests} requests, seed {told.seed}, {time.monotonic() - began:.0f} s; {dict(codes.most_common())}"
    ]
    lines += [f"\n{wrong}\n{query[:1500]}\n{str(variables)[:1500]}" for wrong, query, variables in found[:20]]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.fuzzing", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--community", default="demo")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    sys.exit(asyncio.run(_main(parser.parse_args())))
