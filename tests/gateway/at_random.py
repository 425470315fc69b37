"""Operations and services made up at random, from the schema and its declarations alone; the same for the same seed."""

import random
import re
from uuid import UUID

import msgspec
from graphql import GraphQLEnumType, Undefined, get_named_type, is_leaf_type, is_list_type, is_non_null_type
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.utils.str_converters import to_camel_case

from kith_gateway.ids import encode_id
from kith_gateway.joins import NODES, Calling, Fetch, Identifier, Join, Pages, Value, declaration_of
from kith_gateway.schema import schema
from kith_gateway.upstream import ServiceUnavailableError, UpstreamError, decoded

CORE = schema._schema
ROUTES = {}
WORDS = ["", "Ada", 'quote " and \\', "ünïcödé ✓", "\u2028 \x7f", "a" * 40, "2027-03-01T18:00:00Z"]
TOO = "Too: "
SAID_OTHERWISE = re.compile(r"\w+Too: ")
WRONG = [None, 7, -(2**31) - 1, 2**53 + 1, 2**70, 1.5, "text", True, [], {}, [None], ["x"], {"id": 3}, "NaN"]
WRONG_FOR = {
    "Int": [2**31, -(2**31) - 1, 2**70, 3.0, 1.5, "4", True],
    "Float": [2**53 + 1, 2**70, 1e300, "0.5", False],
    "JSON": [None],
    "Boolean": [0, 1.0, "true"],
}
LEAVES = {
    "Int": [0, 1, -5, 42, 2**31 - 1],
    "Float": [0, 0.5, -2.25, 1e-7, 3, 123456.789],
    "Boolean": [True, False],
    "JSON": [{}, {"a": [1, None, {"b": 2.0}]}, [], "text", 3, 2**70],
}


def backing(found):
    return found.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]


def declared(found):
    return declaration_of(backing(found))


for kind in ("Query", *CORE.type_map):
    for each in getattr(CORE.type_map[kind], "fields", {}).values():
        if GraphQLCoreConverter.DEFINITION_BACKREF not in each.extensions:
            continue
        match declared(each):
            case Join(service, route, shape="each"):
                pass
            case Join(service, route):
                ROUTES[route] = each.type
            case Fetch(service, route):
                ROUTES[route] = each.type
            case Pages(service, route):
                edge = get_named_type(get_named_type(each.type).fields["edges"].type)
                ROUTES[route] = get_named_type(edge.fields["node"].type)


