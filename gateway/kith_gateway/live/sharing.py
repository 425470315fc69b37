"""Which selections show everyone the same, so that what happens is read and encoded once for all who listen with them.

Everyone here is: who belongs to the same community and is permitted the same. What a service shows one of them and not
another (a profile has fields for its owner's eyes) is not in the table below, and is then read for each member alone.
The table is held against the services by a test.
"""

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

_RUN = "id status seed mode failure requestedAt solvedAt publishedAt"
SAME: Mapping[str, frozenset[str]] = {
    kind: frozenset(fields.split()) | {"__typename"}
    for kind, fields in {
        "Subscription": "postWritten matchRunChanged",
        "PostWritten": "cursor happenedAt spaceId threadId post thread",
        "Post": "id body writtenAt replyToPostId author thread",
        "Thread": "id spaceId kind title openedAt acceptedPostId author",
        "Member": "id displayName joinedAt",
        "MatchRunChange": "cursor happenedAt became matchRun",
        "MatchRun": _RUN,
    }.items()
}


def is_same_for_all(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Whether a valid operation shows everyone the same."""
    root = schema.get_root_type(operation.operation)
    return all(name in SAME.get(kind, ()) for kind, name in _selected(schema, document, operation.selection_set, root))


def _selected(
    schema: GraphQLSchema, document: DocumentNode, selections: SelectionSetNode, root: GraphQLNamedType | None
) -> Iterator[tuple[str, str]]:
    """Every (type, field) that is selected, each selection set and fragment looked at once."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    waiting = [(selections, root)]
    while waiting:
        inside, kind = waiting.pop()
        assert kind is not None  # noqa: S101 -- a valid document
        for node in inside.selections:
            match node:
                case FieldNode():
                    yield kind.name, node.name.value
                    found = getattr(kind, "fields", {}).get(node.name.value)
                    if node.selection_set is not None and found is not None:
                        waiting.append((node.selection_set, get_named_type(found.type)))
                case InlineFragmentNode():
                    condition = node.type_condition
                    waiting.append((node.selection_set, schema.get_type(condition.name.value) if condition else kind))
                case FragmentSpreadNode():
                    fragment = fragments.pop(node.name.value, None)
                    if fragment is not None:
                        waiting.append((fragment.selection_set, schema.get_type(fragment.type_condition.name.value)))
