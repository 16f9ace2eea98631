"""How much one stranger may ask in how little time."""

from __future__ import annotations

import time

from jupyter_mesh.node.ocm.reading import NotTaken

__all__ = ["Limits"]

_MOST_KNOWN = 10_000


class Limits:
    """A bucket for each address and each site: ``burst`` requests at once, then ``rate`` in a second."""

    def __init__(self, *, rate: float = 50.0, burst: float = 500.0) -> None:
        self._rate = rate
        self._burst = burst
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, who: str) -> None:
        """Count a request; raises NotTaken(429) when there were too many."""
        now = time.monotonic()
        left, then = self._left.get(who, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if left < 1:
            raise NotTaken(429, "Too many requests. Try again in a while.")
        if len(self._left) >= _MOST_KNOWN:
            full = now - self._burst / self._rate
            self._left = {one: kept for one, kept in self._left.items() if kept[1] > full}
        self._left[who] = (left - 1, now)
