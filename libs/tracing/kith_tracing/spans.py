"""Spans of work, within the trace they belong to."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from random import getrandbits

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_W3C = TraceContextTextMapPropagator()
carry, carried = _W3C.inject, _W3C.extract
"""Our trace into headers; another's out of them. Baggage, which strangers may fill, is neither taken nor passed on."""

tracer: Tracer | None = None
"""Makes spans that are collected."""


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
    """A span nobody collects: its ids alone, which go on in events, logs and requests."""

    __slots__ = ("_span", "_token")

    def __init__(self, within: Context | None) -> None:
        above = trace.get_current_span(within).get_span_context()
        ids = above.trace_id or getrandbits(128), getrandbits(64)
        self._span = NonRecordingSpan(SpanContext(*ids, is_remote=False, trace_state=above.trace_state))

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, *_: object) -> None:
        detach(self._token)


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
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
