"""Two ways side by side: who takes turns with whom, and the line that comes of it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from benchmarks.servers import Jupyter, Site

    Operation = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class Row:
    """One line of the report. ``ratio`` is how many times faster ours is, or None where a limit counts."""

    group: str
    name: str
    unit: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Bench:
    """The running servers, and how thorough to be."""

    folder: Path
    site: Site
    stock: Jupyter
    mesh: Jupyter
    rounds: int
    scale: float
    """1 for the sizes of the goals; less for a quick look."""

    def size(self, whole: int) -> int:
        """A size or count, as small as the run wants it."""
        return max(1, round(whole * self.scale))

    async def versus(self, ours: Operation, theirs: Operation) -> Times:
        """Both in turns, after one round that does not count."""
        times = Times()
        for number in range(self.rounds + 1):
            for mine, operation in ((False, theirs), (True, ours)):
                await self.turn(times, operation, mine=mine, counts=number > 0)
        return times

    async def turn(self, times: Times, operation: Operation, *, mine: bool, counts: bool) -> None:
        """Do it once, and note seconds and CPU time."""
        servers = (self.mesh, self.site) if mine else (self.stock,)
        before = [server.cpu() for server in servers]
        took = await timed(operation())
        if counts:
            (times.ours if mine else times.theirs).append(took)
            used = [server.cpu() - then for server, then in zip(servers, before, strict=True)]
            (times.our_cpu if mine else times.their_cpu).append(used)


@dataclass(slots=True)
class Times:
    """Seconds of both sides, and the CPU time of their servers: ours with the site behind it."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    our_cpu: list[list[float]] = field(default_factory=list)
    their_cpu: list[list[float]] = field(default_factory=list)

    def cpu(self) -> dict[str, float]:
        """Means in milliseconds: they hardly depend on what else the machine does."""
        used: dict[str, float] = {}
        for name, values in (
            ("server", [each[0] for each in self.our_cpu]),
            ("site", [each[1] for each in self.our_cpu]),
            ("stock", [each[0] for each in self.their_cpu]),
        ):
            used[name] = round(1000 * statistics.fmean(values), 1)
        return {"cpu_ms": used}


async def timed(work: Awaitable[Any]) -> float:
    """Seconds until ``work`` is done."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def row(
    group: str, name: str, ours: list[float], theirs: list[float], least: float, **facts: Any
) -> Row:
    """A line that compares times: ours must be ``least`` times as fast."""
    mine, other = statistics.median(ours), statistics.median(theirs)
    spread = {"ours_ms": [round(1000 * t, 1) for t in ours]}
    spread["theirs_ms"] = [round(1000 * t, 1) for t in theirs]
    ratio = other / mine
    goal = f"≥ {least:g} x"
    return Row(
        group, name, "ms", 1000 * mine, 1000 * other, ratio, goal, ratio >= least, spread | facts
    )
