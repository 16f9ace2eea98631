"""``make soak``: eight people work for half an hour while their site is killed ten times.

Each lists, opens, saves, uploads, renames and deletes files of their own, over REST. What was acknowledged must
be there when the site is back and at the end; what was refused must be as before or as asked, never anything
else. Memory, file descriptors, tasks and threads of the server are looked at all the time. Exits with 1 when a write was
lost or something leaks; the facts are printed as JSON and kept in benchmarks/results/soak.json.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp

from benchmarks import documents, report, servers

RESULTS = report.RESULTS.with_name("soak.json")
PIECE = 200_000
MOST_FILES = 20
BACK_WITHIN = 120.0
"""Seconds within which a site that was started again must be reached through the server."""

AWAY = (404, 409, 412, 423, 500, 502, 503, 504)
"""Statuses that a site that is killed under a request may lead to; anything else is a mistake."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: made from its mark, so that it need not be kept."""

    mark: str
    kind: str

    def raw(self) -> bytes:
        """The bytes of a text or an upload."""
        size = 3 * PIECE if self.kind == "bin" else 3000
        chance = random.Random(self.mark)  # noqa: S311 - content, not secrecy
        return f"{self.mark}\n".encode() + base64.b64encode(chance.randbytes(size))

    def matches(self, data: bytes) -> bool:
        """True if ``data`` is this. Jupyter writes notebooks in its own way: there the mark counts."""
        if self.kind == "ipynb":
            return self.mark in "".join(json.loads(data)["cells"][0]["source"])
        return data == self.raw()


class Refused(Exception):
    """The server has answered with an error, or not at all: whether it was done is not known."""


