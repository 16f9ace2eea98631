"""Reading in parts where connections break, ways in end, and sites keep no promises."""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import SiteError, TransferFailed
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]

LARGE = secrets.token_bytes(3_000_000)
PARTS = [(start, start + 1000) for start in range(0, len(LARGE), 100_000)]


def breaks(times: int, after: int) -> Any:
    """A data gateway whose connection breaks ``after`` bytes into the next answers to GET."""
    left = [times]

    @web.middleware
    async def broken(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method != "GET" or not left[0]:
            return await handler(request)
        left[0] -= 1
        first = int(request.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        status = 206 if "Range" in request.headers else 200
        reply = web.StreamResponse(status=status)
        if status == 206:
            reply.headers["Content-Range"] = f"bytes {first}-{len(LARGE) - 1}/{len(LARGE)}"
        reply.content_length = len(LARGE) - first
        await reply.prepare(request)
        await reply.write(LARGE[first : first + after])
        request.transport.close()
        return reply

    return broken


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_broken_download_goes_on_where_it_was(node: Node, flavour: str) -> None:
    async with node(flavour=flavour, middlewares=[breaks(2, 500_000)]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        reader = await mesh.reader("home/large")
        assert await reader.read() == LARGE


async def test_a_download_that_never_comes_is_given_up(node: Node) -> None:
    async with node(middlewares=[breaks(100, 0)]) as (site, mesh):
        await mesh.upload("home/large", LARGE)
        reader = await mesh.reader("home/large")
        with pytest.raises(TransferFailed):
            await reader.read()
        assert site.calls["GET"] < 20


async def test_one_way_in_serves_all_parts(node: Node) -> None:
    async with node() as (site, mesh):
        await mesh.upload("home/large", LARGE)
        site.calls.clear()
        reader = await mesh.reader("home/large")
        for _ in range(2):
            assert await reader.ranges(PARTS) == [LARGE[start:stop] for start, stop in PARTS]
        calls = {"Stat": 1, "InitiateFileDownload": 1, "GET": 2 * len(PARTS)}
        assert dict(site.calls) == calls


async def test_a_way_in_that_has_ended_is_asked_for_again(node: Node) -> None:
    statuses: dict[str, list[int]] = {"GET": []}
    async with node(middlewares=[traps.refuses(statuses)]) as (site, mesh):
        await mesh.upload("home/large", LARGE)
        reader = await mesh.reader("home/large")
        assert await reader.read(0, 9) == LARGE[:9]
        site.calls.clear()
        statuses["GET"] = [403] * 3
        assert await reader.ranges(PARTS) == [LARGE[start:stop] for start, stop in PARTS]
        assert site.calls["InitiateFileDownload"] <= 3


async def test_a_site_without_ranges_sends_a_file_once(node: Node) -> None:
    async with node(middlewares=[traps.no_ranges]) as (site, mesh):
        await mesh.upload("home/large", LARGE)
        site.calls.clear()
        reader = await mesh.reader("home/large")
        assert await reader.ranges(PARTS) == [LARGE[start:stop] for start, stop in PARTS]
        # One in vain, one for all.
        assert site.calls["GET"] == 2


@pytest.mark.parametrize("told", ["bytes 7-1006/3000000", "bytes 0-9/3000000"])
async def test_another_part_than_was_asked_for_is_refused(node: Node, told: str) -> None:
    @web.middleware
    async def wrong(request: web.Request, handler: Any) -> web.StreamResponse:
        if "Range" in request.headers:
            return web.Response(body=LARGE[:1000], status=206, headers={"Content-Range": told})
        return await handler(request)

    async with node(middlewares=[wrong]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        reader = await mesh.reader("home/large")
        with pytest.raises(SiteError):
            await reader.ranges([(1000, 2000)])


async def test_a_server_that_ignores_ranges_is_noticed(node: Node) -> None:
    @web.middleware
    async def whole(request: web.Request, handler: Any) -> web.StreamResponse:
        if "Range" in request.headers:
            return web.Response(body=LARGE)
        return await handler(request)

    async with node(middlewares=[whole]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        reader = await mesh.reader("home/large")
        assert await reader.ranges(PARTS) == [LARGE[start:stop] for start, stop in PARTS]


@pytest.mark.parametrize("spans", [[(0, 99)], [(1, 40), (45, 70)], []])
async def test_spans_bring_their_parts_and_keep_nothing_else(node: Node, spans) -> None:
    """Also parts that overlap, come in any order, are empty, or end beyond the file."""
    content = bytes(range(60))
    wanted = [(50, 70), (3, 9), (9, 9), (5, 40), (1, 2), (5, 6), (45, 50)]
    async with node() as (site, mesh):
        await mesh.upload("home/a", content)
        reader = await mesh.reader("home/a")
        before = site.calls["GET"]
        assert await reader.ranges(wanted, spans) == [content[start:stop] for start, stop in wanted]
        assert site.calls["GET"] - before == (len(spans) or 6)
