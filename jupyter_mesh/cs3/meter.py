"""What a client has asked and moved, counted plainly: whoever exports figures reads them here."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

__all__ = ["BUCKETS", "Meter", "Timing"]

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends, in seconds, of the ranges in which answers are counted; slower ones come after the last."""


@dataclass(slots=True)
class Timing:
    """How long the calls of one kind with one result have taken."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one call."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Meter:
    """The figures of one client since it was built. Names of calls and results alone: no paths, no people."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], Timing] = {}
        """By name of the RPC or HTTP method, and result: "ok", or the code of the refusal."""
        self.received = 0
        """Bytes of content."""
        self.sent = 0
        self.channels = 0
        """Open channels to the gateway."""

    def note(self, call: str, result: str, seconds: float) -> None:
        """Count one call that has ended."""
        self.calls.setdefault((call, result.lower()), Timing()).add(seconds)
