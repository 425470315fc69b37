"""What is promised in contracts/ is what the code does, and consumers can live with it."""

import json

import pytest
from jsonschema import Draft202012Validator

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
