"""``/files`` beside aiohttp reading the data gateway itself."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as gateway_stubs
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from benchmarks import servers
from benchmarks.comparison import Bench, Row, row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.servers import Site

MIB = 1 << 20


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
        await asyncio.to_thread(noise, server.disk / "whole.bin", whole)
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
                at = bench.mesh.cpu(), bench.site.cpu()
                begun = time.perf_counter()
                assert await bench.mesh.stream(name, **headers) == size
                mine = time.perf_counter() - begun
                cpu["server"] += bench.mesh.cpu() - at[0]
                cpu["site"] += bench.site.cpu() - at[1]
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
                cpu_ms={key: round(1000 * used / (rounds + 1), 1) for key, used in cpu.items()},
                mb_per_s=round(size / 1e6 / statistics.median(times["ours"])),
                direct_mb_per_s=round(size / 1e6 / statistics.median(times["direct"])),
                stock_local_mb_per_s=round(size / 1e6 / statistics.median(times["stock"])),
            )
            rows.append(found)
            memory = Row("files", f"{label}: memory of the server", "MiB", grown)
            memory.goal, memory.met = "≤ 32 MiB", grown <= 32
            rows.append(memory)
    return rows


def noise(path: Path, size: int) -> None:
    """A file of that many bytes that do not shrink."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)
