"""Print the schema: `python -m kith_gateway.export > contracts/graphql/schema.graphql`."""

import sys

from kith_gateway.schema import schema


def text() -> str:
    """The schema in GraphQL's own language, as it is stored in contracts/."""
    return schema.as_str().rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
