"""How an event may change within its version: fields are added, and nothing else.

What an event ever looked like stands in `contracts/golden/<type>/`, one file per shape, kept for ever: the log holds
events of every shape, and whoever reads it must read them all.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_WORDS = {"title", "description", "examples", "default"}


def shape(schema: Schema, definitions: Schema | None = None) -> dict[str, Any]:
    """A JSON schema without words, its references put in place and null told apart.

    Of an object {"fields": {name: shape}, "required": [names]}, of an array {"items": shape}, of another its keywords;
    {"null": true} beside them where null may be.
    """
    definitions = definitions or schema.get("$defs", {})
    if "$ref" in schema:
        return shape(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        some = [shape(each, definitions) for each in schema["anyOf"]]
        others = [each for each in some if each != {"type": "null"}]
        inner = others[0] if len(others) == 1 else {"any": sorted(others, key=str)}
        return {**inner, "null": True} if len(others) < len(some) else inner
    found = {name: value for name, value in schema.items() if name not in _WORDS | {"properties", "items", "$defs"}}
    if "properties" in schema:
        found["fields"] = {name: shape(each, definitions) for name, each in schema["properties"].items()}
        found["required"] = sorted(schema.get("required", []))
    if "items" in schema:
        found["items"] = shape(schema["items"], definitions)
    if "const" in found:  # a list of one
        found["enum"] = [found.pop("const")]
    if "enum" in schema:
        found["enum"] = sorted(schema["enum"], key=str)
    return found


def golden(contract: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name and content of the golden example of a contract as it is now."""
    content = {name: contract[name] for name in ("type", "aggregate", "examples")} | {
        "shape": shape(contract["schema"])
    }
    return name_of(content), content


def name_of(content: Mapping[str, Any]) -> str:
    """The name of a golden file says what is in it, so that one that was edited is found out."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def broken(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of a golden example (`old`) the contract as it is now (`new`, golden too) does not keep, in words."""
    found = []
    if old["aggregate"] != new["aggregate"]:
        found.append(
            f"its aggregate was `{old['aggregate']}` and is `{new['aggregate']}`: its events are ordered by it"
        )
    return found + list(_changes(old["shape"], new["shape"], "data"))


def _changes(old: Schema, new: Schema, place: str) -> Iterator[str]:
    if "fields" in old and "fields" in new:
        yield from _fields(old, new, place)
    if "items" in old and "items" in new:
        yield from _changes(old["items"], new["items"], f"{place}[]")
    if gone := [str(each) for each in old.get("enum", ()) if each not in new.get("enum", ())]:
        yield f"`{place}` may no longer be {', '.join(gone)}"
    for name in sorted((old.keys() | new.keys()) - {"fields", "required", "items", "enum", "additionalProperties"}):
        if old.get(name) != new.get(name):
            yield f"`{place}`: {name} was {old.get(name, 'not said')} and is {new.get(name, 'not said')}"
    for name in ("fields", "items", "enum"):
        if (name in old) != (name in new):
            yield f"`{place}`: {name} were {'' if name in old else 'not '}said and are {'' if name in new else 'not'}"


def _fields(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for name, field in old["fields"].items():
        inner = name if place == "data" else f"{place}.{name}"
        if name not in new["fields"]:
            yield f"`{inner}` was removed"
            continue
        before, after = (("required" if name in each["required"] else "optional") for each in (old, new))
        if before != after:
            yield f"`{inner}` was {before} and is {after}"
        yield from _changes(field, new["fields"][name], inner)


def variants(contract: Mapping[str, Any]) -> Iterator[Any]:
    """Examples of an event in which each value of an enumeration, and each null that may be, occurs."""
    [first, *_] = contract["examples"]
    yield first
    yield from _variants(shape(contract["schema"]), first)


def _variants(schema: Schema, value: Any) -> Iterator[Any]:
    if schema.get("null"):
        yield None
    for each in schema.get("enum", ()):
        yield each
    for name, field in schema.get("fields", {}).items():
        if isinstance(value, dict) and name in value:
            for each in _variants(field, value[name]):
                yield {**value, name: each}
            if name not in schema["required"]:
                yield {key: kept for key, kept in value.items() if key != name}
    if "items" in schema and isinstance(value, list) and value:
        for each in _variants(schema["items"], value[0]):
            yield [each]
