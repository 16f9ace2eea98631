"""Start: one start of a server as those see it who watch the hub, in figures, in a trace, in the audit log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jupyter_mesh.tracing import Span
from jupyter_mesh_spawner import audit
from jupyter_mesh_spawner.metrics import count_failure, reason_of, time_step

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from jupyterhub.spawner import Spawner

__all__ = ["Start"]

STEPS = {"Signing": "sign_in", "Placing": "place", "Mounting": "mount", "Starting": "start"}
"""Names of steps in figures and traces, by the first word of what users read."""


class Start:
    """From the click on. Whoever makes one calls ``end``; ``within`` makes what is called part of its trace."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        request = getattr(spawner.handler, "request", None)
        # The click came with the request; a proxy before the hub may have begun the trace.
        self._waited = request.request_time() if request is not None else 0.0
        self._began = time.monotonic() - self._waited
        self._span = Span(
            "start a server",
            parent=request.headers.get("traceparent", "") if request is not None else "",
            began=time.time() - self._waited,
            attributes={"spawner": type(spawner).__name__},
        )
        self._step: tuple[str, float, Span] | None = None
        self._ended = False

    @property
    def traceparent(self) -> str:
        """The trace and the step that runs, for the server and its mount."""
        return self._step[2].traceparent if self._step else self._span.traceparent

    def within(self) -> AbstractContextManager[None]:
        """Calls of the gateway made in here carry the trace of this start."""
        return self._span.within()

    def step(self, message: str) -> None:
        """What users read has changed: the step before is done."""
        self._end_step()
        name = STEPS.get(message.partition(" ")[0], "other")
        self._step = (name, time.monotonic(), Span(name, parent=self._span.traceparent))

    def end(self, error: BaseException | None = None) -> None:
        """The server runs, or does not for this reason. The first call counts."""
        if self._ended:
            return
        self._ended = True
        self._end_step(error)
        self._span.end(error)
        reason = None if error is None else reason_of(error)
        if reason is not None:
            count_failure(reason)
        refused = getattr(error, "status_code", 500) < 500
        outcome = "done" if error is None else "refused" if refused else "failed"
        self._record(outcome, reason)

    def _end_step(self, error: BaseException | None = None) -> None:
        if self._step is not None:
            name, began, span = self._step
            time_step(name, time.monotonic() - began, "done" if error is None else "failed")
            span.end(error)
            self._step = None

    def _record(self, outcome: str, reason: str | None) -> None:
        spawner: Any = self._spawner
        asking = getattr(spawner.handler, "current_user", None)
        audit.record(
            spawner.user.settings,
            spawner.user.name,
            "start",
            outcome,
            by=getattr(asking, "name", None),
            reason=reason,
            server=spawner.name,
            site=spawner.mesh_site,
            spawner=type(spawner).__name__,
            placement=getattr(spawner, "mesh_placement", "") or None,
            seconds=round(time.monotonic() - self._began, 3),
            trace=self._span.trace,
        )
