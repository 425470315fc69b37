"""Spans of work, within the trace they belong to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from random import getrandbits
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_W3C = TraceContextTextMapPropagator()  # baggage, which strangers may fill, is neither taken nor passed on
_NOWHERE = Context()
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))

tracer: Tracer | None = None
"""Makes spans that are collected."""


def carried(headers: Mapping[str, str]) -> Context:
    """The trace that headers name."""
    return _W3C.extract(headers) if "traceparent" in headers else _NOWHERE


def carry(headers: MutableMapping[str, str]) -> None:
    """Name our trace in headers."""
    if tracer is None:
        headers.update(_ids.get())
    else:
        _W3C.inject(headers)


def export_to(endpoint: str, *, service: str) -> Callable[[], None]:
    """Send the spans of this process to a collector (OTLP over HTTP) from now on; returns what ends that."""
    global tracer  # noqa: PLW0603 -- one for the whole process, as loggers are
    # Loaded only where spans are collected.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("kith")
    return provider.shutdown


class _Ids:
    """A span nobody collects: its ids alone, as headers name them, which go on in events, logs and requests."""

    __slots__ = ("_headers", "_token")

    def __init__(self, within: Context | None) -> None:
        above: dict[str, str] = {}
        if within is None:
            above = dict(_ids.get())
        elif within is not _NOWHERE:
            _W3C.inject(above, within)
        known = above["traceparent"].split("-")[1] if above else f"{getrandbits(128):032x}"
        above["traceparent"] = f"00-{known}-{getrandbits(64):016x}-00"
        self._headers = above

    def __enter__(self) -> Span:
        self._token = _ids.set(self._headers)
        return INVALID_SPAN

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # of a generator that another task closes
            _ids.reset(self._token)


def spanned(
    name: str, within: Context | None = None, kind: SpanKind = SpanKind.INTERNAL
) -> AbstractContextManager[Span]:
    """A span for a block of work; `within` says where its trace comes from, if not from the work around it."""
    return _Ids(within) if tracer is None else tracer.start_as_current_span(name, within, kind=kind)


@contextmanager
def continued(name: str, kind: SpanKind, traceparents: Iterable[str | None]) -> Iterator[None]:
    """A span for work that several asked for: within the first one's trace, linked to the next 31."""
    origins = (carried({"traceparent": each or ""}) for each in islice(traceparents, 32))
    with spanned(name, next(origins), kind) as span:
        for each in origins if span.is_recording() else ():
            span.add_link(trace.get_current_span(each).get_span_context())
        yield


def trace_id() -> str | None:
    """The id of the trace around this work, as it is written; None where there is none."""
    named: dict[str, str] = {}
    carry(named)
    return named["traceparent"].split("-")[1] if named else None
