"""What is measured, group by group. Both sides take turns in each; every figure is a median."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks import documents, servers
from benchmarks.comparison import Bench, Row, Times, row, timed
from benchmarks.downloads import MIB, Direct, files, noise
from benchmarks.filesystem import filesystem
from benchmarks.hub import hubs
from benchmarks.mounts import mount
from benchmarks.moves import moves
from benchmarks.proxy import delayed
from benchmarks.sharing import many

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from benchmarks.servers import Jupyter
    from jupyter_mesh.cs3 import MeshClient

    Operation = Callable[[], Awaitable[Any]]

DELAY = 0.05
"""Seconds that the proxy adds to every call of the gateway."""


async def listing(bench: Bench) -> list[Row]:
    """Folders of many files: after a change, and again unchanged."""
    async with bench.site.client() as other:
        return await _listing(bench, other)


async def _listing(bench: Bench, other: MeshClient) -> list[Row]:
    rows = []
    for whole, least in ((1_000, 5.0), (10_000, 12.0)):
        count = bench.size(whole)
        name = f"folder-{count}"
        for server in (bench.stock, bench.mesh):
            await asyncio.to_thread(_fill, server.disk / name, count)
        changed, unchanged = Times(), Times()
        for number in range(bench.rounds + 1):
            for server in (bench.stock, bench.mesh):
                # Another program changes one of the files.
                if server is bench.mesh:
                    await other.upload(f"home/{name}/file-00000.txt", b"x" * number)
                else:
                    (server.disk / name / "file-00000.txt").write_text("x" * number)
                bodies: list[bytes] = []

                async def read(
                    server: Jupyter = server, bodies: list[bytes] = bodies, name: str = name
                ) -> None:
                    bodies.append(await server.get(name))

                for times in (changed, unchanged):
                    mine = server is bench.mesh
                    await bench.turn(times, read, mine=mine, counts=number > 0)
                for body in bodies:
                    sizes = {entry["name"]: entry["size"] for entry in json.loads(body)["content"]}
                    assert len(sizes) == count
                    assert sizes["file-00000.txt"] == number, "an old listing was shown"
        label = f"listing of {count:,} entries".replace(",", " ")
        for times, said, goal in (
            (changed, label, least),
            (unchanged, f"{label}, again unchanged", 20.0),
        ):
            rows.append(row("listing", said, times.ours, times.theirs, goal, **times.cpu()))
    return rows


def _fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"file-{number:05}.txt").write_text("x")


async def notebooks(bench: Bench) -> list[Row]:
    """Open and save: Lab's GET with the content, and its PUT."""
    rows = []
    cases = {
        "1 MB of pictures": documents.pictures(1_000_000),
        "50 MB of pictures": documents.pictures(bench.size(50_000_000)),
        "10 MB of 1 KB cells": documents.small_cells(bench.size(10_000_000)),
    }
    for label, notebook in cases.items():
        body = documents.save_of(notebook)
        name = label.replace(" ", "-") + ".ipynb"
        pairs = {
            "save": lambda server, name=name, body=body: server.put(name, body),
            "open": lambda server, name=name: server.get(name, "content=1&hash=1"),
        }
        for verb, operation in pairs.items():
            times = await bench.versus(
                lambda operation=operation: operation(bench.mesh),
                lambda operation=operation: operation(bench.stock),
            )
            rows.append(
                row(
                    "notebooks",
                    f"{verb} a notebook, {label}",
                    times.ours,
                    times.theirs,
                    1.0,
                    bytes=len(body),
                    **times.cpu(),
                )
            )
    return rows


async def upload(bench: Bench) -> list[Row]:
    """A file in Lab's pieces of 1 MiB; the site must see one upload and keep one version."""
    count = bench.size(500)
    piece = base64.b64encode(os.urandom(MIB)).decode()

    async def send(server: Jupyter, name: str) -> None:
        for number in range(1, count + 1):
            await server.put(name, documents.chunk(piece, -1 if number == count else number))

    times = Times()
    seen: list[dict[str, int]] = []
    for turn in range(bench.rounds + 1):
        name = f"upload-{turn}.bin"
        await bench.turn(
            times, lambda name=name: send(bench.stock, name), mine=False, counts=turn > 0
        )
        before = await bench.site.counts()
        await bench.turn(
            times, lambda name=name: send(bench.mesh, name), mine=True, counts=turn > 0
        )
        after = await bench.site.counts()
        if turn > 0:
            # In the first one the client also finds out whether the site keeps conditions.
            seen.append({key: after[key] - before.get(key, 0) for key in after})
        for server in (bench.stock, bench.mesh):
            assert (server.disk / name).stat().st_size == count * MIB
            (server.disk / name).unlink()
    label = f"upload of {count} MiB in pieces of 1 MiB"
    uploads = max(counts["InitiateFileUpload"] for counts in seen)
    rows = [
        row(
            "upload",
            label,
            times.ours,
            times.theirs,
            1.5,
            calls_at_the_site=seen[-1],
            **times.cpu(),
        ),
        Row("upload", f"{label}: uploads at the site", "", uploads, goal="1", met=uploads == 1),
    ]
    await send(bench.mesh, "upload.bin")
    await send(bench.mesh, "upload.bin")
    versions = len(json.loads(await bench.mesh.ask("GET", _checkpoints("upload.bin")))) - 1
    label += ", twice: earlier versions"
    rows.append(Row("upload", label, "", versions, goal="1", met=versions == 1))
    return rows


