"""Downloads from sites without ranges, with other versions, and with broken ends."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.spooling import Copies, LocalCopy
from jupyter_mesh.errors import (
    MeshError,
    NotAllowed,
    NotSupported,
    SiteError,
)
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


async def test_parts_of_files_on_sites_without_ranges(node: Node) -> None:
    async with node(middlewares=[traps.no_ranges]) as (site, mesh):
        await mesh.upload("home/ten", b"0123456789")
        for start, stop, expected in ((3, 7, b"3456"), (8, None, b"89")):
            async with mesh.download("home/ten", start=start, stop=stop) as download:
                assert await download.read() == expected
        # Asked in vain once, remembered then.
        assert site.calls["GET"] == 3


LARGE = secrets.token_bytes(5_000_000)


async def part(mesh: MeshClient, start: int) -> None:
    async with mesh.download("home/large", start=start, stop=start + 1000) as download:
        assert await download.read() == LARGE[start : start + 1000]


async def test_many_parts_cost_one_download_where_there_are_no_ranges(node: Node) -> None:
    async with node(middlewares=[traps.no_ranges]) as (site, mesh):
        await mesh.upload("home/large", LARGE)
        await part(mesh, 4_000_000)
        await asyncio.gather(*(part(mesh, start) for start in range(1000, 2_000_000, 100_000)))
        # One in vain, one for all.
        assert site.calls["GET"] == 2
        await mesh.upload("home/large", LARGE[::-1])
        async with mesh.download("home/large", start=1, stop=9) as download:
            assert await download.read() == LARGE[::-1][1:9]
        assert site.calls["GET"] == 3


async def test_two_parts_that_are_asked_for_at_once_begin_one_copy(node: Node, monkeypatch) -> None:
    """Both find that the site sends all; the second one must not drop the copy of the first one."""
    both = asyncio.Barrier(2)
    has_room, keep, kept = Copies.has_room, Copies.keep, []

    async def at_once(copies: Copies, size: int) -> bool:
        await both.wait()
        return await has_room(copies, size)

    def counted(*args) -> LocalCopy:
        kept.append(keep(*args))
        return kept[-1]

    async with node(middlewares=[traps.no_ranges]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        async with mesh.download("home/large", start=0, stop=9) as download:
            await download.read()
        monkeypatch.setattr(Copies, "has_room", at_once)
        monkeypatch.setattr(Copies, "keep", counted)
        async with asyncio.timeout(60):
            await asyncio.gather(part(mesh, 1000), part(mesh, 4_000_000))
        assert len(kept) == 1


async def test_a_copy_that_breaks_off_is_an_error_and_is_not_kept(node: Node) -> None:
    broken = [True]

    @web.middleware
    async def half(request: web.Request, handler) -> web.StreamResponse:
        if request.method != "GET" or "Range" in request.headers or not broken:
            return await handler(request)
        broken.pop()
        reply = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
        await reply.prepare(request)
        await reply.write(LARGE[:3_000_000])
        request.transport.abort()
        return reply

    async with node(middlewares=[traps.no_ranges, half]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        with pytest.raises(MeshError, match=r"home/large"):
            await part(mesh, 4_000_000)
        await part(mesh, 4_000_000)


async def test_copies_leave_nothing_behind(node: Node, tmp_path, monkeypatch) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(kept))

    def still_open() -> list[str]:
        """Files of that folder that this process has open, also those without a name."""
        links = []
        for each in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                links.append(str(each.readlink()))
        return [link for link in links if link.startswith(str(kept))]

    async with node(middlewares=[traps.no_ranges]) as (_, mesh):
        await mesh.upload("home/large", LARGE)
        await part(mesh, 4_000_000)
        assert len(still_open()) == 1
        monkeypatch.setattr("jupyter_mesh.cs3.spooling.KEPT", 0.01)
        await part(mesh, 4_000_000)
        assert list(kept.iterdir()) == []
        for _ in range(1000):
            if mesh.spooled:
                await asyncio.sleep(0.01)
        assert mesh.spooled == 0
        monkeypatch.setattr("jupyter_mesh.cs3.spooling.AT_MOST", 4_000_000)
        await part(mesh, 4_000_000)
        assert mesh.spooled == 0
        assert still_open() == []


async def test_a_version_is_not_mistaken_for_the_present(node: Node) -> None:
    class IgnoresKeys(traps.Trap):
        async def answer(self, name, request, token, ask):
            if name == "InitiateFileDownload":
                request.opaque.map.pop("version_key", None)
            return await ask()

    async with node(IgnoresKeys(), flavour="paths") as (_, mesh):
        for content in (b"old", b"new"):
            await mesh.upload("home/a.txt", content)
        (version,) = await mesh.versions("home/a.txt")
        for _ in range(2):
            with pytest.raises(NotSupported):
                async with mesh.download("home/a.txt", version=version.key):
                    pass
        await mesh.restore_version("home/a.txt", version.key)
        assert await mesh.read("home/a.txt") == b"old"


async def test_content_that_ends_early_is_an_error(node: Node) -> None:
    @web.middleware
    async def half(request: web.Request, handler) -> web.StreamResponse:
        if request.method != "GET":
            return await handler(request)
        reply = web.StreamResponse(headers={"Content-Length": "10"})
        await reply.prepare(request)
        await reply.write(b"01234")
        request.transport.abort()
        return reply

    async with node(middlewares=[half]) as (_, mesh):
        await mesh.upload("home/ten", b"0123456789")
        with pytest.raises(MeshError):
            await mesh.read("home/ten")


async def test_a_file_that_changes_under_the_read_is_read_whole(node: Node) -> None:
    async with node() as (site, mesh):
        await mesh.upload("home/a.txt", b"old")

        stat = mesh._stat

        async def then_save(place):
            found = await stat(place)
            mesh._stat = stat
            async with site.client() as writer:
                await writer.upload("home/a.txt", b"longer than before")
            return found

        mesh._stat = then_save
        async with mesh.download("home/a.txt") as download:
            assert await download.read() == b"longer than before"
            assert download.resource.etag == (await mesh.stat("home/a.txt")).etag


async def test_another_size_than_that_of_the_version_is_not_shown(node: Node) -> None:
    class SendsThePresent(traps.Trap):
        async def answer(self, name, request, token, ask):
            if name == "InitiateFileDownload" and ".REV." in request.ref.resource_id.opaque_id:
                version = request.ref.resource_id
                version.opaque_id = version.opaque_id.partition(".REV.")[0]
            return await ask()

    async with node(SendsThePresent()) as (_, mesh):
        for content in (b"old", b"the present"):
            await mesh.upload("home/a.txt", content)
        (version,) = await mesh.versions("home/a.txt")
        with pytest.raises(NotSupported):
            async with mesh.download("home/a.txt", version=version.key):
                pass


async def test_a_part_that_begins_elsewhere_is_refused(node: Node) -> None:
    @web.middleware
    async def elsewhere(request: web.Request, handler) -> web.StreamResponse:
        if "Range" not in request.headers:
            return await handler(request)
        part = {"Content-Range": "bytes 0-3/10"}
        return web.Response(status=206, body=b"0123", headers=part)

    async with node(middlewares=[elsewhere]) as (_, mesh):
        await mesh.upload("home/ten", b"0123456789")
        with pytest.raises(SiteError, match="another part"):
            async with mesh.download("home/ten", start=4, stop=8):
                pass


async def test_a_read_that_failed_inside_the_site_is_tried_again(node: Node) -> None:
    statuses = {"GET": [500]}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"
        statuses["GET"] = [500] * 10
        with pytest.raises(SiteError, match=r"Could not open home/a\.txt"):
            await mesh.read("home/a.txt")


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.org/data",
        "http://elsewhere.example.org/data",
        "https://127.0.0.1.example.org/data",
        "ftp://127.0.0.1/data",
        "file:///etc/passwd",
        "https://elsewhere.example.org@127.0.0.2.example.org/",
        "",
    ],
)
async def test_the_token_goes_to_no_other_host(node: Node, url: str) -> None:
    trap = traps.OtherDataHost("")
    async with node(trap) as (_, mesh):
        await mesh.touch("home/a.txt")
        await mesh.set_metadata("home/a.txt", {"a": "b"})
        trap.url = url
        with pytest.raises((NotAllowed, NotSupported)):
            await mesh.upload("home/a.txt", b"content")


async def test_redirects_are_not_followed(node: Node) -> None:
    went: list[str] = []

    @web.middleware
    async def redirect(request: web.Request, handler) -> web.StreamResponse:
        went.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with node(middlewares=[redirect]) as (_, mesh):
        with pytest.raises(SiteError):
            await mesh.upload("home/a.txt", b"content")
        assert set(went) == {"/data"}