@dataclass(slots=True)
class Person:
    """Works in a folder of their own and remembers what was acknowledged."""

    number: int
    server: servers.Jupyter
    counts: Counter[str]
    problems: list[str]
    files: dict[str, Content] = field(default_factory=dict)
    made: int = 0

    @property
    def folder(self) -> str:
        """Their own."""
        return f"person-{self.number}"

    async def work(self, until: float) -> None:
        """One thing after another."""
        chance = random.Random(self.number)  # noqa: S311 - what comes next, not secrecy
        await self._patiently("PUT", self.folder, {"type": "directory"})
        while time.monotonic() < until:
            verbs = [self._create, self._upload, self._list]
            if self.files:
                verbs += [self._open, self._save, self._save, self._rename]
            if len(self.files) > MOST_FILES:
                verbs = [self._delete]
            verb = chance.choice(verbs)
            name = chance.choice(list(self.files)) if self.files else ""
            began = time.monotonic()
            try:
                await verb(name)
                self.counts[f"{verb.__name__[1:]}: done"] += 1
            except Refused:
                self.counts[f"{verb.__name__[1:]}: refused"] += 1
                await asyncio.sleep(0.2)
            self.counts["longest answer (s)"] = max(
                self.counts["longest answer (s)"], round(time.monotonic() - began)
            )
            await asyncio.sleep(0.02)

    async def check(self) -> None:
        """Read everything through the server and compare."""
        for name, content in self.files.items():
            found = await self._read_patiently(name)
            if found is None or not content.matches(found):
                self._lost(f"{name} is not what was acknowledged at the end")
        listed = await self._patiently("GET", self.folder)
        names = {entry["name"] for entry in listed["content"]}
        if names != set(self.files):
            self._lost(f"{self.folder} lists {sorted(names ^ set(self.files))} wrongly")

    def _lost(self, what: str) -> None:
        self.problems.append(f"person {self.number}: {what}")

    def _new(self, kind: str) -> tuple[str, Content]:
        self.made += 1
        return f"{self.number}-{self.made}.{kind}", Content(f"{self.number}.{self.made}", kind)

    async def _create(self, _: str) -> None:
        name, content = self._new(random.choice(("txt", "ipynb")))  # noqa: S311
        await self._write(name, content)

    async def _save(self, name: str) -> None:
        kind = name.rpartition(".")[2]
        if kind != "bin":
            await self._ask("GET", f"{self.folder}/{name}?content=0&hash=1")
            await self._write(name, self._new(kind)[1])

    async def _write(self, name: str, content: Content) -> None:
        model: dict[str, Any] = {
            "type": "file",
            "format": "text",
            "content": content.raw().decode(),
        }
        if content.kind == "ipynb":
            notebook = documents.small_cells(3000)
            notebook["cells"][0]["source"] = content.mark
            model = {"type": "notebook", "format": "json", "content": notebook}
        await self._change(name, content, "PUT", f"{self.folder}/{name}", model)

    async def _upload(self, _: str) -> None:
        name, content = self._new("bin")
        data = content.raw()
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        for number, piece in enumerate(pieces, 1):
            model = json.loads(
                documents.chunk(
                    base64.b64encode(piece).decode(), -1 if number == len(pieces) else number
                )
            )
            if number == len(pieces):
                await self._change(name, content, "PUT", f"{self.folder}/{name}", model)
            else:
                await self._ask("PUT", f"{self.folder}/{name}", model)

    async def _change(
        self, name: str, content: Content, method: str, path: str, model: dict[str, Any]
    ) -> None:
        """A write. When it is refused, the old content or the new one must be there, and it is found out which."""
        before = self.files.get(name)
        try:
            await self._ask(method, path, model)
            self.files[name] = content
        except Refused:
            found = await self._read_patiently(name)
            if found is not None and content.matches(found):
                self.files[name] = content
            elif (found is None) != (before is None) or (
                before and not before.matches(found or b"")
            ):
                self._lost(f"{name} is neither old nor new after a refused save")
                self.files.pop(name, None)
            raise

    async def _open(self, name: str) -> None:
        found = await self._read(name)
        if found is None or not self.files[name].matches(found):
            self._lost(f"{name} is not what was acknowledged")
            self.files.pop(name)

    async def _list(self, _: str) -> None:
        model = await self._ask("GET", self.folder)
        names = {entry["name"] for entry in model["content"]}
        if names != set(self.files):
            self._lost(f"{self.folder} lists {sorted(names ^ set(self.files))} wrongly")

    async def _rename(self, name: str) -> None:
        target, _ = self._new(name.rpartition(".")[2])
        try:
            await self._ask(
                "PATCH", f"{self.folder}/{name}", {"path": f"home/{self.folder}/{target}"}
            )
            self.files[target] = self.files.pop(name)
        except Refused:
            old, new = await self._read_patiently(name), await self._read_patiently(target)
            content = self.files.pop(name)
            if (old is None) == (new is None) or not content.matches(old or new or b""):
                self._lost(f"{name} is not under one of its names after a refused rename")
            else:
                self.files[name if new is None else target] = content
            raise

    async def _delete(self, name: str) -> None:
        try:
            await self._ask("DELETE", f"{self.folder}/{name}")
            del self.files[name]
        except Refused:
            content = self.files.pop(name)
            found = await self._read_patiently(name)
            if found is not None:
                self.files[name] = content
            raise

    async def _read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        path = f"{self.folder}/{name}?type=file&format=base64&content=1"
        try:
            model = await self._ask("GET", path)
        except Missing:
            return None
        return base64.b64decode(model["content"])

    async def _read_patiently(self, name: str) -> bytes | None:
        """As ``_read``, once the site is back."""
        give_up = time.monotonic() + BACK_WITHIN
        while True:
            try:
                return await self._read(name)
            except Refused:
                if time.monotonic() > give_up:
                    self._lost(f"the site is not reached again for {name}")
                    return None
                await asyncio.sleep(0.3)

    async def _patiently(self, *request: Any) -> Any:
        give_up = time.monotonic() + BACK_WITHIN
        while True:
            try:
                return await self._ask(*request)
            except Refused:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.3)

    async def _ask(self, method: str, path: str, model: dict[str, Any] | None = None) -> Any:
        path, _, query = path.partition("?")
        address = (
            f"{self.server.url}/api/contents/{self.server.top}{urllib.parse.quote(path)}?{query}"
        )
        try:
            async with self.server.session.request(method, address, json=model) as reply:
                body = await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._lost(f"{method} {path}: the server itself did not answer: {error!r}")
            raise Refused from error
        if reply.status < 400:
            return json.loads(body) if body else {}
        self.counts[f"status {reply.status}"] += 1
        if reply.status == 404:
            raise Missing
        if reply.status not in AWAY:
            self._lost(f"{method} {path}: {reply.status} {body[:300]!r}")
        raise Refused


class Missing(Refused):
    """404."""


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
