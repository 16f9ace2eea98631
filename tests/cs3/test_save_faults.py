"""Saves that are cut off at the worst moment: the old content is whole, and one sentence says what happened."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_mesh.cs3 import data
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import DeadlineExceeded, NotFound, SiteError, Unavailable
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite, start_node

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]

SIMPLE, TUS = 4 << 20, 40 << 20


@pytest.mark.parametrize("size", [SIMPLE, TUS], ids=["in one piece", "in pieces"])
async def test_a_site_killed_in_the_middle_of_a_save(tmp_path: Path, size: int) -> None:
    folder = tmp_path / "data"
    async with start_node(folder) as site, site.client() as mesh:
        old = await mesh.upload("home/a.bin", b"kept")
        assert site.process is not None
        process = site.process

        def kill(sent: int) -> None:
            if sent >= size // 2 and process.returncode is None:
                process.send_signal(signal.SIGKILL)

        with pytest.raises(Unavailable, match="alpine does not answer"):
            await mesh.upload("home/a.bin", bytes(size), if_match=old.etag, progress=kill)
        await process.wait()
        ports = [int(address.rpartition(":")[2]) for address in (site.gateway, site.url)]
        async with (
            start_node(folder, gateway_port=ports[0], http_port=ports[1]) as again,
            again.client() as fresh,
        ):
            assert await fresh.read("home/a.bin") == b"kept"
            # The client that was cut off goes on by itself.
            async with asyncio.timeout(20):
                while True:
                    try:
                        await mesh.upload("home/a.bin", bytes(size), if_match=old.etag)
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)
            assert await mesh.read("home/a.bin") == bytes(size)


async def taken(request: web.Request) -> None:
    """The whole body has arrived."""
    async for _ in request.content.iter_any():
        pass


@pytest.mark.parametrize("takes_all", [True, False], ids=["after the last byte", "in the middle"])
async def test_a_site_that_hangs_in_a_save(
    node: Node, monkeypatch: pytest.MonkeyPatch, takes_all: bool
) -> None:
    hanging = False

    @web.middleware
    async def hang(request: web.Request, handler):
        if request.method != "PUT" or not hanging:
            return await handler(request)
        if takes_all:
            await taken(request)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async with node(middlewares=[hang]) as (site, mesh):
        old = await mesh.upload("home/a.bin", b"kept")
        monkeypatch.setattr(data, "STALL", 0.2)
        monkeypatch.setattr(data, "STORED_PER_SECOND", 1 << 30)
        hanging = True
        site.calls.clear()
        with pytest.raises(DeadlineExceeded, match="gave no answer in time"):
            await mesh.upload("home/a.bin", bytes(15 << 20), if_match=old.etag)
        assert site.calls["PUT"] == 1
        hanging = False
        assert await mesh.read("home/a.bin") == b"kept"


@pytest.mark.parametrize("size", [SIMPLE, TUS], ids=["in one piece", "in pieces"])
@pytest.mark.parametrize("status", [500, 502])
async def test_a_data_gateway_that_fails(node: Node, size: int, status: int) -> None:
    statuses: dict[str, list[int]] = {}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.upload("home/a.bin", b"kept")
        method = "PUT" if size == SIMPLE else "PATCH"
        statuses[method] = [status] * 20
        with pytest.raises((SiteError, Unavailable), match=r"Could not save home/a\.bin: alpine"):
            await mesh.upload("home/a.bin", bytes(size))
        del statuses[method]
        assert await mesh.read("home/a.bin") == b"kept"


async def test_a_connection_cut_in_the_middle_of_a_save(node: Node) -> None:
    @web.middleware
    async def cut(request: web.Request, handler):
        if request.method == "PUT" and (request.content_length or 0) > 100:
            await request.content.readany()
            request.transport.abort()
        return await handler(request)

    async with node(middlewares=[cut]) as (site, mesh):
        old = await mesh.upload("home/a.bin", b"kept")
        site.calls.clear()
        with pytest.raises(Unavailable, match="does not answer"):
            await mesh.upload("home/a.bin", bytes(SIMPLE), if_match=old.etag)
        assert site.calls["PUT"] == 2, "tried once more, since nothing had arrived"
        assert await mesh.read("home/a.bin") == b"kept"
        assert len(await mesh.versions("home/a.bin")) == 0


async def test_a_token_that_ends_in_the_middle_of_an_upload(node: Node) -> None:
    statuses = {"PATCH": [0, 401]}

    @web.middleware
    async def ends(request: web.Request, handler):
        waiting = statuses.get(request.method)
        if waiting and (status := waiting.pop(0)):
            await taken(request)
            return web.Response(status=status)
        return await handler(request)

    async with node(middlewares=[ends]) as (site, mesh):
        before = await site.tokens().token()
        await mesh.touch("home/a.bin")
        site.calls.clear()
        await mesh.upload("home/a.bin", bytes(TUS))
        assert await mesh.read("home/a.bin") == bytes(TUS)
        assert await site.tokens().token() != before
        assert site.calls["InitiateFileUpload"] == 1, "it goes on where it was"


async def test_a_folder_that_somebody_makes_at_this_moment(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.mkdir("home/new")
        trap.next["InitiateFileUpload"] = [("FAILED_PRECONDITION", "no such folder")]
        # No conflict: whoever makes folders as needed makes it, and goes on.
        with pytest.raises(NotFound, match="home/new was not there yet"):
            await mesh.upload("home/new/a.txt", b"a")
        assert (await mesh.upload("home/new/a.txt", b"a")).size == 1
