"""Requests meant to hurt a GraphQL server: families of them, each in growing sizes, the same every time.

A family is a function of a size: it gives the text of a document, a document with variables, or a whole body.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SIZES = (1, 2, 5, 10, 20, 50, 100, 300, 1000, 3000, 10_000, 50_000, 200_000)
MAX_BODY = 9_000_000
"""Bytes: somewhat more than a server takes. What would be larger is made only so large."""
_SEARCH = "query ($a: String) { members(search: $a, first: 1) { pageInfo { endCursor } } }"
_IMPORT = "mutation ($input: ImportMembersInput!) { importMembers(input: $input) { errors { code } } }"
_ODD = "\u202e\u200d\u0301\ufeff\U0001f468\u200d\U0001f469\u2028\ufdfa\U000e0041\ufffd"
_MEMBER = "id displayName joinedAt bio interests goals languages links timeZone"

Asked = str | tuple[str, Any] | bytes
Family = Callable[[int], Asked]


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request; `query` and `variables` are None where the body is no request at all."""

    family: str
    size: int
    body: bytes
    query: str | None
    variables: Any


def each(size: int, text: str, separator: str = " ") -> str:
    """The text so many times, with N as its number; as often as a body has room for."""
    return separator.join(text.replace("N", str(n)) for n in range(min(size, MAX_BODY // (len(text) + 6))))


def wrapped(size: int, before: str, inside: str, after: str) -> str:
    size = min(size, MAX_BODY // (len(before) + len(after)))
    return before * size + inside + after * size


def chain(size: int, times: int) -> str:
    """Fragments that spread the next one so many times each."""
    size = min(size, 20_000)
    links = "".join(f" fragment F{n} on Viewer {{ {f'...F{n + 1} ' * times}}}" for n in range(size))
    return f"{{ viewer {{ ...F0 }} }}{links} fragment F{size} on Viewer {{ permissions }}"


def all_to_all(size: int) -> str:
    size = min(size, 1000)
    spreads = {n: " ".join(f"...F{m}" for m in range(n + 1, size)) for n in range(size)}
    made = " ".join(f"fragment F{n} on Member {{ {_MEMBER} {spreads[n]} }}" for n in range(size))
    return f"{{ viewer {{ member {{ ...F0 }} }} }} {made}"


def ring(size: int) -> str:
    size = min(size, 100_000)
    return "{ viewer { ...F0 } }" + "".join(f" fragment F{n} on Viewer {{ ...F{(n + 1) % size} }}" for n in range(size))


def introspection(size: int) -> str:
    return "{ __schema { types { " + wrapped(size, "fields { type { ", "name", " } }") + " } } }"


FAMILIES: dict[str, Family] = {
    # Fragments.
    "fragments doubling": lambda n: chain(n, 2),
    "fragments tripling": lambda n: chain(n, 3),
    "fragments ten times": lambda n: chain(n, 10),
    "fragments all to all": all_to_all,
    "spreads in a ring": ring,
    "spreads of itself": lambda n: "{ viewer { ...F } } fragment F on Viewer { " + each(n, "...F") + " permissions }",
    "one spread again and again": lambda n: "{ viewer { " + each(n, "...F") + " } } fragment F on Viewer { roles }",
    "fragments nobody spreads": lambda n: "{ __typename } " + each(n, "fragment FN on Viewer { roles }"),
    "fragments of one name": lambda n: "{ viewer { ...F } } " + each(n, "fragment F on Viewer { roles }"),
    "fragments on nothing": lambda n: "{ viewer { " + each(n, "... on TypeN { id }") + " } }",
    "spreads of nothing": lambda n: "{ viewer { " + each(n, "...NothingN") + " } }",
    "inline fragments in each other": lambda n: "{ viewer { " + wrapped(n, "... { ", "roles", " }") + " } }",
    "inline fragments beside each other": lambda n: "{ viewer { " + each(n, "... on Viewer { roles }") + " } }",
    "fragments on an interface": lambda n: '{ node(id: "x") { ' + each(n, "... on Member { aN: id }") + " } }",
    "fragments with variables": lambda n: "{ viewer { ...F } } " + each(n, "fragment F($aN: Int = 1) on Viewer { id }"),
    # Fields.
    "one field again": lambda n: "{ " + each(n, "viewer { permissions }") + " }",
    "one nested field again": lambda n: "{ " + each(n, "viewer { member { groups { name } } }") + " }",
    "fields that contradict": lambda n: "{ " + each(n, "x: members(first: N) { pageInfo { endCursor } }") + " }",
    "leaves that contradict": lambda n: "{ viewer { member { " + each(n, "x: id x: displayName") + " } } }",
    "contradictions through fragments": lambda n: (
        "{ " + each(n, "viewer { ...FN }") + " } " + each(n, "fragment FN on Viewer { x: aN y: roles z: permissions }")
    ),
    "contradictions deep down": lambda n: (
        "{ " + each(n, "viewer { member { groups { memberships { member { x: aN } } } } }") + " }"
    ),
    "aliases": lambda n: "{ " + each(n, "aN: viewer { permissions }") + " }",
    "aliases through fragments": lambda n: (
        "{ viewer { " + each(n, "...FN") + " } } " + each(n, "fragment FN on Viewer { bN: roles cN: roles }")
    ),
    "names of the type": lambda n: "{ " + each(n, "__typename") + " }",
    "fields that are not there": lambda n: "{ " + each(n, "nothingN") + " }",
    "fields almost there": lambda n: "{ " + each(n, "memberN membrs viewr") + " }",
    "a name without end": lambda n: "{ " + "n" * n + " }",
    "selections in each other": lambda n: "{ viewer { member { " + wrapped(n, "x { ", "id", " }") + " } } }",
    "true selections in each other": lambda n: (
        "{ viewer { member { " + wrapped(n, "groups { memberships { member { ", "id", " } } }") + " } } }"
    ),
    "costs": lambda n: (
        f"{{ members(first: {min(n, 500)}) {{ edges {{ node {{ pairings(first: 100) {{ mentor {{ id }} }} }} }} }} }}"
    ),
    # Directives.
    "directives on one field": lambda n: "{ viewer " + each(n, "@skip(if: false)") + " { roles } }",
    "directives on spreads": lambda n: (
        "{ viewer { ...F " + each(n, "@include(if: true)") + " } } fragment F on Viewer { roles }"
    ),
    "directives through fragments": lambda n: (
        "{ viewer { " + each(n, "...FN @skip(if: true)") + " } } "
        + each(n, "fragment FN on Viewer { roles @include(if: true) }")
    ),
    "directives that are not there": lambda n: "{ viewer " + each(n, "@nothingN") + " { roles } }",
    "directives on an operation": lambda n: "query " + each(n, "@deprecated") + " { viewer { roles } }",
    "switches": lambda n: (
        "query (" + each(n, "$vN: Boolean = true") + ") { viewer { " + each(n, "roles @include(if: $vN)") + " } }"
    ),
    # Operations and variables.
    "operations": lambda n: each(n, "query QN { viewer { roles } }"),
    "operations without names": lambda n: each(n, "{ viewer { roles } }"),
    "operations of one name": lambda n: each(n, "query Q { viewer { roles } }"),
    "subscriptions": lambda n: each(n, "subscription SN { anything }"),
    "mutations": lambda n: (
        "mutation { " + each(n, 'aN: completeMicroTask(input: {key: "k"}) { errors { code } }') + " }"
    ),
    "definitions of types": lambda n: "{ __typename } " + each(n, "type TN { a: Int }"),
    "extensions of the schema": lambda n: each(n, "extend type Query { fN: Int }"),
    "descriptions": lambda n: '"""' + "d" * n + '""" query { __typename }',
    "variables twice": lambda n: "query (" + each(n, "$a: Int") + ") { __typename }",
    "variables nobody uses": lambda n: "query (" + each(n, "$aN: Int") + ") { __typename }",
    "variables nobody declares": lambda n: "{ " + each(n, "aN: member(id: $aN) { id }") + " }",
    "variables of no type": lambda n: "query (" + each(n, "$aN: NothingN") + ") { __typename }",
    "variables of lists of lists": lambda n: "query ($a: " + wrapped(n, "[", "ID", "]") + ") { nodes(ids: $a) { id } }",
    "variables with defaults": lambda n: "query (" + each(n, "$aN: [Int] = [1, 2, 3]") + ") { __typename }",
    # Arguments and literals.
    "arguments that are not there": lambda n: "{ members(" + each(n, "aN: 1") + ") { pageInfo { endCursor } } }",
    "arguments twice": lambda n: "{ members(" + each(n, "first: N") + ") { pageInfo { endCursor } } }",
    "lists in each other": lambda n: "{ members(search: " + wrapped(n, "[", "", "]") + ") { pageInfo { endCursor } } }",
    "objects in each other": lambda n: (
        "mutation { completeMicroTask(input: " + wrapped(n, "{a: ", "1", "}") + ") { errors { code } } }"
    ),
    "objects of unknown members": lambda n: (
        "mutation { completeMicroTask(input: {" + each(n, "aN: 1") + "}) { errors { code } } }"
    ),
    "objects of one member again": lambda n: (
        "mutation { completeMicroTask(input: {" + each(n, 'key: "N"') + "}) { errors { code } } }"
    ),
    "a list where one value is": lambda n: "{ members(search: [" + each(n, "1") + "]) { pageInfo { endCursor } } }",
    "ids": lambda n: "{ nodes(ids: [" + each(n, '"TWVtYmVyOng="') + "]) { id } }",
    "ids in a variable": lambda n: ("query ($a: [ID!]!) { nodes(ids: $a) { id } }", {"a": ["TWVtYmVyOng="] * n}),
    "numbers without end": lambda n: "{ members(first: " + "9" * n + ") { pageInfo { endCursor } } }",
    "fractions without end": lambda n: "{ members(first: 0." + "9" * n + "e9999) { pageInfo { endCursor } } }",
    "texts": lambda n: '{ members(search: "' + "x" * n + '") { pageInfo { endCursor } } }',
    "texts without an end": lambda n: '{ members(search: "' + '\\"' * n,
    "texts in blocks": lambda n: '{ members(search: """' + " \n" * n + '""") { pageInfo { endCursor } } }',
    "quotes in blocks": lambda n: '{ members(search: """' + '\\"""' * n + '""") { pageInfo { endCursor } } }',
    "many texts": lambda n: "{ members(search: " + '"" ' * n + ") { pageInfo { endCursor } } }",
    # Characters.
    "comments": lambda n: "{ __typename } #" + "c" * min(n * 40, MAX_BODY),
    "lines of comments": lambda n: "#\n" * n + "{ __typename }",
    "commas": lambda n: "{ viewer { roles" + "," * n + " } }",
    "ends of lines": lambda n: "{" + "\r\n\r" * n + "__typename }",
    "marks of byte order": lambda n: "\ufeff" * n + "{ __typename }",
    "marks of byte order inside": lambda n: "{ viewer" + "\ufeff" * n + " { roles } }",
    "nulls": lambda n: "{ members" + "\0" * n + " { pageInfo { endCursor } } }",
    "nulls in a text": lambda n: ("{ __typename }", {"a": "\0" * n}),
    "controls": lambda n: "{ __typename " + "\x01\x1b[31m\x7f" * n + "}",
    "odd characters": lambda n: (_SEARCH, {"a": _ODD * min(n, 100_000)}),
    "odd characters in the text": lambda n: '{ members(search: "' + _ODD * n + '") { pageInfo { endCursor } } }',
    "odd characters for names": lambda n: "{ " + _ODD * n + " }",
    "escapes": lambda n: '{ members(search: "' + "\\u0041" * n + '") { pageInfo { endCursor } } }',
    "an escape without end": lambda n: '{ members(search: "\\u{' + "0" * n + '41}") { pageInfo { endCursor } } }',
    "lone surrogates": lambda n: '{ members(search: "' + "\\ud800" * n + '") { pageInfo { endCursor } } }',
    "lone surrogates in JSON": lambda n: b'{"query": "{ __typename }", "variables": {"a": "' + rb"\ud800" * n + b'"}}',
    "no UTF-8": lambda n: b'{"query": "{ __typename }' + b"\xff\xed\xa0\x80" * n + b'"}',
    "brackets that never close": lambda n: "{a" * n,
    "brackets that never opened": lambda n: "{ __typename " + "}" * n,
    "dots": lambda n: "{ viewer { " + "." * n + " } }",
    # JSON.
    "batches": lambda n: b"[" + b",".join([b'{"query": "{ __typename }"}'] * min(n, 300_000)) + b"]",
    "JSON in itself": lambda n: b"[" * min(n * 40, MAX_BODY),
    "half of a JSON": lambda n: b'{"query": "{ __typename }", "variables": {"a": [' + b"1," * n,
    "keys again": lambda n: b"{" + b'"query": "{ a }", ' * n + b'"query": "{ __typename }"}',
    "a number of JSON": lambda n: b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * n + b"}}",
    "fractions of JSON": lambda n: b'{"query": "{ __typename }", "variables": {"a": 1.' + b"9" * n + b"e999}}",
    "variables nobody asked for": lambda n: ("{ __typename }", {f"a{m}": m for m in range(n)}),
    "variables with long names": lambda n: ("{ __typename }", {"a" * n: 1}),
    "variables in each other": lambda n: (
        b'{"query": "{ __typename }", "variables": {"a": ' + wrapped(n, "[", "", "]").encode() + b"}}"
    ),
    "objects in variables": lambda n: (_IMPORT, {"input": {"rows": [{"line": m, f"k{m}": [m]} for m in range(n)]}}),
    "numbers in variables": lambda n: (_SEARCH, {"a": "x", "b": [1] * min(40 * n, 4_000_000)}),
    "wrong members in variables": lambda n: (_IMPORT, {"input": {f"wrong{m}": m for m in range(n)}}),
    "a text in a variable": lambda n: (_SEARCH, {"a": "x" * min(40 * n, MAX_BODY)}),
    "a name for the operation": lambda n: json.dumps({"query": "{ __typename }", "operationName": "n" * n}).encode(),
    "extensions": lambda n: json.dumps({"query": "{ __typename }", "extensions": {"a": [{}] * n}}).encode(),
    # Introspection.
    "introspection in itself": introspection,
    "introspection of types": lambda n: "{ __schema { types { " + wrapped(n, "ofType { ", "name", " }") + " } } }",
    "introspection again": lambda n: "{ " + each(n, '__type(name: "Query") { fields { name } }') + " }",
    "introspection by aliases": lambda n: (
        "{ " + each(n, "aN: __schema { types { name fields { name args { name } } } }") + " }"
    ),
}  # fmt: skip


def corpus(families: Iterable[str] = FAMILIES, sizes: Sequence[int] = SIZES) -> Iterator[Hostile]:
    """Each of these families in each of these sizes."""
    for family in families:
        for size in sizes:
            asked = FAMILIES[family](size)
            if isinstance(asked, bytes):
                yield Hostile(family, size, asked, None, None)
                continue
            query, variables = asked if isinstance(asked, tuple) else (asked, None)
            body = json.dumps({"query": query, "variables": variables}, ensure_ascii=False).encode()
            yield Hostile(family, size, body, query, variables)
