"""What costs people their files on real sites: it is never sent."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import (
    Conflict,
    InvalidRequest,
    MeshError,
    Unavailable,
)
from jupyter_mesh.models import BinItem, Kind
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


async def test_roots_are_not_deleted_and_nothing_moves_into_itself(node: Node) -> None:
    trap = traps.DestroyingDelete()
    async with node(trap) as (site, mesh):
        await mesh.mkdir("home/a/b", parents=True)
        home = (await mesh.stat("home")).id
        for path in ("home", "projects/dimuon", f".id/{home}", "projects", ""):
            with pytest.raises(InvalidRequest):
                await mesh.delete(path)
            with pytest.raises(InvalidRequest):
                await mesh.move(path, "home/x")
        inside = (await mesh.stat("home/a/b")).id
        for source, target in (
            ("home/a", "home/a"),
            ("home/a", "home/a/b/c"),
            (f".id/{home}/a", "home/a/c"),
            ("home/a", f".id/{home}/a/c"),
            ("home/a", f".id/{inside}/c"),
        ):
            with pytest.raises(InvalidRequest):
                await mesh.move(source, target)
        assert trap.fell == []
        assert (site.calls["Delete"], site.calls["Move"]) == (0, 0)
        await mesh.move("home/a/b", f".id/{home}/b")
        assert await mesh.exists("home/b")


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_deleting_the_mount_of_a_share_leaves_it(node: Node, flavour: str) -> None:
    trap = traps.SharedFolder("data")
    async with node(trap, flavour=flavour) as (site, mesh):
        await mesh.mkdir("home/owners")
        await mesh.upload("home/owners/theirs.txt", b"theirs")
        trap.shared = (await mesh.stat("home/owners")).id
        (share,) = await mesh.list_folder("shares")
        assert (share.path, share.kind) == ("shares/data", Kind.DIRECTORY)
        assert [child.path for child in await mesh.list_folder("shares/data")] == [
            "shares/data/theirs.txt"
        ]
        assert await mesh.read("shares/data/theirs.txt") == b"theirs"
        for path in ("shares/data", f".id/{trap.shared}"):
            with pytest.raises(InvalidRequest):
                await mesh.move(path, "home/mine")
        await mesh.delete(f".id/{trap.shared}")
        trap.answers.clear()
        mesh._places.forget()
        await mesh.delete("shares/data")
        assert trap.answers == ["SHARE_STATE_REJECTED"]
        assert trap.fell == []
        assert site.calls["Delete"] == 0
        assert await mesh.list_folder("shares") == []
        assert await mesh.read("home/owners/theirs.txt") == b"theirs"


async def test_the_mount_of_a_share_has_no_address(node: Node) -> None:
    jail = "a0ca6a90-a365-4782-871e-d44447bbc668"
    async with node() as (site, mesh):
        with pytest.raises(InvalidRequest):
            await mesh.delete(f".id/{jail}${jail}!mount-of-a-share")
        assert site.calls["Delete"] == 0


@pytest.mark.parametrize("key", ["", "/"])
async def test_the_bin_is_never_emptied(node: Node, key: str) -> None:
    async with node() as (site, mesh):
        await mesh.touch("home/a.txt")
        await mesh.delete("home/a.txt")
        item = BinItem(
            key=key, path="home/a.txt", kind=Kind.FILE, size=0, deleted=datetime.now(UTC)
        )
        for work in (mesh.purge_from_bin, mesh.restore_from_bin):
            with pytest.raises(InvalidRequest):
                await work(item)
        assert site.calls["PurgeRecycle"] == 0
        assert len(await mesh.bin()) == 1


async def test_a_move_between_spaces_is_a_copy_and_a_delete(node: Node) -> None:
    async with node() as (_, mesh):
        await mesh.mkdir("home/a/b", parents=True)
        await mesh.upload("home/a/b/c.txt", b"content")
        moved = await mesh.move("home/a", "projects/dimuon/a")
        assert moved.is_directory
        assert await mesh.read("projects/dimuon/a/b/c.txt") == b"content"
        assert not await mesh.exists("home/a")


@pytest.mark.parametrize("what", ["home/a", "home/a/c.txt"])
async def test_what_changes_during_a_move_between_spaces_stays(
    node: Node, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    async with node() as (_, mesh):
        await mesh.mkdir("home/a")
        await mesh.upload("home/a/c.txt", b"copied")
        upload = mesh.upload

        async def slow(*args, **kwargs):
            done = await upload(*args, **kwargs)
            await upload("home/a/c.txt", b"saved meanwhile")
            return done

        monkeypatch.setattr(mesh, "upload", slow)
        with pytest.raises(Conflict, match="Nothing was moved"):
            await mesh.move(what, "projects/dimuon/new")
        assert await mesh.read("home/a/c.txt") == b"saved meanwhile"
        assert not await mesh.exists("projects/dimuon/new")


async def test_half_a_copy_is_never_left(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.mkdir("home/a")
        for name in "xyz":
            await mesh.upload(f"home/a/{name}", name.encode())
        trap.next["InitiateFileUpload"] = [("INSUFFICIENT_STORAGE", "full")]
        with pytest.raises(MeshError, match="no room"):
            await mesh.copy("home/a", "home/b")
        assert [child.name for child in await mesh.list_folder("home")] == ["a"]


async def test_a_failed_replacement_gives_the_old_file_back(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        for name in "ab":
            await mesh.upload(f"home/{name}.txt", name.encode())
        trap.next["Move"] = [None, ("UNAVAILABLE", "")]
        with pytest.raises(Unavailable):
            await mesh.move("home/a.txt", "home/b.txt", replace=True)
        assert [child.name for child in await mesh.list_folder("home")] == ["a.txt", "b.txt"]
        assert await mesh.read("home/b.txt") == b"b"


class LosesReply(traps.Trap):
    """Makes the second move, and then does not answer."""

    moves = 0

    async def answer(self, name, request, token, ask):
        reply = await ask()
        self.moves += name == "Move"
        lost = name == "Move" and self.moves == 2
        return traps.refusal(name, "UNAVAILABLE", "") if lost else reply


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_replacement_that_happened_is_not_undone(node: Node, flavour: str) -> None:
    async with node(LosesReply(), flavour=flavour) as (_, mesh):
        for name in "ab":
            await mesh.upload(f"home/{name}.txt", name.encode())
        with pytest.raises(Unavailable):
            await mesh.move("home/a.txt", "home/b.txt", replace=True)
        contents = {await mesh.read(child.path) for child in await mesh.list_folder("home")}
        assert contents == {b"a", b"b"}
        assert await mesh.read("home/b.txt") == b"a"
