"""What is measured, group by group. Both sides take turns in each; every figure is a median."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as gateway_stubs
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from benchmarks import documents, servers
from benchmarks.proxy import delayed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from benchmarks.servers import Jupyter, Site
    from jupyter_mesh.cs3 import MeshClient

    Operation = Callable[[], Awaitable[Any]]

MIB = 1 << 20
DELAY = 0.05
"""Seconds that the proxy adds to every call of the gateway."""


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

    async def versus(self, ours: Operation, theirs: Operation) -> tuple[list[float], list[float]]:
        """Seconds of both, in turns, after one round that does not count."""
        mine: list[float] = []
        other: list[float] = []
        for number in range(self.rounds + 1):
            for operation, times in ((theirs, other), (ours, mine)):
                took = await timed(operation())
                if number:
                    times.append(took)
        return mine, other


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
        number = 0

        async def changed(server: Jupyter, name: str = name, count: int = count) -> float:
            """Time of a listing after another program has changed one of the files."""
            nonlocal number
            number += 1
            if server is bench.mesh:
                await other.upload(f"home/{name}/file-00000.txt", b"x" * number)
            else:
                (server.disk / name / "file-00000.txt").write_text("x" * number)
            began = time.perf_counter()
            body = await server.get(name)
            took = time.perf_counter() - began
            entries = {entry["name"]: entry for entry in json.loads(body)["content"]}
            assert len(entries) == count
            assert entries["file-00000.txt"]["size"] == number, "an old listing was shown"
            return took

        first = {id(server): [] for server in (bench.stock, bench.mesh)}
        again = {id(server): [] for server in (bench.stock, bench.mesh)}
        for turn in range(bench.rounds + 1):
            for server in (bench.stock, bench.mesh):
                took = await changed(server)
                repeated = await timed(server.get(name))
                if turn:
                    first[id(server)].append(took)
                    again[id(server)].append(repeated)
        ours, theirs = id(bench.mesh), id(bench.stock)
        label = f"listing of {count:,} entries".replace(",", " ")
        rows.append(row("listing", label, first[ours], first[theirs], least))
        rows.append(row("listing", f"{label}, again unchanged", again[ours], again[theirs], 20.0))
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
            ours, theirs = await bench.versus(
                lambda operation=operation: operation(bench.mesh),
                lambda operation=operation: operation(bench.stock),
            )
            rows.append(
                row("notebooks", f"{verb} a notebook, {label}", ours, theirs, 1.0, bytes=len(body))
            )
    return rows


class Direct:
    """aiohttp reading the data gateway of the site, with as little around it as can be."""

    def __init__(self, stub: Any, token: str, session: aiohttp.ClientSession, home: Any) -> None:
        self._stub = stub
        self._metadata = (("x-access-token", token),)
        self._session = session
        self._home = home

    @classmethod
    @asynccontextmanager
    async def to(cls, site: Site) -> AsyncIterator[Direct]:
        """One who has logged in, and knows where the user's files are."""
        token = await site.token()
        async with (
            aiohttp.ClientSession(read_bufsize=1 << 20, auto_decompress=False) as session,
            grpc.aio.insecure_channel(site.gateway) as channel,
        ):
            stub = gateway_stubs.GatewayAPIStub(channel)
            reply = await stub.ListStorageSpaces(
                spaces_api.ListStorageSpacesRequest(), metadata=(("x-access-token", token),)
            )
            (home,) = (each for each in reply.storage_spaces if each.space_type == "personal")
            yield cls(stub, token, session, home.root)

    async def read(self, name: str, headers: dict[str, str]) -> int:
        """InitiateFileDownload, which gives the token for the bytes, and the bytes; returns their number."""
        ref = resources.Reference(resource_id=self._home, path=f"./{name}")
        reply = await self._stub.InitiateFileDownload(
            provider.InitiateFileDownloadRequest(ref=ref), metadata=self._metadata
        )
        (offer,) = reply.protocols
        tokens = {"X-Reva-Transfer": offer.token, "x-access-token": self._metadata[0][1]}
        return await servers.drain(self._session, offer.download_endpoint, tokens | headers)


