"""Uploads to sites that believe, ignore, forget, process and break off."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    MeshError,
    NotAllowed,
    NotSupported,
    SiteError,
)
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


async def test_uploads_always_tell_their_true_length(node: Node, tmp_path: Path) -> None:
    trap = traps.EmptyingUpload()
    async with node(trap, middlewares=[traps.stores_no_chunks]) as (_, mesh):

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"piece"

        (tmp_path / "local").write_bytes(b"local")
        await mesh.upload("home/a", b"before")
        await mesh.upload("home/a", pieces())
        assert await mesh.read("home/a") == b"piece" * 3
        await mesh.upload("home/a", tmp_path / "local")
        with (tmp_path / "local").open("rb") as file:
            await mesh.upload("home/a", file)
        assert await mesh.read("home/a") == b"local"
        assert trap.fell == []
        assert trap.announced == [6, 15, 5, 5]


@pytest.mark.parametrize("content", [b"mine", b""], ids=["content", "empty"])
async def test_conditions_hold_on_sites_that_ignore_them(node: Node, content: bytes) -> None:
    async with node(traps.NoConditions()) as (site, mesh):
        old = await mesh.upload("home/a.txt", b"one")
        new = await mesh.upload("home/a.txt", b"theirs", if_match=old.etag)
        assert (await mesh.flavour()).can(Feature.CONDITIONS) is False
        site.calls.clear()
        with pytest.raises(Conflict):
            await mesh.upload("home/a.txt", content, if_match=old.etag)
        with pytest.raises(AlreadyExists):
            await mesh.upload("home/a.txt", content, if_absent=True)
        assert site.calls["InitiateFileUpload"] == 0
        assert (await mesh.stat("home/a.txt")).etag == new.etag


async def test_of_two_saves_at_once_one_wins_and_the_other_knows(node: Node) -> None:
    async with node() as (_, mesh):
        old = await mesh.upload("home/a.txt", b"old")
        await mesh.upload("home/b.txt", b"b")
        results = await asyncio.gather(
            *(mesh.upload("home/a.txt", text, if_match=old.etag) for text in (b"one", b"two")),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results].count("Conflict") == 1
        assert await mesh.read("home/a.txt") in (b"one", b"two")


async def test_reads_and_deletes_wait_for_the_site_to_finish(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mesh.cs3.base.FIRST_PAUSE", 0.001)
    trap = traps.Processing(stats=3)
    async with node(trap, middlewares=[trap.middleware]) as (_, mesh):
        for content in (b"one", b"two"):
            written = await mesh.upload("home/a.txt", content)
            assert not written.processing
            trap.left = 3
            assert await mesh.read("home/a.txt") == content
        trap.left = 2
        await mesh.delete("home/a.txt")
        assert not await mesh.exists("home/a.txt")


async def test_what_a_site_does_not_keep_is_not_needed(node: Node) -> None:
    trap = traps.KeepsNothing()
    async with node(trap, middlewares=[_no_etags]) as (_, mesh):
        written = await mesh.upload("home/a.txt", b"content")
        assert (written.checksum, written.name) == (None, "a.txt")
        written = await mesh.upload("home/a.txt", b"more", if_match=written.etag)
        with pytest.raises(Conflict):
            await mesh.upload("home/a.txt", b"x", if_match="stale")
        by_id = f".id/{written.id}"
        assert await mesh.read(by_id) == b"more"
        await mesh.list_folder("home")
        await mesh.mkdir(f".id/{(await mesh.stat('home')).id}/sub")
        for work in (mesh.lock("home/a.txt", "id"), mesh.get_lock("home/a.txt")):
            with pytest.raises(NotSupported):
                await work
        await mesh.delete(by_id)
        assert trap.fell == []


@web.middleware
async def _no_etags(request: web.Request, handler) -> web.StreamResponse:
    reply = await handler(request)
    for name in ("ETag", "OC-ETag"):
        reply.headers.popall(name, None)
    return reply


BIG = (16 << 20) + 12_345


@pytest.mark.parametrize("breaks", [1, 3])
async def test_large_uploads_go_on_after_a_break(node: Node, breaks: int) -> None:
    content = secrets.token_bytes(BIG)
    middlewares = [traps.breaks_patches(breaks, after=5 << 20)]
    async with node(middlewares=middlewares) as (site, mesh):
        written = await mesh.upload("home/big", content)
        assert written.size == BIG
        assert await mesh.read("home/big") == content
        # More than one question after a break, if the site is not done with it yet.
        assert breaks <= site.calls["HEAD"] <= 2 * breaks
        assert site.calls["InitiateFileUpload"] == 1
        assert site.calls["PUT"] == 0


async def test_large_uploads_without_tus_go_in_one_piece(node: Node) -> None:
    content = secrets.token_bytes(BIG)
    async with node(middlewares=[traps.refuses({"PATCH": [501]})]) as (site, mesh):
        await mesh.upload("home/big", content)
        assert await mesh.read("home/big") == content
        await mesh.upload("home/big", content)
        assert (site.calls["PATCH"], site.calls["PUT"]) == (1, 2)


async def test_a_transfer_that_ended_is_announced_again_once(node: Node) -> None:
    statuses = {"PUT": [403]}
    async with node(middlewares=[traps.refuses(statuses)]) as (site, mesh):
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"
        statuses["PUT"] = [403, 403, 403]
        site.calls.clear()
        with pytest.raises(NotAllowed):
            await mesh.upload("home/a.txt", b"more")
        assert site.calls["PUT"] == 2
        assert await mesh.read("home/a.txt") == b"content"


async def test_a_save_whose_answer_was_lost_is_found_to_be_done(node: Node) -> None:
    async with node(middlewares=[traps.drops_reply("PUT")]) as (site, mesh):
        await mesh.touch("home/a.txt")
        etag = (await mesh.stat("home/a.txt")).etag
        written = await mesh.upload("home/a.txt", b"content", if_match=etag)
        assert await mesh.read("home/a.txt") == b"content"
        assert (await mesh.stat("home/a.txt")).etag == written.etag
        assert site.calls["PUT"] == 1
        assert len(await mesh.versions("home/a.txt")) <= 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(412, Conflict), (419, SiteError), (460, SiteError), (500, SiteError), (507, MeshError)],
)
async def test_a_refused_put_saves_nothing(node: Node, status: int, error: type[MeshError]) -> None:
    statuses: dict[str, list[int]] = {}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.upload("home/a.txt", b"kept")
        statuses["PUT"] = [status, status]
        with pytest.raises(error):
            await mesh.upload("home/a.txt", b"lost")
        assert await mesh.read("home/a.txt") == b"kept"


async def test_a_cancelled_upload_saves_nothing(node: Node) -> None:
    async with node() as (_site, mesh):
        await mesh.upload("home/a.txt", b"kept")
        started = asyncio.Event()
        save = asyncio.ensure_future(
            mesh.upload("home/a.txt", bytes(40 << 20), progress=lambda _: started.set())
        )
        await started.wait()
        save.cancel()
        with pytest.raises(asyncio.CancelledError):
            await save
        assert await mesh.read("home/a.txt") == b"kept"


async def test_a_save_that_failed_inside_the_site_is_tried_once_more(node: Node) -> None:
    statuses = {"PUT": [500]}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.touch("home/a.txt")
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_file_that_is_gone_for_a_moment_is_no_conflict(node: Node, flavour: str) -> None:
    trap = traps.Fails()
    async with node(trap, flavour=flavour) as (_, mesh):
        old = await mesh.upload("home/a.txt", b"one")
        blink = ("NOT_FOUND", "path not found when statting")
        trap.next["Stat"] = [blink, None, blink]
        await mesh.upload("home/a.txt", b"two", if_match=old.etag)
        assert await mesh.read("home/a.txt") == b"two"


class TellsLate(traps.Trap):
    """Tells once, after an upload, of the file as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.late = 0

    async def answer(self, name: str, request: Any, token: str, ask: traps.Ask) -> Any:
        """Only the first answer is late."""
        reply = await ask()
        if name == "InitiateFileUpload":
            self.late = 1
        if name == "Stat" and self.late:
            self.late = 0
            reply.info.size = 0
        return reply


async def test_a_site_that_tells_late_of_a_save_has_not_lost_it(node: Node) -> None:
    async with node(TellsLate(), flavour="paths") as (_, mesh):
        saved = await mesh.upload("home/new.txt", b"new")
        assert saved.size == 3
        assert await mesh.read("home/new.txt") == b"new"
