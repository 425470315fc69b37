"""The contracts as the code has them: `python -m kith_testkit.contracts` writes `contracts/` anew.

Event schemas with examples, OpenAPI per service, the GraphQL schema and an AsyncAPI document. They are data, never
imported: producers export them, a test holds consumers against the examples, and every change shows in review.
`contracts/golden/` only grows: a shape an event once had stays, because the log holds events of that shape.
"""

import importlib
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from fastapi import FastAPI

from kith_chassis.events import SUBJECT_PREFIX, Event, View
from kith_testkit import permissions
from kith_testkit.evolution import golden

ROOT = Path(__file__).parents[3]
CONTRACTS = ROOT / "contracts"


def services() -> list[str]:
    """The names of the services on disk, sorted."""
    return sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def application(service: str) -> FastAPI:
    app: FastAPI = importlib.import_module(f"kith_{service}.main").app
    return app


def events_of(service: str) -> list[type[Event]]:
    """The events a service publishes, by type; classes with a leading underscore are shapes some of them share."""
    module = importlib.import_module(f"kith_{service}.events")
    return sorted(_public(module, Event), key=lambda event: event.type)


def _public(module: ModuleType, kind: type[Event]) -> list[type[Event]]:
    found = [value for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]
    return [value for value in found if issubclass(value, kind) and value is not kind]


def views_of(service: str) -> list[type[View]]:
    """The views of others' events a service consumes, by type."""
    consumers = application(service).state.consumers
    handlers = consumers.handlers.values() if consumers else ()
    return sorted((view for view, _ in handlers), key=lambda view: view.type)


def example(schema: dict[str, Any], *, name: str, definitions: dict[str, Any]) -> Any:
    """A value that fits a JSON schema, always the same; a field's own `examples` come first."""
    if "$ref" in schema or "anyOf" in schema:
        inner = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["anyOf"][0]
        return example(inner, name=name, definitions=definitions)
    for known in (schema.get("examples"), [schema["const"]] if "const" in schema else None, schema.get("enum")):
        if known:
            return known[0]
    kind = schema.get("type")
    if kind == "array":
        return [example(schema["items"], name=name.removesuffix("s"), definitions=definitions)]
    if kind == "object":
        properties = schema.get("properties", {})
        return {key: example(each, name=key, definitions=definitions) for key, each in properties.items()}
    if kind == "string":
        made = {"uuid": str(uuid5(NAMESPACE_URL, f"urn:kith:example:{name}")), "date-time": "2026-03-01T09:00:00Z"}
        return made.get(schema.get("format", ""), "text")
    return {"integer": max(1, schema.get("minimum", 1)), "number": 1.5, "boolean": True}[kind or name]


def event_contract(event: type[Event]) -> dict[str, Any]:
    schema = event.model_json_schema()
    data = example(schema, name=event.type, definitions=schema.get("$defs", {}))
    return {
        "type": event.type,
        "subject": SUBJECT_PREFIX + event.type,
        "aggregate": event.aggregate,
        "schema": schema,
        "examples": [event.model_validate(data).model_dump(mode="json")],
    }


def asyncapi() -> dict[str, Any]:
    """An AsyncAPI 3.0 document: a channel per event, who sends it and who receives it."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for service in services():
        for event in events_of(service):
            reference = f"./events/{event.type}.json#/schema"
            channels[event.type] = {
                "address": SUBJECT_PREFIX + event.type,
                "messages": {
                    "event": {
                        "summary": inspect.cleandoc(event.__doc__ or "").partition("\n")[0],
                        "contentType": "application/cloudevents+json",
                        "payload": {"$ref": reference},
                    }
                },
            }
            operations[f"{service} sends {event.type}"] = _operation("send", event.type)
    for service in services():
        for view in views_of(service):
            types = list(channels) if view.type == ">" else [view.type]
            for type_ in types:
                operations[f"{service} receives {type_}"] = _operation("receive", type_)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Kith events", "version": "1", "description": "CloudEvents 1.0 on NATS JetStream."},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
    }


def _operation(action: str, type_: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{type_}"}}


def contracts() -> dict[str, str]:
    """Every contract as the code has it now: path below `contracts/` to text."""
    files: dict[str, str] = {}
    for service in services():
        for event in events_of(service):
            contract = event_contract(event)
            name, content = golden(contract)
            files[f"events/{event.type}.json"] = _json(contract)
            files[f"golden/{event.type}/{name}.json"] = _json(content)
        files[f"openapi/{service}.json"] = _json(application(service).openapi())
    files["asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=True, width=120)
    files["graphql/schema.graphql"] = importlib.import_module("kith_gateway.export").text()
    files["graphql/permissions.md"] = permissions.table()
    return files


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def on_disk() -> dict[str, str]:
    """What `contracts/` holds now."""
    return {str(path.relative_to(CONTRACTS)): path.read_text() for path in CONTRACTS.rglob("*") if path.is_file()}


def main() -> None:
    files, before = contracts(), on_disk()
    for name in before.keys() - files.keys():
        if not name.startswith("golden/"):
            (CONTRACTS / name).unlink()
    for name, text in files.items():
        path = CONTRACTS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if before.get(name) != text:
            path.write_text(text)
            sys.stdout.write(f"wrote contracts/{name}\n")


if __name__ == "__main__":
    main()
