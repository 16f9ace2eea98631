"""What our part of the hub does, in figures at the hub's own /metrics. No label names a user, a path or a site."""

from __future__ import annotations

import re

from prometheus_client import Counter, Histogram

__all__ = ["count_failure", "count_mount", "count_refresh", "reason_of", "time_step"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

STEPS = Histogram(
    "jupyter_mesh_spawn_step_seconds",
    "Seconds that a step of the start of a server took.",
    ["step", "result"],
    buckets=SECONDS,
)
FAILURES = Counter(
    "jupyter_mesh_spawn_failures", "Servers that did not start, by why they did not.", ["reason"]
)
REFRESHES = Counter(
    "jupyter_mesh_token_refreshes",
    "Times that the hub asked the site for the next token of a user, by what came of it.",
    ["result"],
)
MOUNTS = Counter(
    "jupyter_mesh_mounts",
    "Mounts that were made for servers, and that could not be made, by mode.",
    ["mode", "result"],
)

# They exist before the first of each happens, so that rates and alerts need not wait for it.
for _result in ("done", "login_ended", "unavailable"):
    REFRESHES.labels(_result)
for _reason in ("mesh_no_token", "mesh_site_down", "start_timed_out"):
    FAILURES.labels(_reason)


def reason_of(error: BaseException) -> str:
    """A word for a failure: the ``reason`` of a SpawnException, else the class of the error."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and re.fullmatch(r"[a-z_]{1,40}", reason):
        return reason
    if type(error).__name__ == "CancelledError":
        # JupyterHub ends a start that takes too long so.
        return "start_timed_out"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()


def time_step(step: str, seconds: float, result: str) -> None:
    """Count a step of a start that has ended."""
    STEPS.labels(step, result).observe(seconds)


def count_failure(reason: str) -> None:
    """Count a server that did not start."""
    FAILURES.labels(reason).inc()


def count_refresh(error: BaseException | None = None) -> None:
    """Count that the site was asked for the next token of a user; ``error`` is why none came."""
    REFRESHES.labels("done" if error is None else reason_of(error)).inc()


def count_mount(mode: str, *, made: bool) -> None:
    """Count a mount for a server; ``mode`` is that of the spawner, or "local"."""
    MOUNTS.labels(mode, "made" if made else "failed").inc()
