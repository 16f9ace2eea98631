"""``make soak``: eight people work for half an hour while their site is killed ten times.

Each lists, opens, saves, uploads, renames and deletes files of their own, over REST. What was acknowledged must
be there when the site is back and at the end; what was refused must be as before or as asked, never anything
else. Memory, file descriptors, tasks and threads of the server are looked at all the time. Exits with 1 when a write was
lost or something leaks; the facts are printed as JSON and kept in benchmarks/results/soak.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from benchmarks import report, servers
from benchmarks.people import Person

RESULTS = report.RESULTS.with_name("soak.json")


@dataclass(slots=True)
class Watch:
    """What the server held, time by time."""

    samples: list[dict[str, float]] = field(default_factory=list)

    async def look(self, server: servers.Jupyter, began: float) -> dict[str, float]:
        """One sample."""
        seen = await server.stall()
        sample = {
            "s": round(time.monotonic() - began, 1),
            "rss": round(server.memory(), 1),
            "files": server.files(),
            "tasks": seen["tasks"],
            "threads": server.threads(),
            "stall_ms": round(seen["stall_ms"], 1),
        }
        self.samples.append(sample)
        return sample

    async def until(self, due: float, server: servers.Jupyter, began: float) -> None:
        """Look every ten seconds until then."""
        while (left := due - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 10))
            await self.look(server, began)

    def grown(self) -> dict[str, float]:
        """MiB: from the second fifth of the time, when all is loaded, to the last; and per hour in between."""
        fifth = max(1, len(self.samples) // 5)
        warm = self.samples[fifth:]
        rss = [sample["rss"] for sample in warm]
        early, late = statistics.median(rss[:fifth]), statistics.median(rss[-fifth:])
        slope = 0.0
        if len(warm) > 2:
            slope = statistics.linear_regression([sample["s"] for sample in warm], rss).slope * 3600
        return {"early": early, "late": late, "grown": late - early, "per_hour": round(slope, 1)}


class _Killed:
    """A site that is killed and started again on the same folder and ports."""

    def __init__(self, site: servers.Site, ports: tuple[int, int]) -> None:
        self._site = site
        self._ports = ports

    async def again(self) -> None:
        """kill -9, some seconds of nothing, and back."""
        self._site.process.kill()
        await self._site.process.wait()
        await asyncio.sleep(random.uniform(0.5, 3))  # noqa: S311
        self._site = await servers.start_site(self._site.folder, *self._ports)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await servers.end(self._site.process)


async def soak(minutes: float, people: int, kills: int, pause: float) -> dict[str, Any]:
    """Work for that long; returns the facts."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="mesh-soak-") as made:
        folder = Path(made)
        ports = servers.free_port(), servers.free_port()
        async with (
            servers.site(folder / "site", *ports) as site,
            await servers.mesh(folder, "mesh", site) as server,
            _Killed(site, ports) as killed,
        ):
            began = time.monotonic()
            until = began + 60 * minutes
            crowd = [Person(number, server, counts, problems) for number in range(people)]
            start = await watch.look(server, began)
            tasks = [asyncio.create_task(person.work(until)) for person in crowd]
            for kill in range(1, kills + 1):
                await watch.until(began + 60 * minutes * kill / (kills + 1), server, began)
                await killed.again()
            await watch.until(until, server, began)
            await asyncio.gather(*tasks)
            for person in crowd:
                await person.check()
            _compare_with_the_disk(crowd, site.home, problems)
            # Connections that wait for another use are closed after a while.
            await asyncio.sleep(pause)
            end = await watch.look(server, began)
            problems += _leaks(start, end)
    grown = watch.grown()
    if grown["grown"] > max(20.0, grown["early"] / 10):
        problems.append(f"memory has grown: {grown}")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "minutes": minutes,
        "people": people,
        "kills": kills,
        "files_at_the_end": sum(len(person.files) for person in crowd),
        "counts": dict(sorted(counts.items())),
        "memory_mib": grown,
        "start": start,
        "end": end,
        "problems": problems,
        "samples": watch.samples[:: max(1, len(watch.samples) // 60)],
    }


def _compare_with_the_disk(crowd: list[Person], home: Path, problems: list[str]) -> None:
    """Past the server: what the site itself keeps."""
    for person in crowd:
        for name, content in person.files.items():
            path = home / person.folder / name
            if not path.is_file() or not content.matches(path.read_bytes()):
                problems.append(f"person {person.number}: {name} is not so on the disk of the site")


def _leaks(start: dict[str, float], end: dict[str, float]) -> list[str]:
    """What there is more of than there was, beyond what a warm server keeps."""
    allowed = {"files": 24, "tasks": 4, "threads": 40}
    return [
        f"{what}: {start[what]} at the start, {end[what]} at the end"
        for what, most in allowed.items()
        if end[what] - start[what] > most
    ]


def main() -> None:
    """Read the command line, work, tell."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--pause", type=float, default=30.0, help="seconds of rest before the end")
    parser.add_argument("--keep", type=Path, default=RESULTS, help="file for the facts")
    args = parser.parse_args()
    facts = asyncio.run(soak(args.minutes, args.people, args.kills, args.pause))
    args.keep.parent.mkdir(exist_ok=True)
    args.keep.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({key: value for key, value in facts.items() if key != "samples"}, indent=1))
    sys.exit(1 if facts["problems"] else 0)


if __name__ == "__main__":
    main()
