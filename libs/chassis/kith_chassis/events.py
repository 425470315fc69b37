"""Events as their producer declares them (`Event`), as a consumer reads them (`View`), and the envelope between.

The envelope is CloudEvents 1.0 (JSON): `type` is `<service>.<fact>.v<N>`, `subject` the aggregate's id, with the
extensions `tenant`, `sequence` (1, 2, 3 … per aggregate) and `traceparent`. On the bus the subject is `kith.<type>`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.ids import new_id
from kith_tracing.spans import carry

SUBJECT_PREFIX = "kith."
_TYPE = re.compile(r"^[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$")


class Event(BaseModel):
    """A fact in the past tense, declared by the service that owns it.

    class OrderPlaced(Event, type="orders.order_placed.v1", aggregate="order_id"):
        \"\"\"Somebody ordered something.\"\"\"
        order_id: UUID
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: ClassVar[str]
    aggregate: ClassVar[str]

    def __init_subclass__(cls, *, type: str, aggregate: str, **kwargs: Any) -> None:  # noqa: A002 -- CloudEvents' word
        super().__init_subclass__(**kwargs)
        if not _TYPE.match(type):
            raise ValueError(f"{type!r} is not <service>.<fact>.v<N>")
        cls.type, cls.aggregate = type, aggregate

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if cls.aggregate not in cls.model_fields:
            raise ValueError(f"{cls.__name__} has no field {cls.aggregate!r} to be its aggregate id")

    @property
    def aggregate_id(self) -> UUID:
        value: UUID = getattr(self, self.aggregate)
        return value


class View(BaseModel):
    """The fields one consumer reads of somebody's event; all others are ignored.

        class OrderPlaced(View, type="orders.order_placed.v1"):
            order_id: UUID

    `type=">"` reads every event there is.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]

    def __init_subclass__(cls, *, type: str, **kwargs: Any) -> None:  # noqa: A002 -- CloudEvents' word
        super().__init_subclass__(**kwargs)
        cls.type = type


class AnyEvent(View, type=">"):
    """Every event, its data as it came."""

    model_config = ConfigDict(frozen=True, extra="allow")


Data = TypeVar("Data", bound=View)


@dataclass(frozen=True, slots=True)
class Received(Generic[Data]):
    """One event as it reached a consumer: envelope attributes and the consumer's view of the data."""

    id: UUID
    type: str
    tenant: UUID
    aggregate_id: UUID
    sequence: int
    time: datetime
    traceparent: str | None
    data: Data


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event waiting in its session for the commit."""

    id: UUID
    tenant: UUID
    event: Event
    time: datetime
    traceparent: str | None


def emit(session: AsyncSession, event: Event, *, tenant: UUID | None = None) -> UUID:
    """Publish `event` if and only if this transaction commits; returns its id.

    `tenant` is needed only where the transaction is bound to none (consumers and jobs).
    """
    if "traceparent" not in session.info:
        carrier: dict[str, str] = {}
        carry(carrier)
        session.info["traceparent"] = carrier.get("traceparent")
    owner = tenant or session.info.get("tenant")
    if owner is None:
        raise LookupError(f"{event.type} needs a tenant: this transaction is bound to none")
    emitted = Emitted(new_id(), owner, event, datetime.now(UTC), session.info["traceparent"])
    session.info.setdefault("emitted", []).append(emitted)
    return emitted.id


def wire(row: Sequence[Any]) -> tuple[str, str, bytes]:
    """Subject, message id and CloudEvents JSON of an outbox row; its data goes out as it was stored."""
    _, id_, tenant, type_, aggregate, sequence, data, time, traceparent, *_ = row
    trace = f',"traceparent":{json.dumps(traceparent)}' if traceparent else ""
    body = (
        f'{{"specversion":"1.0","id":"{id_}","source":"kith/{type_.partition(".")[0]}","type":"{type_}",'
        f'"subject":"{aggregate}","time":"{time.astimezone(UTC).isoformat()[:-6]}Z","datacontenttype":'
        f'"application/json","tenant":"{tenant}","sequence":{sequence}{trace},"data":{data}}}'
    )
    return f"{SUBJECT_PREFIX}{type_}", str(id_), body.encode()


class _Envelope(msgspec.Struct):
    """What a consumer needs of an envelope; its data is left as it stands, for the view to read."""

    id: UUID
    type: str
    tenant: UUID
    subject: UUID
    sequence: int
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: msgspec.Raw
    traceparent: str | None = None


_read = msgspec.json.Decoder(_Envelope).decode


def received(message: bytes, view: type[Data]) -> Received[Data]:
    """Read an envelope with a consumer's view. Raises ValueError when it is malformed."""
    try:
        e = _read(message)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None
    data = view.model_validate_json(bytes(e.data))
    return Received(e.id, e.type, e.tenant, e.subject, e.sequence, e.time, e.traceparent, data)
