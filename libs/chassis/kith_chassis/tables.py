"""How columns look everywhere: text without length, times with zone, constraint names as PostgreSQL makes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB

COLUMN_TYPES: dict[Any, Any] = {
    str: Text,
    int: BigInteger,
    bytes: LargeBinary,
    datetime: DateTime(timezone=True),
    list[str]: ARRAY(Text),
    dict[str, Any]: JSONB,
    list[dict[str, Any]]: JSONB,
}
"""The `type_annotation_map` of a declarative base."""


def new_metadata() -> MetaData:
    """Metadata whose constraints carry the names PostgreSQL gives to those a migration leaves unnamed."""
    return MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )
