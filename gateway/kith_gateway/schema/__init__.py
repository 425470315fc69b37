"""The whole schema, composed of one part per service."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types import ExecutionContext

from kith_gateway.joins import any_node, any_nodes
from kith_gateway.operations import Guarded
from kith_gateway.schema import (
    apps,
    becoming,
    coordination,
    delivery,
    delivery_mutations,
    groups,
    groups_mutations,
    guidance,
    help_queue,
    identity,
    identity_mutations,
    importing,
    introductions,
    introductions_mutations,
    loads,
    matching,
    matching_mutations,
    metrics,
    metrics_mutations,
    open_calls,
    pairing_life,
    pairing_life_mutations,
    previews,
    previews_mutations,
    recognition,
    recognition_mutations,
    subscriptions,
    tiers,
    training,
    trust,
)
from kith_gateway.types import SCALARS, Node

QUERIES = (
    identity,
    trust,
    apps,
    matching,
    pairing_life,
    coordination,
    help_queue,
    open_calls,
    becoming,
    tiers,
    loads,
    introductions,
    previews,
    training,
    groups,
    recognition,
    metrics,
    delivery,
)
MUTATIONS = (
    identity_mutations,
    trust,
    apps,
    matching_mutations,
    importing,
    pairing_life_mutations,
    guidance,
    help_queue,
    open_calls,
    introductions_mutations,
    previews_mutations,
    training,
    groups_mutations,
    recognition_mutations,
    metrics_mutations,
    delivery_mutations,
)


@strawberry.type(description="What can be asked.")
class Query(*(part.Query for part in QUERIES)):  # type: ignore[misc]  # one base per service, listed once above
    node: Node | None = any_node("Anything that has a global id, by it; null when there is no such thing here.")
    nodes: list[Node | None] | None = any_nodes("The same for several ids, in their order.")


Mutation = create_type(
    "Mutation", [each for part in MUTATIONS for each in part.mutations], description="What can be done."
)


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """The endpoint logs what is unexpected, shortly; the library would log every refused document whole."""


def _member(source: Any, name: str) -> Any:
    return source.get(name)


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=subscriptions.Subscription,
    extensions=[Guarded],
    config=StrawberryConfig(default_resolver=_member, scalar_map=SCALARS),
)
