"""One gigabyte to the site and back, uncut and broken off on its way."""

from __future__ import annotations

import asyncio
import random
import statistics
from contextlib import suppress
from typing import TYPE_CHECKING

from benchmarks.comparison import Bench, Row, row, timed
from benchmarks.downloads import MIB, Direct, noise
from jupyter_mesh.transfers.fetching import download
from jupyter_mesh.transfers.notes import Notes
from jupyter_mesh.transfers.sending import upload
from jupyter_mesh.transfers.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cs3 import MeshClient

    Progress = Callable[[int, int | None], None]
    Move = Callable[[MeshClient, Progress | None], Awaitable[object]]

CUTS = 4
"""Times that each move is broken off; after each one a new client goes on."""


async def moves(bench: Bench) -> list[Row]:
    """Put and get of one large file; broken off anywhere, little of it may travel twice."""
    size = bench.size(1024) * MIB
    local, back = bench.folder / "big.bin", bench.folder / "back.bin"
    await asyncio.to_thread(noise, local, size)
    terms = Terms(notes=Notes(bench.folder / "resume"))
    label = f"{size >> 20} MiB"

    async def put(mesh: MeshClient, progress: Progress | None) -> object:
        return await upload(mesh, local, "home/big.bin", progress=progress, terms=terms)

    async def get(mesh: MeshClient, progress: Progress | None) -> object:
        return await download(mesh, "home/big.bin", back, progress=progress, terms=terms)

    rows = []
    sent, times = [], []
    for _ in range(bench.rounds):
        sent.append(await _broken(bench, put, size, "sent"))
        await _forget(bench)
        async with bench.site.client() as mesh:
            times.append(await timed(put(mesh, None)))
            if len(times) < bench.rounds:
                await mesh.delete("home/big.bin")
    rows.append(Row("moves", f"put of {label}", "MB/s", size / statistics.median(times) / 1e6))
    rows.append(_twice(f"put of {label}", sent))
    received, ours, theirs = [], [], []
    async with Direct.to(bench.site) as direct, bench.site.client() as mesh:
        for _ in range(bench.rounds):
            back.unlink(missing_ok=True)
            received.append(await _broken(bench, get, size, "received"))
            assert back.stat().st_size == size
            back.unlink()
            ours.append(await timed(get(mesh, None)))
            theirs.append(await timed(direct.read("big.bin", {})))
    rows.append(row("moves", f"get of {label} to a file, aiohttp to nowhere", ours, theirs, 0.5))
    rows.append(_twice(f"get of {label}", received))
    return rows


def _twice(what: str, found: list[float]) -> Row:
    name = f"{what}, broken off {CUTS} times and resumed: sent again for each"
    again = statistics.median(found)
    return Row("moves", name, "MiB", again, goal="≤ 17 MiB", met=again <= 17)


async def _forget(bench: Bench) -> None:
    async with bench.site.client() as mesh:
        await mesh.delete("home/big.bin")


async def _broken(bench: Bench, move: Move, size: int, way: str) -> float:
    """Break a move off at places chosen by lot, then let it end; returns the MiB that travelled twice for each."""
    stops = sorted(random.sample(range(size), CUTS))
    moved = sum([await _until(bench, move, way, stop) for stop in (*stops, size + 1)])
    return (moved - size) / CUTS / MIB


async def _until(bench: Bench, move: Move, way: str, stop: int) -> int:
    """A new client that is cut off when ``stop`` bytes are there; returns the bytes that travelled."""
    async with bench.site.client() as mesh:

        def progress(done: int, _: int | None) -> None:
            if done >= stop:
                task.cancel()

        task = asyncio.ensure_future(move(mesh, progress))
        with suppress(asyncio.CancelledError):
            await task
        return int(getattr(mesh.meter, way))
