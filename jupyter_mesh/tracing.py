"""One trace from the click on Start to the files: W3C trace context, recorded where OpenTelemetry is set up.

The hub names the trace of a start in ``MESH_TRACEPARENT``. Server and mount go on with it (``process_start``),
and every call of the gateway meanwhile carries it as ``traceparent``. Without OpenTelemetry nothing is recorded, and the name still goes on.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import sys
import time
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["VARIABLE", "Span", "metadata", "process_start", "set_up", "span", "traceparent"]

VARIABLE = "MESH_TRACEPARENT"
STARTING = 120.0
"""Seconds for which the calls of a new process belong to the start that made it."""

COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_current: ContextVar[str] = ContextVar("traceparent", default="")
_adopted: tuple[str, float] = ("", 0.0)


def set_up(service: str) -> None:
    """Send spans to the collector that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names; nothing without it.

    Needs ``opentelemetry-sdk`` and ``opentelemetry-exporter-otlp-proto-http``, and leaves alone what others have
    set up. Takes half a second: call it at the start of a process.
    """
    if not any(os.environ.get(name) for name in COLLECTORS) or _missing():
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES of the operator win.
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _missing() -> bool:
    names = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    try:
        return any(importlib.util.find_spec(name) is None for name in names)
    except ModuleNotFoundError:
        return True


def process_start(service: str, name: str) -> Span:
    """The start of this process, as part of the start of a server that made it; the caller ends it.

    Calls of the next two minutes belong to it. Programs that this one starts later do not inherit the trace.
    """
    global _adopted
    set_up(service)
    given = os.environ.pop(VARIABLE, "")
    span = Span(name, parent=given, began=_process_began())
    if given or _opentelemetry():
        _adopted = (span.traceparent, time.monotonic())
    return span


def _process_began() -> float | None:
    """When the system made this process, in seconds since the epoch; None where it does not tell."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text().split()[0])
        return time.time() - up + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def traceparent() -> str:
    """The trace that a call made now belongs to, and its place there, as W3C writes it; "" for none."""
    if (api := _opentelemetry()) and (
        context := api.get_current_span().get_span_context()
    ).is_valid:
        return _written(context)
    if current := _current.get():
        return current
    given, when = _adopted
    return given if given and time.monotonic() - when < STARTING else ""


def metadata() -> tuple[tuple[str, str], ...]:
    """What a gRPC call carries of it."""
    parent = traceparent()
    return (("traceparent", parent),) if parent else ()


def span(name: str) -> AbstractContextManager[Any]:
    """A piece of work, where OpenTelemetry is loaded; an exception that leaves it is told by its class alone."""
    return Span(name).current() if _opentelemetry() else nullcontext()


class Span:
    """A piece of work in a trace: under ``parent``, else under what is current, else first of a trace.

    ``began`` is in seconds since the epoch, when it was earlier than now. Whoever makes one calls ``end``, or uses
    ``current``, which does. Attributes never name files, and never hold a secret.
    """

    def __init__(
        self,
        name: str,
        *,
        parent: str = "",
        began: float | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        above = parent if _FORM.fullmatch(parent) else traceparent()
        self._recorded: Any = None
        self.traceparent = ""
        if api := _opentelemetry():
            self._recorded = api.get_tracer("jupyter_mesh").start_span(
                name,
                context=_context(api, above),
                attributes=attributes,
                start_time=None if began is None else int(began * 1e9),
            )
            context = self._recorded.get_span_context()
            self.traceparent = _written(context) if context.is_valid else ""
        if not self.traceparent:
            trace = above.split("-")[1] if above else secrets.token_hex(16)
            # 00: not recorded here.
            self.traceparent = f"00-{trace}-{secrets.token_hex(8)}-00"

    @property
    def trace(self) -> str:
        """The id of the trace, by which it is found."""
        return self.traceparent.split("-")[1]

    def end(self, error: BaseException | None = None) -> None:
        """It is over. May be called twice; the first one counts."""
        if (span := self._recorded) is None or not span.is_recording():
            return
        if error is not None:
            from opentelemetry.trace import Status, StatusCode

            # Not the words of the error: they may name files.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()

    @contextmanager
    def within(self) -> Iterator[None]:
        """What is called in here belongs to it. Ends nothing."""
        mark = _current.set(self.traceparent)
        try:
            with nullcontext() if self._recorded is None else _use(self._recorded):
                yield
        finally:
            _current.reset(mark)

    @contextmanager
    def current(self) -> Iterator[Span]:
        """As ``within``, and over at the end."""
        failed: BaseException | None = None
        try:
            with self.within():
                yield self
        except BaseException as error:
            failed = error
            raise
        finally:
            self.end(failed)


def _use(recorded: Any) -> AbstractContextManager[Any]:
    """Make a span of OpenTelemetry the current one, without its habit to note what exceptions say."""
    from opentelemetry.trace import use_span

    return use_span(recorded, record_exception=False, set_status_on_exception=False)


def _opentelemetry() -> Any:
    """Its API where somebody has loaded it; None costs nothing."""
    return sys.modules.get("opentelemetry.trace")


def _context(api: Any, parent: str) -> Any:
    """The OpenTelemetry context of a place in a trace; an empty one for none."""
    from opentelemetry.context import Context

    if not parent:
        return Context()
    _, trace, place, flags = parent.split("-")
    context = api.SpanContext(
        int(trace, 16), int(place, 16), is_remote=True, trace_flags=api.TraceFlags(int(flags, 16))
    )
    return api.set_span_in_context(api.NonRecordingSpan(context), Context())


def _written(context: Any) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