def _checkpoints(name: str) -> str:
    return f"api/contents/home/{name}/checkpoints"


async def stalls(bench: Bench) -> list[Row]:
    """The longest time that the event loop of our server did nothing else."""
    folder = bench.mesh.disk
    await asyncio.to_thread(noise, folder / "50.bin", bench.size(48) * MIB)
    await asyncio.to_thread(noise, folder / "500.bin", bench.size(500) * MIB)
    await asyncio.to_thread(_fill, folder / "many", bench.size(10_000))
    cells = documents.save_of(documents.small_cells(bench.size(10_000_000)))
    server = bench.mesh
    await server.put("cells.ipynb", cells)

    async def nothing() -> None:
        await asyncio.sleep(1)

    async def changed_listing() -> None:
        async with bench.site.client() as other:
            await other.upload("home/many/file-00000.txt", str(time.time_ns()).encode())
        await server.stall()
        await server.get("many")

    async with Direct.to(bench.site) as direct:
        cases: dict[str, tuple[Callable[[], Awaitable[Any]], bool]] = {
            "nothing happens (noise)": (nothing, False),
            "two other processes exchange 500 MiB (noise)": (
                lambda: direct.read("500.bin", {}),
                False,
            ),
            "50 MB base64 is opened": (
                lambda: server.get("50.bin", "content=1&format=base64"),
                True,
            ),
            "a notebook of 10 MB in 1 KB cells is opened": (
                lambda: server.get("cells.ipynb"),
                True,
            ),
            "a notebook of 10 MB in 1 KB cells is saved": (
                lambda: server.put("cells.ipynb", cells),
                True,
            ),
            "10 000 entries are listed": (changed_listing, True),
            "500 MiB are downloaded": (lambda: server.stream("500.bin"), True),
        }
        rows = []
        for label, (operation, counts) in cases.items():
            longest = []
            for _ in range(bench.rounds):
                await server.stall()
                await operation()
                longest.append((await server.stall())["stall_ms"])
            found = Row("stalls", f"stall while {label}", "ms", statistics.median(longest))
            found.facts["all_ms"] = [round(each, 1) for each in longest]
            if counts:
                found.goal, found.met = "≤ 20 ms", found.ours <= 20
            rows.append(found)
    return rows


async def latency(bench: Bench) -> list[Row]:
    """Open and save where every call of the gateway takes 50 ms longer. Bytes travel undelayed."""
    body = documents.save_of(documents.pictures(100_000))
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(delayed(bench.site.gateway, DELAY))
        far = await stack.enter_async_context(
            await servers.mesh(bench.folder, "far", bench.site, address)
        )

        async def autosave() -> None:
            """What Lab does: look, save, look."""
            await far.get("far.ipynb", "content=0&hash=1")
            await far.put("far.ipynb", body)
            await far.get("far.ipynb", "content=0&hash=1")

        await far.put("far.ipynb", body)
        cases: dict[str, tuple[Callable[[], Awaitable[Any]], int]] = {
            "open": (lambda: far.get("far.ipynb", "content=1&hash=1"), 3),
            "save": (lambda: far.put("far.ipynb", body), 4),
            "save as Lab does it (look, save, look)": (autosave, 4),
            "list": (lambda: far.get("", "content=1"), 0),
        }
        rows = []
        for label, (operation, most) in cases.items():
            times = []
            for _ in range(bench.rounds):
                # What was seen a moment ago may be believed: this is about somebody who comes back.
                await asyncio.sleep(2.5)
                times.append(await timed(operation()))
            trips = statistics.median(times) / DELAY
            found = Row("latency", f"{label} at 50 ms per gateway call", "round trips", trips)
            found.facts["ms"] = [round(1000 * each, 1) for each in times]
            if most:
                found.goal, found.met = f"≤ {most}", trips <= most
            rows.append(found)
    return rows


GROUPS: dict[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    "listing": listing,
    "notebooks": notebooks,
    "files": files,
    "upload": upload,
    "moves": moves,
    "stalls": stalls,
    "latency": latency,
    "cs3": filesystem,
    "mount": mount,
    "sharing": many,
    "hub": hubs,
}


def plain(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [asdict(each) for each in rows]
