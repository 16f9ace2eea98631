"""Copies: what they cost, what they tell, and that nothing is left of those that do not end."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

import pytest
from aiohttp import web

from jupyter_mesh.cs3 import trees
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.failures import Refusal
from jupyter_mesh.errors import MeshError, TransferFailed
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


async def folder_of(mesh: MeshClient, files: int, size: int = 1000) -> None:
    await mesh.mkdir("home/a/b/empty", parents=True)
    for number in range(files):
        await mesh.upload(f"home/a/b/{number}.bin", bytes([number]) * size)


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_copy_of_a_file_is_a_download_and_an_upload(node: Node, flavour: str) -> None:
    async with node(flavour=flavour) as (site, mesh):
        await mesh.upload("home/a.bin", b"content", if_absent=True)
        site.calls.clear()
        copy = await mesh.copy("home/a.bin", "home/b.bin")
        assert copy.path == "home/b.bin"
        checked = flavour == "paths"
        assert dict(site.calls) == {
            "Stat": 3 if checked else 2,
            "InitiateFileDownload": 1,
            "GET": 1,
            "InitiateFileUpload": 1,
            "PUT": 1,
        }


async def test_a_copy_tells_how_far_it_is(node: Node) -> None:
    async with node() as (_, mesh):
        await folder_of(mesh, 8, size=3 << 20)
        told: list[tuple[int, int | None]] = []
        await mesh.copy("home/a", "home/c", progress=lambda *each: told.append(each))
        total = 8 * (3 << 20)
        assert told[0] == (0, None)
        assert told[1] == (0, total)
        assert told[-1] == (total, total)
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert len(told) > 8
        for number in range(8):
            assert await mesh.read(f"home/c/b/{number}.bin") == bytes([number]) * (3 << 20)


async def test_files_are_copied_side_by_side_but_not_too_many(node: Node) -> None:
    under_way = most = 0

    @web.middleware
    async def count(request: web.Request, handler):
        nonlocal under_way, most
        if request.method != "PUT":
            return await handler(request)
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(0.02)
            return await handler(request)
        finally:
            under_way -= 1

    async with node(middlewares=[count]) as (_, mesh):
        await folder_of(mesh, 20)
        most = 0
        await asyncio.gather(mesh.copy("home/a", "home/c"), mesh.copy("home/a", "home/d"))
        assert 2 <= most <= trees.AT_ONCE


@pytest.mark.parametrize("after", range(0, 25, 3))
async def test_a_cancelled_copy_leaves_nothing(node: Node, after: int) -> None:
    class Cancels(traps.Trap):
        left = -1

        async def answer(self, name, request, token, ask):
            reply = await ask()
            if name not in ("Delete", "Authenticate"):
                self.left -= 1
                if self.left == 0:
                    # The site has done it, and the answer never counts.
                    task.cancel()
                    await asyncio.sleep(0)
            return reply

    trap = Cancels()
    async with node(trap) as (_, mesh):
        await folder_of(mesh, 4)
        task = asyncio.ensure_future(mesh.copy("home/a", "home/c"))
        trap.left = after + 1
        with suppress(asyncio.CancelledError):
            await task
        # What was cut off is removed by the time the task has ended.
        assert [child.name for child in await mesh.list_folder("home")] in (["a"], ["a", "c"])
        if await mesh.exists("home/c"):
            assert {child.name for child in await mesh.list_folder("home/c/b")} == {
                "empty", "0.bin", "1.bin", "2.bin", "3.bin",
            }  # fmt: skip


async def test_a_file_that_changes_while_it_is_copied_is_not_mixed(node: Node) -> None:
    async with node() as (_, mesh):
        size = 40 << 20
        await mesh.upload("home/a.bin", bytes(size))
        changed = False
        patch = mesh._data.patch

        async def breaks_once(transfer, body, length, offset):
            nonlocal changed
            if not changed:
                changed = True
                await mesh.upload("home/a.bin", b"x" * size)
                async for _ in body:
                    raise cut_off()
            return await patch(transfer, body, length, offset)

        mesh._data.patch = breaks_once  # type: ignore[method-assign]
        with pytest.raises(TransferFailed, match="changed while it was copied"):
            await mesh.copy("home/a.bin", "home/b.bin")
        assert not await mesh.exists("home/b.bin")


def cut_off() -> Exception:

    return Refusal("PATCH", "UNAVAILABLE", "cut off")


async def test_a_download_that_breaks_in_a_copy_is_said(node: Node) -> None:
    broken = True

    @web.middleware
    async def cut(request: web.Request, handler):
        if request.method == "GET" and broken:
            reply = web.StreamResponse(headers={"Content-Length": str(4 << 20)})
            await reply.prepare(request)
            await reply.write(bytes(1 << 20))
            request.transport.abort()
            return reply
        return await handler(request)

    async with node(middlewares=[cut]) as (_, mesh):
        await mesh.upload("home/a.bin", bytes(4 << 20))
        with pytest.raises(MeshError, match=r"Could not read home/a\.bin to its end"):
            await mesh.copy("home/a.bin", "home/b.bin")
        broken = False
        assert [child.name for child in await mesh.list_folder("home")] == ["a.bin"]
        assert (await mesh.copy("home/a.bin", "home/b.bin")).size == 4 << 20
