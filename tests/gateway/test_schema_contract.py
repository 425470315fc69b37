"""The schema in contracts/ is the schema of the code."""

from pathlib import Path

import pytest
from graphql import build_schema, find_breaking_changes

from kith_gateway.export import text
from kith_gateway.schema import schema

pytestmark = pytest.mark.contracts
STORED = Path(__file__).parents[2] / "contracts" / "graphql" / "schema.graphql"


def test_the_stored_schema_is_in_step_with_the_code():
    assert STORED.read_text() == text(), "run `make contracts` and review the change"


def test_the_stored_schema_can_be_built_and_promises_what_the_code_keeps():
    assert find_breaking_changes(build_schema(STORED.read_text()), schema._schema) == []
