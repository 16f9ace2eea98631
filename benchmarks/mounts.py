"""The mount beside plain rclone on the same site, with the same options and the same kind of cache.

A node speaks no WebDAV, so plain rclone needs something that does: our WebDAV application before the same node,
without the rules that the mount adds. For the figures of the table in the design there is also rclone's own server
on the folder of the node: no gateway and no login are in that way.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import servers
from benchmarks.comparison import Bench, Row, row, timed
from benchmarks.downloads import MIB, noise
from jupyter_mesh.mount.client import find_mount
from jupyter_mesh.mount.engine import Engine
from jupyter_mesh.mount.folder import StateFolder
from jupyter_mesh.mount.rclone import Rclone, find_rclone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

SMALL = 4096
"""Bytes of a small file."""


@dataclass(slots=True)
class Way:
    """A mounted folder, and how it is told to upload or to forget."""

    name: str
    home: Path
    folder: StateFolder
    flush: Callable[[str], Awaitable[list[str]]]

    @property
    def top(self) -> str:
        """The home in the paths of the mount."""
        return "home" if self.home.name == "home" else ""

    async def forget(self) -> None:
        """Know nothing of the folders any more."""
        await Rclone("", self.folder).ask("vfs/forget")

    async def look(self) -> None:
        """Know the home as it is."""
        await Rclone("", self.folder).ask("vfs/refresh", **({"dir": self.top} if self.top else {}))


@asynccontextmanager
async def ours(bench: Bench, folder: Path) -> AsyncIterator[Way]:
    """``jupyter mesh mount`` as people use it."""
    folder.mkdir()
    point = folder / "mesh"
    environment = await servers.mesh_environment(folder, bench.site)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyter_mesh.cli", "mount", str(point)),
        env={**os.environ, **environment},
        cwd=servers.ROOT,
        stdout=PIPE,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), servers.READY_WITHIN)
        mounted = await find_mount(point)
        assert mounted is not None
        yield Way("mount", point / "home", mounted.folder, mounted.flush)
    finally:
        await servers.end(process)


@asynccontextmanager
async def plain(
    name: str, folder: Path, command: list[str], **environment: str
) -> AsyncIterator[Way]:
    """rclone alone before a WebDAV server that ``command`` starts; it adds the name of the socket."""
    state = StateFolder(folder / "state")
    (folder / "mesh").mkdir(parents=True)
    state.make()
    socket = state.path / "dav.sock"
    process = await asyncio.create_subprocess_exec(
        *(part.format(socket=socket) for part in command),
        env={**os.environ, **environment},
        cwd=servers.ROOT,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    engine = Engine(await find_rclone(), state, folder / "mesh", "plain")
    try:
        end = time.monotonic() + servers.READY_WITHIN
        while not socket.exists():
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        await engine.start()
        try:
            yield Way(name, folder / "mesh", state, lambda path: engine.flush(path, 600))
        finally:
            await engine.stop()
    finally:
        await servers.end(process)


async def mount(bench: Bench) -> list[Row]:
    """Read, small files, and ``ls -l`` of 10 000 entries."""
    state = bench.folder / "mounts"
    os.environ["XDG_STATE_HOME"] = str(state)
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(ours(bench, bench.folder / "ours"))
        environment = await servers.mesh_environment(bench.folder, bench.site)
        app = [sys.executable, "-m", "benchmarks.webdav", "{socket}"]
        through = await stack.enter_async_context(
            plain("plain rclone", bench.folder / "plain", app, **environment)
        )
        through.home = through.home / "home"
        # It has a cache of folders of its own, which must not hide what the test has just written.
        go = [await find_rclone(), "serve", "webdav", "--config", "", "--dir-cache-time", "0s"]
        go += ["--addr", "unix://{socket}"]
        direct = await stack.enter_async_context(
            plain("rclone on the disk", bench.folder / "direct", [*go, str(bench.site.home)])
        )
        ways = [mine, through, direct]
        return [
            *await reading(bench, ways),
            *await small_files(bench, ways),
            # The server on the disk keeps no folders here, and would be asked for each entry.
            *await listing(bench, ways[:2]),
        ]


async def reading(bench: Bench, ways: list[Way]) -> list[Row]:
    """A large file that no cache has seen."""
    size = bench.size(512) * MIB
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(bench.rounds + 1):
        name = f"large-{number}.bin"
        await asyncio.to_thread(noise, bench.site.home / name, size)
        for way in ways:
            await way.look()
            took = await timed(asyncio.to_thread(_read, way.home / name, size))
            if number:
                times[way.name].append(took)
        (bench.site.home / name).unlink()
    return _rows(f"read {size >> 20} MiB", times, 0.7)


async def small_files(bench: Bench, ways: list[Way]) -> list[Row]:
    """Many small files, until the last one is at the site."""
    count = bench.size(1000)
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(bench.rounds + 1):
        for way in ways:
            name = f"small-{number}-{way.name}"
            took = await timed(_create(way, name, count))
            if number:
                times[way.name].append(took)
            assert len(os.listdir(bench.site.home / name)) == count
    return _rows(f"{count} files of 4 KiB, written and at the site", times, 0.7)


async def listing(bench: Bench, ways: list[Way]) -> list[Row]:
    """``ls -l`` of a large folder that nobody has looked into."""
    count = bench.size(10_000)
    folder = bench.site.home / "many"
    folder.mkdir()
    for number in range(count):
        (folder / f"entry {number:05}.txt").write_bytes(b"x")
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for turn in range(bench.rounds + 1):
        for way in ways:
            await way.forget()
            took = await timed(_ls(way.home / "many", count))
            if turn:
                times[way.name].append(took)
    return _rows(f"ls -l of {count} entries", times, 1 / 1.5)


def _rows(what: str, times: dict[str, list[float]], least: float) -> list[Row]:
    mine, through, *direct = times.values()
    rows = [row("mount", f"{what}: plain rclone", mine, through, least)]
    for each in direct:
        known = row("mount", f"{what}: rclone on the node's disk", mine, each, 0)
        known.goal, known.met = "", None
        rows.append(known)
    return rows


def _read(path: Path, size: int) -> None:
    seen = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(MIB):
            seen += len(piece)
    assert seen == size


async def _create(way: Way, name: str, count: int) -> None:
    await asyncio.to_thread(_write, way.home / name, count)
    assert await way.flush(f"{way.top}/{name}".lstrip("/")) == []


def _write(folder: Path, count: int) -> None:
    folder.mkdir()
    content = os.urandom(SMALL)
    for number in range(count):
        (folder / f"{number}.bin").write_bytes(content)


async def _ls(folder: Path, count: int) -> None:
    process = await asyncio.create_subprocess_exec("ls", "-l", str(folder), stdout=PIPE)
    text, _ = await process.communicate()
    assert text.count(b"\n") == count + 1
