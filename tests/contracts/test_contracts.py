"""What is promised in contracts/ is what the code does, and consumers can live with it."""

import json
from typing import Annotated, Literal
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, StringConstraints

from kith_chassis.events import Event
from kith_testkit.contracts import CONTRACTS, contracts, events_of, on_disk, services, views_of

pytestmark = pytest.mark.contracts


def test_contracts_are_in_step_with_the_code():
    now, before = contracts(), on_disk()
    kept = {name for name in before if name.startswith("golden/")}  # of what they once were
    changed = sorted(name for name in now.keys() | (before.keys() - kept) if now.get(name) != before.get(name))
    assert not changed, f"run `make contracts` and review the change of {changed}"


@pytest.mark.parametrize("path", sorted(CONTRACTS.glob("events/*.json")), ids=lambda path: path.stem)
def test_each_event_has_an_example_that_fits_its_schema(path):
    contract = json.loads(path.read_text())
    Draft202012Validator.check_schema(contract["schema"])
    assert contract["examples"]
    for each in contract["examples"]:
        Draft202012Validator(contract["schema"]).validate(each)
        assert contract["aggregate"] in each


@pytest.mark.parametrize("service", services())
def test_each_consumer_reads_the_producers_examples(service):
    for view in views_of(service):
        if view.type == ">":
            continue
        contract = CONTRACTS / "events" / f"{view.type}.json"
        assert contract.exists(), f"{service} listens to {view.type}, which nobody publishes"
        for each in json.loads(contract.read_text())["examples"]:
            view.model_validate(each)


def test_event_types_are_named_after_their_service_and_unique():
    types = [event.type for service in services() for event in events_of(service)]
    assert len(types) == len(set(types))
    for service in services():
        assert all(event.type.startswith(f"{service}.") for event in events_of(service))


def test_no_event_carries_a_name_an_address_or_free_text():
    personal = {"email", "display_name", "name", "message", "body", "bio", "title"}
    for service in services():
        for event in events_of(service):
            assert not personal & set(event.model_fields), event.type


# Words that no pattern in the event holds, as it had none from the beginning, and what holds them instead.
_KEY, _ROLE, _OWN = (
    "its route takes keys",
    "the role is one of identity's",
    "a profile's own words, which matching needs",
)
OPEN = {
    "identity.app_registered.v1.scopes[]": "the scopes there are",
    "identity.community_founded.v1.slug": _KEY,
    "identity.micro_task_completed.v1.task_key": "the tasks there are",
    "identity.profile_changed.v1.skills_offered[].tag": _OWN,
    "identity.profile_changed.v1.skills_wanted[].tag": _OWN,
    "identity.profile_changed.v1.interests[]": _OWN,
    "identity.profile_changed.v1.languages[]": "its route takes language codes",
    "identity.profile_changed.v1.time_zone": "its route takes IANA zones",
    "identity.role_ended.v1.role": _ROLE,
    "identity.role_granted.v1.role": _ROLE,
    "recognition.badge_awarded.v1.badge_key": _KEY,
    "recognition.kudos_given.v1.value": _KEY,
    "recognition.points_awarded.v1.rule": "the rules there are",
}


def words(schema, place, definitions):
    """Where in a schema stands a string that may be anything."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "string" and not schema.keys() & {"format", "enum", "const", "pattern"}:
        yield place
    inner = [(each, place) for each in schema.get("anyOf", ())]
    inner += [(schema[name], f"{place}[]") for name in ("items", "additionalProperties") if name in schema]
    inner += [(each, f"{place}.{name}") for name, each in schema.get("properties", {}).items()]
    for each, where in inner:
        if isinstance(each, dict):
            yield from words(each, where, definitions)


def open_words(event):
    schema = event.model_json_schema()
    return set(words(schema, event.type, schema.get("$defs", {})))


def test_every_string_of_an_event_is_held_by_its_schema_or_known_to_be_held_elsewhere():
    found = set().union(*(open_words(event) for service in services() for event in events_of(service)))
    assert found == set(OPEN), "give a new field a pattern, a format or its values: what is told stays for ten years"


def test_a_string_that_may_be_anything_is_found_however_deep():
    class Part(BaseModel):
        labels: dict[str, list[str]]
        kind: Literal["new", "used"]

    class Lent(Event, type="tools.tool_lent.v1", aggregate="tool_id"):
        tool_id: UUID
        key: Annotated[str, StringConstraints(pattern="^[a-z]+$")]
        note: str | None
        parts: list[Part]

    assert open_words(Lent) == {"tools.tool_lent.v1.note", "tools.tool_lent.v1.parts[].labels[][]"}
