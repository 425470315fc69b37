"""Who may ask for what: a row for every field of the GraphQL API that asks a service, read from the code alone.

From a field's declaration follows the route it asks, from the route's signature the permission it needs, and from
identity's roles who has that. `tests/gateway/test_permissions.py` tries what the table says against real services.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from kith_chassis.tokens import caller

PUBLIC, SIGNED_IN = "nothing", "a login"
YES, FORBIDDEN, UNAUTHENTICATED = "yes", "FORBIDDEN", "UNAUTHENTICATED"
ABSENT, OWN = "absent", "own"
_MADE = re.compile(r"{\w+}")
_HEAD = """# Who may ask for what

Every field that asks a service, made from the code by `make contracts` and tried against real services by a test. All
other fields come with the thing they belong to. What a member hides of a profile is hidden, whatever stands here.
Of what is listened to, members hear what the page for frontends says (`docs/graphql.md`), and nothing of another
community.

* *outsider*: the owner of another community. `absent`: what they ask about here looks to them like what does not exist;
  `own`: the field names nothing, and tells of their own community.
* *blocked*: a member whom all those have blocked whose things they ask for. A block is silent: their column is a
  member's, and what they are shown is what they were shown before.
* *app*: an app that holds the scope; *app without*: one that holds none. No scope: no app may. An app is no member, so
  what asks after the caller's own finds nothing of it.
* `yes`: the permission suffices. Whether a thing is theirs, the service decides; what is not looks absent there too.
* A mutation refuses with an error of that code in its payload, a query with an error of the operation.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One field; `needs` is a permission, PUBLIC or SIGNED_IN; `who` says of each kind of caller what they get.

    `scope` lets an app ask for it; None: no app may.
    """

    field: str
    asks: str
    needs: str
    scope: str | None
    who: dict[str, str]


def rows() -> list[Row]:
    """The whole table, in the order of the schema."""
    schema: Any = importlib.import_module("kith_gateway.schema").schema
    nodes: dict[str, Any] = importlib.import_module("kith_gateway.joins").NODES
    found = []
    for kind in schema._schema.type_map.values():  # noqa: SLF001 -- the graphql-core schema has no public name
        for name, field in getattr(kind, "fields", {}).items():
            declared = _declared(field)
            asked = f"{kind.name}.{name}"
            if type(declared).__name__ in {"AnyNode", "AnyNodes"}:
                for of, (service, route) in sorted(nodes.items()):
                    found.append(_row(f"{asked}: {of}", service, route, "POST", names=True))
            elif hasattr(declared, "route"):
                method = getattr(declared, "method", "POST" if type(declared).__name__ == "Join" else "GET")
                keyed = type(declared).__name__ == "Join" and kind.name != "Viewer"
                names = keyed or any(_refers(field))
                found.append(_row(asked, declared.service, declared.route, method, names=names))
            elif kind.name == "Subscription":
                found.append(_judged(asked, "the stream", declared.permission, None, names=False))
    return found


def table() -> str:
    """The table as a page to review."""
    everything = rows()
    head = ["field", "asks", "needs", "scope", *everything[0].who]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [
        f"| {' | '.join([f'`{each.field}`', f'`{each.asks}`', each.needs, each.scope or '', *each.who.values()])} |"
        for each in everything
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _row(field: str, service: Any, route: str, method: str, *, names: bool) -> Row:
    app: FastAPI = importlib.import_module(f"kith_{service.name}.main").app
    needs, reading = _needs(app, method, route)
    return _judged(field, f"{service.name} {method} {route}", needs, reading, names=names)


def _judged(field: str, asks: str, needs: str, reading: str | None, *, names: bool) -> Row:
    known: Any = importlib.import_module("kith_identity.permissions")
    roles: dict[str, frozenset[str]] = known.PERMISSIONS
    scope = next((each for each in (needs, reading) if each in known.SCOPES), None)
    who = {"anonymous": YES if needs == PUBLIC else UNAUTHENTICATED}
    who["outsider"] = YES if needs == PUBLIC else ABSENT if names else OWN
    for role, held in roles.items():
        who[role] = YES if needs in {PUBLIC, SIGNED_IN, *held} else FORBIDDEN
        if role == "member":
            who["blocked"] = who[role]
    who["app"] = YES if scope or needs == PUBLIC else FORBIDDEN
    who["app without"] = YES if needs == PUBLIC else FORBIDDEN
    return Row(field, asks, needs, scope, who)


def _needs(app: FastAPI, method: str, route: str) -> tuple[str, str | None]:
    """The permission in a route's signature, and the scope with which apps may ask for it instead.

    LookupError where there is no such route, or one with several.
    """
    [found] = [
        each
        for each in _routes(app.router)
        if _MADE.sub("{}", getattr(each, "path", "")) == _MADE.sub("{}", route) and method in (each.methods or ())
    ]
    calls = list(_calls(found.dependant))
    checks = [each for each in calls if hasattr(each, "permission")]
    permissions = {(each.permission, each.reading, getattr(each, "scope", None)) for each in checks}
    if len(permissions) > 1:
        raise LookupError(f"{method} {route} needs several permissions: {permissions}")
    if not permissions:
        return (SIGNED_IN if caller in calls else PUBLIC), None
    [(permission, reading, scope)] = permissions
    reads = method == "GET" or route.startswith("/read/")
    return permission or SIGNED_IN, scope or (reading if reads else None)


def _routes(router: Any) -> Iterator[Any]:
    for route in router.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            yield from _routes(inner)
        else:
            yield route


def _calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _declared(field: Any) -> Any:
    for each in field.extensions.values():
        metadata = getattr(each, "metadata", None)
        if metadata is not None:
            return metadata.get("kith")
    return None


def _refers(field: Any) -> Iterator[bool]:
    """Whether arguments, or what is inside an input, name things by their ids."""
    declared = _declared(field)
    yield any(each.refers for each in getattr(declared, "arguments", ()))
    waiting = [getattr(each.type, "of_type", each.type) for each in field.args.values()]
    while waiting:
        kind = waiting.pop()
        kind = getattr(kind, "of_type", kind)
        for inner in getattr(kind, "fields", {}).values():
            yield any((getattr(each, "metadata", None) or {}).get("refers") for each in inner.extensions.values())
            waiting.append(getattr(inner.type, "of_type", inner.type))