class Author:
    """Writes one valid operation, as odd as the language allows."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.names = 0
        self.variables = {}
        self.fragments = {}
        self.said = {}
        self.left = self.chance.choice([8, 25, 45])

    def operation(self):
        body = self.selections(CORE.query_type, 1)
        variables = ", ".join(f"${name}: {kind}{default}" for name, (kind, default, _) in self.variables.items())
        head = f"query Q({variables}) " if variables else self.chance.choice(["", "query ", "query Q "])
        return "\n".join([head + body, *(text for text, _ in self.fragments.values())])

    def name(self, start):
        self.names += 1
        return f"{start}{self.names}"

    def selections(self, kind, depth):
        count = self.chance.choice([1, 2, 3, 4, 5] if depth > 1 else [1, 1, 2]) if self.left > 0 else 1
        parts = [self.selection(kind, depth) for _ in range(count)]
        if self.chance.random() < 0.1:
            parts.append(self.chance.choice(parts))
        return "{ " + " ".join(parts) + " }"

    def selection(self, kind, depth):
        luck = self.chance.random()
        if luck < 0.07:
            return "__typename" if luck < 0.04 else f"{self.name('t')}: __typename"
        if luck < 0.17 and self.left > 0:
            on = self.chance.choice([f" on {kind.name}", "", *(f" on {each.name}" for each in self.related(kind))])
            inner = CORE.type_map[on.removeprefix(" on ")] if on else kind
            return f"...{on}{self.switch()} {self.selections(inner, depth + 1)}"
        if luck < 0.24 and self.left > 0:
            return f"...{self.fragment(kind, depth)}{self.switch()}"
        return self.field(kind, depth)

    def related(self, kind):
        if hasattr(kind, "interfaces") and kind.interfaces:
            return list(kind.interfaces)
        return CORE.get_possible_types(kind) if kind.name == "Node" else []

    def fragment(self, kind, depth):
        known = [name for name, (_, on) in self.fragments.items() if on == kind.name]
        if known and self.chance.random() < 0.5:
            return self.chance.choice(known)
        name = self.name("F")
        body = self.selections(kind, depth + 1)
        self.fragments[name] = (f"fragment {name} on {kind.name} {body}", kind.name)
        return name

    def switch(self):
        if self.chance.random() > 0.12:
            return ""
        which = self.chance.choice(["skip", "include"])
        if self.chance.random() < 0.4:
            return f" @{which}(if: {self.chance.choice(['true', 'false'])})"
        return f" @{which}(if: ${self.variable('Boolean!', [True, False])})"

    def variable(self, kind, values, default=None):
        name = self.name("v")
        text = f" = {default}" if default is not None and self.chance.random() < 0.5 else ""
        self.variables[name] = (kind, text, values)
        return name

    def given(self, seed):
        """Values for the variables, others for each seed; some left out, some wrong."""
        chance, given = random.Random(seed), {}
        for name, (_, default, values) in self.variables.items():
            if default and chance.random() < 0.5:
                continue
            wrong = [None, None, 3, "x", [1], 2.0, 2**31]
            given[name] = chance.choice(wrong if chance.random() < 0.03 else values)
        return given

    def field(self, kind, depth):
        fields = list(kind.fields.items())
        leaves = [each for each in fields if is_leaf_type(get_named_type(each[1].type))]
        self.left -= 1
        if leaves and (self.left < 0 or depth > 9 or self.chance.random() < 0.35):
            fields = leaves
        name, found = self.chance.choice(fields)
        named = get_named_type(found.type)
        inner = "" if is_leaf_type(named) else " " + self.selections(named, depth + 1)
        if not inner and not found.args and self.chance.random() < 0.2:
            return f"{name}{TOO}{name}"
        if self.chance.random() < 0.15:
            return f"{self.name('a')}: {name}{self.arguments(found)}{self.switch()}{inner}"
        # Under its own name a field says the same wherever it stands, or answers would contradict each other.
        arguments = self.said.setdefault((kind.name, name), self.arguments(found))
        written = f"{name}{arguments}{self.switch()}{inner}"
        if TOO in inner and len(inner) < 100:
            # Beside it the same of the same, but under the services' own names.
            written += f" {self.name('a')}: {name}{arguments}{SAID_OTHERWISE.sub('', inner)}"
        return written

    def arguments(self, found):
        left_out = set()
        if "before" in found.args and self.chance.random() < 0.95:
            left_out = set(self.chance.choice([("first", "after"), ("last", "before"), ("last", "before")]))
        made = [self.argument(name, each, declared(found)) for name, each in found.args.items() if name not in left_out]
        made = [each for each in made if each]
        return f"({', '.join(made)})" if made else ""

    def argument(self, name, found, of):
        kind = get_named_type(found.type)
        required = is_non_null_type(found.type) and found.default_value is Undefined
        if not required and self.chance.random() < 0.5:
            return ""
        values = self.values(name, kind, of)
        if self.chance.random() < 0.5:
            value = self.chance.choice(values)
            return f"{name}: {value if isinstance(kind, GraphQLEnumType) else msgspec.json.encode(value).decode()}"
        if name == "first":
            text, default = self.chance.choice([("Int!", None), ("Int!", 3), ("Int", 2)])
            return f"{name}: ${self.variable(text, values, default)}"
        default = None if is_non_null_type(found.type) else "null"
        return f"{name}: ${self.variable(str(found.type), values, default)}"

    def values(self, name, kind, of):
        if isinstance(kind, GraphQLEnumType):
            return list(kind.values)
        if kind.name == "ID":
            passed = getattr(of, "arguments", None) or (getattr(of, "argument", None),)
            kinds = [each.refers for each in passed if each and to_camel_case(each.name) == name] or list(NODES)
            good = [encode_id(self.chance.choice(kinds), UUID(int=self.chance.randrange(2**100))) for _ in range(3)]
            return good * 20 + ["nonsense", encode_id("Member", "x"), encode_id("Space", UUID(int=3))]
        if kind.name == "Int":
            return [1, 2, 3] * 10 + [0, 1000]
        if name in {"after", "before"}:
            return ["bmV4dA", "WyJhIl0"] * 10 + ["", "-bmV4dA"]
        if kind.name == "DateTime":
            return ["2027-03-01T18:00:00Z"] * 20 + ["2027-03-01", "never"]
        return ["", "a", "ünï"] * 5 + ["x" * 2001]


class Services:
    """The services, answering every route the gateway declares: the same for the same key, whoever asks together.

    `faults` says which routes fail and how; `odd` is how often a member of an object is not what it should be.
    """

    def __init__(self, seed):
        self.seed = seed
        chance = random.Random(f"faults {seed}")
        self.faults, self.odd = {}, 0.0
        luck = chance.random()
        if luck < 0.25:
            kinds = ["down", "problem", "misaligned", "garbage", "null", "object", "empty"]
            self.faults = {route: chance.choice(kinds) for route in ROUTES if chance.random() < 0.25}
        elif luck < 0.45:
            self.odd = chance.choice([0.01, 0.05])
        self.calls = []

    @property
    def faultless(self):
        return not self.faults and not self.odd

    async def call(self, service, method, route, *, values=None, query=None, body=None, raw=False, **_):
        given = values if method == "GET" else body
        named = {name: each for name, each in (given or {}).items() if method == "POST" or f"{{{name}}}" in route}
        self.calls.append((service, route, msgspec.json.encode([named, query])))
        fault = self.faults.get(route)
        if fault == "down":
            raise ServiceUnavailableError(service, "cannot be reached")
        if fault == "problem":
            raise UpstreamError(service, 403, {"code": "forbidden", "detail": "You may not.", "fields": []})
        answer = self.answer(method, route, given or {}, query or {})
        if fault == "misaligned":
            answer = [*answer, None] if isinstance(answer, list) else [answer]
        content = {"garbage": b"<html>", "null": b"null", "object": b"{}", "empty": b""}.get(fault)
        content = msgspec.json.encode(answer) if content is None else content
        return content if raw else decoded(service, 200, content)

    def answer(self, method, route, given, query):
        if method == "POST":
            first = given.get("first")
            return [self.entry(route, key, first) for key in given["keys"]]
        named = [str(value) for name, value in given.items() if f"{{{name}}}" in route]
        chance = random.Random(f"{self.seed} {route} {named} {sorted(query.items())}")
        kind = ROUTES[route]
        if not is_list_type(getattr(kind, "of_type", kind)) and "first" in query and hasattr(kind, "fields"):
            items = [self.thing(kind, chance) for _ in range(min(int(query["first"]), chance.choice([0, 1, 2, 3])))]
            page = {"items": items}
            if chance.random() < 0.6:
                page["next_cursor"] = chance.choice([None, "", "bmV4dA"])
            return page
        return self.value(kind, chance)

    def entry(self, route, key, first):
        chance = random.Random(f"{self.seed} {route} {key} {first}")
        return self.value(ROUTES[route], chance)

    def value(self, type_, chance):
        if self.odd and chance.random() < self.odd:
            return chance.choice(WRONG_FOR.get(get_named_type(type_).name, WRONG) if chance.random() < 0.6 else WRONG)
        if not is_non_null_type(type_):
            return None if chance.random() < 0.12 else self.bare(type_, chance)
        return self.bare(type_.of_type, chance)

    def bare(self, type_, chance):
        if is_list_type(type_):
            return [self.value(type_.of_type, chance) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
        if isinstance(type_, GraphQLEnumType):
            wrong = self.odd and chance.random() < self.odd
            return chance.choice(list(type_.values) if wrong else [each.value for each in type_.values.values()])
        if not is_leaf_type(type_):
            return self.thing(type_, chance)
        return chance.choice(LEAVES.get(type_.name, WORDS))

    def thing(self, kind, chance):
        made = {"unknown": [1]}
        for number in chance.sample(range(1, 30), 6):  # what has the name that an author gives to something else
            made[f"{chance.choice('at')}{number}"] = chance.choice(["another", None, 7, [{"id": 3}]])
        for each in kind.fields.values():
            of = declared(each)
            match of:
                case Value():
                    name = backing(each).python_name
                    if not self.left_out(each, chance):
                        made[name] = self.value(each.type, chance)
                case Identifier(key=key):
                    missing = not is_non_null_type(each.type) and chance.random() < 0.4
                    made.setdefault(key, None if missing else self.key(chance))
                case Join(key=key, argument=None):
                    made.setdefault(key, self.key(chance) if chance.random() < 0.9 else chance.choice([None, ""]))
                case Calling():
                    pass
        made.setdefault("id", self.key(chance))
        if self.odd and chance.random() < self.odd:
            made.pop(chance.choice(list(made)))
        return made

    def left_out(self, found, chance):
        return chance.random() < (self.odd if is_non_null_type(found.type) else 0.05)

    def key(self, chance):
        if self.odd and chance.random() < self.odd:
            return chance.choice([None, None, "", "", 3, ["x"]])
        return str(UUID(int=chance.randrange(12)))