async def files(bench: Bench) -> list[Row]:
    """``/files``: a whole file, and a part in the middle of a bigger one, against the data gateway itself."""
    whole, sparse = bench.size(1000) * MIB, bench.size(5000) * MIB
    for server in (bench.stock, bench.mesh):
        await asyncio.to_thread(_noise, server.disk / "whole.bin", whole)
        with (server.disk / "sparse.bin").open("wb") as file:
            os.truncate(file.fileno(), sparse)
    middle = sparse // 2
    part = {"Range": f"bytes={middle}-{middle + MIB - 1}"}
    rows = []
    async with Direct.to(bench.site) as direct:
        cases = (
            (f"/files: {whole >> 20} MiB whole", "whole.bin", whole, {}),
            (f"/files: 1 MiB in the middle of {sparse >> 20} MiB", "sparse.bin", MIB, part),
        )
        for label, name, size, headers in cases:
            times: dict[str, list[float]] = {"ours": [], "direct": [], "stock": []}
            grown = 0.0
            cpu = {"server": 0.0, "site": 0.0}
            rounds = bench.rounds if size > MIB else 5 * bench.rounds
            for turn in range(rounds + 1):
                begun = time.perf_counter()
                assert await direct.read(name, headers) == size
                theirs = time.perf_counter() - begun
                before = bench.mesh.memory()
                bench.mesh.forget_peak()
                used = bench.mesh.cpu(), bench.site.cpu()
                begun = time.perf_counter()
                assert await bench.mesh.stream(name, **headers) == size
                mine = time.perf_counter() - begun
                cpu["server"] += bench.mesh.cpu() - used[0]
                cpu["site"] += bench.site.cpu() - used[1]
                begun = time.perf_counter()
                assert await bench.stock.stream(name, **headers) == size
                other = time.perf_counter() - begun
                if turn:
                    grown = max(grown, bench.mesh.memory("VmHWM") - before)
                    for key, took in (("ours", mine), ("direct", theirs), ("stock", other)):
                        times[key].append(took)
            found = row(
                "files",
                label,
                times["ours"],
                times["direct"],
                0.8,
                server_cpu_s=round(cpu["server"] / (rounds + 1), 3),
                site_cpu_s=round(cpu["site"] / (rounds + 1), 3),
                mb_per_s=round(size / 1e6 / statistics.median(times["ours"])),
                direct_mb_per_s=round(size / 1e6 / statistics.median(times["direct"])),
                stock_local_mb_per_s=round(size / 1e6 / statistics.median(times["stock"])),
            )
            rows.append(found)
            memory = Row("files", f"{label}: memory of the server", "MiB", grown)
            memory.goal, memory.met = "≤ 32 MiB", grown <= 32
            rows.append(memory)
    return rows


def _noise(path: Path, size: int) -> None:
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)


async def upload(bench: Bench) -> list[Row]:
    """A file in Lab's pieces of 1 MiB; the site must see one upload and keep one version."""
    count = bench.size(500)
    piece = base64.b64encode(os.urandom(MIB)).decode()

    async def send(server: Jupyter, name: str) -> None:
        for number in range(1, count + 1):
            await server.put(name, documents.chunk(piece, -1 if number == count else number))

    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    seen: list[dict[str, int]] = []
    for turn in range(bench.rounds + 1):
        name = f"upload-{turn}.bin"
        theirs = await timed(send(bench.stock, name))
        before = await bench.site.counts()
        ours = await timed(send(bench.mesh, name))
        after = await bench.site.counts()
        seen.append({key: after[key] - before.get(key, 0) for key in after})
        for server in (bench.stock, bench.mesh):
            assert (server.disk / name).stat().st_size == count * MIB
            (server.disk / name).unlink()
        if turn:
            times["ours"].append(ours)
            times["theirs"].append(theirs)
    label = f"upload of {count} MiB in pieces of 1 MiB"
    uploads = max(counts["InitiateFileUpload"] for counts in seen)
    rows = [
        row("upload", label, times["ours"], times["theirs"], 1.5, calls_at_the_site=seen[-1]),
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
    await asyncio.to_thread(_noise, folder / "50.bin", bench.size(48) * MIB)
    await asyncio.to_thread(_noise, folder / "500.bin", bench.size(500) * MIB)
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
    "stalls": stalls,
    "latency": latency,
}


def plain(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [asdict(each) for each in rows]
