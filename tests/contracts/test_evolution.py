"""An event keeps what it promised: in a version fields are added, nothing else; what was once told stays readable."""

import json
import subprocess
from typing import Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, ValidationError

from kith_chassis.events import Event, View
from kith_testkit.contracts import CONTRACTS, event_contract, events_of, services, views_of
from kith_testkit.evolution import broken, golden, name_of, variants

pytestmark = pytest.mark.contracts
GOLDEN = CONTRACTS / "golden"
PUBLISHED = {event.type: event for service in services() for event in events_of(service)}
# Events nobody publishes any more, in no version, and why. Their golden examples stay: the log has them.
RETIRED: dict[str, str] = {}


def kept(type_):
    return [json.loads(path.read_text()) for path in sorted((GOLDEN / type_).glob("*.json"))]


def complaint(type_, changes):
    name, _, version = type_.rpartition(".v")
    return (
        f"{type_} no longer keeps what it promised: {'; '.join(changes)}. Leave {type_} as it was, declare "
        f"{name}.v{int(version) + 1} beside it and emit both (docs/adding-an-event.md, A breaking change)."
    )


@pytest.mark.parametrize("type_", sorted(PUBLISHED))
def test_an_event_keeps_what_each_of_its_golden_examples_promised(type_):
    _, now = golden(event_contract(PUBLISHED[type_]))
    assert kept(type_)
    for each in kept(type_):
        assert not (changes := broken(each, now)), complaint(type_, changes)


@pytest.mark.parametrize("service", services())
def test_each_view_reads_every_golden_example_and_every_value_there_may_be(service):
    for view in views_of(service):
        if view.type == ">":
            continue
        assert kept(view.type), f"{service} listens to {view.type}, which nobody ever published"
        for each in kept(view.type):
            for data in each["examples"]:
                read(service, view, data)
        if view.type in PUBLISHED:
            for data in variants(event_contract(PUBLISHED[view.type])):
                read(service, view, data)


def read(service, view, data):
    try:
        view.model_validate(data)
    except ValidationError as error:
        pytest.fail(
            f"{service}'s view of {view.type} cannot read {data}: {error}. The log holds events like this one: give a "
            "field that was added a default, and leave open what may still grow."
        )


def test_golden_examples_are_neither_edited_nor_lost():
    for path in GOLDEN.glob("*/*.json"):
        content = json.loads(path.read_text())
        assert (content["type"], name_of(content)) == (path.parent.name, path.stem), f"{path.name} was edited"
    command = ["git", "log", "--diff-filter=D", "--no-renames", "--name-only", "--format=", "--", "contracts/golden"]
    lost = subprocess.run(command, cwd=CONTRACTS.parent, capture_output=True, text=True, check=True).stdout.split()
    gone = [name for name in lost if not (CONTRACTS.parent / name).exists()]
    assert gone == [], "golden examples stay for ever: the log holds events like these"


def test_an_event_goes_only_when_a_later_version_is_there():
    for path in GOLDEN.iterdir():
        name, _, version = path.name.rpartition(".v")
        later = [
            each for each in PUBLISHED if each.startswith(f"{name}.v") and int(each[len(name) + 2 :]) >= int(version)
        ]
        assert later or path.name in RETIRED, f"{path.name} is published no more: keep it, or say in RETIRED why not"


# -- each rule, seen red -----------------------------------------------------------------------------------------------


class Part(BaseModel):
    hours: float
    note: str | None = None


class Lent(Event, type="tools.tool_lent.v1", aggregate="tool_id"):
    tool_id: UUID
    member_ids: list[UUID]
    state: Literal["new", "used"]
    days: int = Field(ge=1)
    until: str | None
    parts: list[Part]
    place: str = "shed"


def changed(*without, aggregate="tool_id", **fields):
    """The event as somebody changed it, still called v1."""
    annotations = {name: each.annotation for name, each in Lent.model_fields.items()} | {
        name: each[0] if isinstance(each, tuple) else each for name, each in fields.items()
    }
    values = {"days": Field(ge=1), "place": "shed"} | {
        name: each[1] for name, each in fields.items() if isinstance(each, tuple)
    }
    kept_ = {name: each for name, each in annotations.items() if name not in without}
    space = {"__annotations__": kept_, "__module__": __name__}
    space |= {
        name: value
        for name, value in values.items()
        if name in kept_ and (name not in fields or isinstance(fields[name], tuple))
    }
    return type("Lent", (Event,), space, type="tools.tool_lent.v1", aggregate=aggregate)


class LongerPart(BaseModel):
    hours: float


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (changed("until"), "`until` was removed"),
        (changed(days=(str, ...)), "`days`: type was integer and is string"),
        (changed(until=str), "`until`: null was True and is not said"),
        (changed(days=(int | None, Field(ge=1))), "`days`: null was not said and is True"),
        (changed(place=str), "`place` was optional and is required"),
        (changed(days=(int, 3)), "`days` was required and is optional"),
        (changed(state=Literal["new"]), "`state` may no longer be used"),
        (changed(state=str), "`state` may no longer be new, used"),
        (changed(days=(int, Field(ge=5))), "`days`: minimum was 1 and is 5"),
        (changed(member_ids=list[str]), "`member_ids[]`: format was uuid and is not said"),
        (changed(parts=list[LongerPart]), "`parts[].note` was removed"),
        (changed(other_id=UUID, aggregate="other_id"), "its aggregate was `tool_id` and is `other_id`"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_breaking_change_without_a_new_version_is_named_with_what_to_do(event, reason):
    _, before = golden(event_contract(Lent))
    changes = broken(before, golden(event_contract(event))[1])
    assert any(reason in each for each in changes), changes
    told = complaint("tools.tool_lent.v1", changes)
    assert "declare tools.tool_lent.v2 beside it" in told


@pytest.mark.parametrize(
    "event",
    [changed(), changed(reason=(str, "none")), changed(reason=str), changed(state=Literal["new", "used", "lost"])],
    ids=["same", "a field with a default", "a field", "a value"],
)
def test_an_addition_keeps_the_version(event):
    _, before = golden(event_contract(Lent))
    assert broken(before, golden(event_contract(event))[1]) == []


def test_a_view_that_is_too_narrow_is_found():
    class Closed(View, type="tools.tool_lent.v1"):
        state: Literal["new", "used"]

    class NeverNull(View, type="tools.tool_lent.v1"):
        until: str

    class Wide(View, type="tools.tool_lent.v1"):
        state: str
        until: str | None
        reason: str = "none"

    contract = event_contract(changed(state=Literal["new", "used", "lost"]))

    def read_all(view):
        for data in variants(contract):
            read("tools", view, data)

    read_all(Wide)
    for view in (Closed, NeverNull):
        with pytest.raises(pytest.fail.Exception, match="give a field that was added a default"):
            read_all(view)


def test_an_edited_golden_example_is_found():
    name, content = golden(event_contract(Lent))
    assert name_of(content) == name
    content["examples"][0]["days"] = 2
    assert name_of(content) != name
