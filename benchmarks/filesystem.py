"""``cs3://`` beside aiohttp that reads the data gateway itself, and beside the client below it."""

from __future__ import annotations

import asyncio
import os
import statistics
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from benchmarks import servers
from benchmarks.comparison import Bench, Row, Times, row, timed
from benchmarks.downloads import MIB, Direct, noise
from jupyter_mesh.auth import write_token_file
from jupyter_mesh.fs import CS3FileSystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from benchmarks.servers import Site

    Operation = Callable[[], Awaitable[Any]]

AT_ONCE = 16
DELAY = 0.02
"""Seconds that every call of the gateway and every request for bytes takes longer at the far site."""


async def filesystem(bench: Bench) -> list[Row]:
    """Long reads, many small files, a long listing, many parts of one file at a site far away."""
    async with _login(bench, bench.site):
        rows = await _near(bench)
    far = await servers.start_site(bench.folder / "far", delay=DELAY)
    try:
        async with _login(bench, far):
            return [*rows, await _parts(bench, far)]
    finally:
        await servers.end(far.process)


@asynccontextmanager
async def _login(bench: Bench, site: Site) -> AsyncIterator[None]:
    """The environment of a user's server."""
    token = bench.folder / f"token-{site.pid}"
    write_token_file(token, await site.token())
    own = {"MESH_SITE": "alpine", "MESH_GATEWAY": site.gateway, "MESH_TOKEN_FILE": str(token)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        CS3FileSystem.clear_instance_cache()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def _near(bench: Bench) -> list[Row]:
    whole, count, many = bench.size(256) * MIB, bench.size(1000), bench.size(10_000)
    home = bench.site.home
    await asyncio.to_thread(noise, home / "long.bin", whole)
    for folder, files in (("small", count), ("many", many)):
        (home / folder).mkdir()
        for number in range(files):
            (home / folder / f"{number:05}.bin").write_bytes(os.urandom(1000))
    # As in a cell: synchronous, in a thread that is not the loop's.
    cell: CS3FileSystem = CS3FileSystem()
    fs: CS3FileSystem = CS3FileSystem(asynchronous=True, skip_instance_cache=True)
    names = [f"small/{number:05}.bin" for number in range(count)]

    def read_on() -> None:
        got = 0
        with cell.open("/home/long.bin") as file:
            while piece := file.read(MIB):
                got += len(piece)
        assert got == whole

    async with Direct.to(bench.site) as direct, bench.site.client() as client:
        turns = asyncio.Semaphore(AT_ONCE)

        async def read_one(name: str) -> int:
            async with turns:
                return await direct.read(name, {})

        async def read_all_directly() -> None:
            assert sum(await asyncio.gather(*map(read_one, names))) == 1000 * count

        async def read_all() -> None:
            found = await fs._cat([f"/home/{name}" for name in names], batch_size=AT_ONCE)
            assert sum(map(len, found.values())) == 1000 * count

        async def list_directly() -> None:
            assert len(await client.list_folder("home/many")) == many

        async def list_it() -> None:
            assert len(await fs._ls("/home/many", refresh=True)) == many

        cases: list[tuple[str, Operation, Operation, float]] = [
            (
                f"cs3://: {whole >> 20} MiB read piece by piece",
                lambda: asyncio.to_thread(read_on),
                lambda: direct.read("long.bin", {}),
                0.8,
            ),
            (f"cs3://: {count} files of 1 kB, {AT_ONCE} at once", read_all, read_all_directly, 0.5),
            (f"cs3://: listing of {many} entries, beside the client's", list_it, list_directly, 1 / 1.3),
        ]  # fmt: skip
        rows = [
            row("cs3", label, times.ours, times.theirs, round(least, 2))
            for label, ours, theirs, least in cases
            if (times := await _both(bench, ours, theirs))
        ]
        rows.append(await _first_byte(bench, fs))
    await fs._close()
    return rows


async def _both(bench: Bench, ours: Operation, theirs: Operation) -> Times:
    """Both in turns, after one round that does not count."""
    times = Times()
    for number in range(bench.rounds + 1):
        for taken, operation in ((times.theirs, theirs), (times.ours, ours)):
            took = await timed(operation())
            if number:
                taken.append(took)
    return times


async def _first_byte(bench: Bench, fs: CS3FileSystem) -> Row:
    """What a file costs from its opening to its first byte."""
    await fs._info("/home/long.bin")
    fs.invalidate_cache()
    before = await bench.site.counts()
    file = await fs.open_async("/home/long.bin")
    assert len(await file.read(1)) == 1
    await file.close()
    after = await bench.site.counts()
    asked = {name: after[name] - before.get(name, 0) for name in after}
    asked = {name: times for name, times in asked.items() if times and name != "counts"}
    calls = sum(times for name, times in asked.items() if name.isidentifier() and name != "GET")
    found = Row("cs3", "cs3://: calls of the gateway until the first byte", "", calls)
    found.goal, found.met, found.facts = "≤ 2", calls <= 2, {"asked": asked}
    return found


async def _parts(bench: Bench, far: Site) -> Row:
    """200 parts of 64 KB of one file, in round trips."""
    size = 64 * MIB
    await asyncio.to_thread(noise, far.home / "parts.bin", size)
    starts = [number * (size // 200) for number in range(200)]
    fs: CS3FileSystem = CS3FileSystem(asynchronous=True, skip_instance_cache=True)
    await fs._info("/home")
    times = []
    for _ in range(bench.rounds):
        fs.invalidate_cache()

        async def read() -> None:
            parts = await fs._cat_ranges(
                ["/home/parts.bin"] * 200, starts, [start + 65536 for start in starts]
            )
            assert all(len(part) == 65536 for part in parts)

        times.append(await timed(read()))
    await fs._close()
    trips = statistics.median(times) / DELAY
    found = Row("cs3", "cs3://: 200 parts of 64 KiB at 20 ms per question", "round trips", trips)
    found.goal, found.met = "≤ 3", trips <= 3
    found.facts["ms"] = [round(1000 * each, 1) for each in times]
    return found
