"""What an enemy of the user's files would try with get, put and sync."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import InvalidRequest, MeshError, TransferFailed
from jupyter_mesh.transfers.batches import Batch
from jupyter_mesh.transfers.fetching import download
from jupyter_mesh.transfers.plans import Job, Verb, make_plan
from jupyter_mesh.transfers.terms import Terms

from .conftest import Cut, noise

SIZE = 6 << 20


async def test_what_is_no_ordinary_file_is_not_replaced(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    """A root user who gets a file to /dev/null would have one afterwards."""
    async with cut() as (_, mesh, _):
        await mesh.upload("home/a", b"content")
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(InvalidRequest, match="ordinary file"):
            await download(mesh, "home/a", pipe, replace=True, terms=terms)
        assert pipe.is_fifo()


@pytest.mark.parametrize("what", ["hard link", "other file"])
async def test_a_part_that_somebody_has_put_there_is_not_written_to(
    cut: Cut, tmp_path: Path, terms: Terms, what: str
) -> None:
    """Its name can be told beforehand, in a folder that others can write to."""
    content, mine = noise(SIZE), tmp_path / "mine"
    mine.write_bytes(b"mine")
    target = tmp_path / "folder" / "a"
    target.parent.mkdir()
    async with cut() as (_, mesh, _):
        await mesh.upload("home/a", content)
        note = await terms.notes.claim("a", "download", mesh.site, "home/a", os.fspath(target))
        await note.close()
        part = target.with_name(f".a.{note.name[:12]}.part")
        if what == "hard link":
            part.hardlink_to(mine)
        else:
            part.write_bytes(b"theirs")
        with part.open("r+b") as theirs:
            await download(mesh, "home/a", target, terms=terms)
            if what == "other file":
                theirs.write(b"changed afterwards")
    assert target.read_bytes() == content
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize("flavour", ["paths"])
async def test_a_change_between_the_look_and_the_rest_is_not_mixed(
    cut: Cut, tmp_path: Path, terms: Terms, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites of paths tell no ETag with the bytes, and no checksum: the rest may be of another content."""
    old, new = noise(SIZE), noise(SIZE, 2)
    async with cut(flavour=flavour) as (site, mesh, wire):
        await mesh.upload("home/a", old)
        wire.cuts = [3 << 20]
        looked = MeshClient._looked

        async def change(self, place):
            source, found = await looked(self, place)
            found = replace(found, checksum=None)
            if wire.done:
                monkeypatch.setattr(MeshClient, "_looked", looked)
                async with site.client() as other:
                    await other.upload("home/a", new)
            return source, found

        monkeypatch.setattr(MeshClient, "_looked", change)
        resource = await download(mesh, "home/a", tmp_path / "a", terms=terms)
        assert wire.done
        assert resource.etag == (await mesh.stat("home/a")).etag
    assert (tmp_path / "a").read_bytes() == new


async def test_what_came_to_a_folder_after_the_plan_is_not_deleted_with_it(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_bytes(b"a")
    async with cut() as (site, mesh, _):
        await mesh.mkdir("home/t/old", parents=True)
        await mesh.upload("home/t/old/known", b"known")
        job = Job(verb=Verb.PUSH, source=str(source), target="home/t", delete=True)
        plan = await make_plan(mesh, job, terms.memory)
        async with site.client() as other:
            await other.upload("home/t/old/late", b"late")
        with pytest.raises(MeshError, match="changed"):
            await Batch(mesh, plan, terms=terms).run()
        assert await mesh.read("home/t/old/late") == b"late"
        plan = await make_plan(mesh, job, terms.memory)
        await Batch(mesh, plan, terms=terms).run()
        assert [child.name for child in await mesh.list_folder("home/t")] == ["a"]


async def test_a_file_of_another_kind_of_name_is_no_part(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    """What looks like an unfinished download is told to be left out, for it may be a file of the user's."""
    source = tmp_path / "source"
    source.mkdir()
    (source / ".results.0123456789ab.part").write_bytes(b"mine")
    async with cut() as (_, mesh, _):
        job = Job(verb=Verb.PUT, source=str(source), target="home/t")
        plan = await make_plan(mesh, job, terms.memory)
    assert [skipped.name for skipped in plan.skipped] == [".results.0123456789ab.part"]
    assert "unfinished" in plan.skipped[0].why


async def test_a_folder_of_links_is_no_way_out(cut: Cut, tmp_path: Path, terms: Terms) -> None:
    """The folder of the target becomes a link between the plan and the file."""
    elsewhere, target = tmp_path / "elsewhere", tmp_path / "target"
    (target / "sub").mkdir(parents=True)
    elsewhere.mkdir()
    async with cut() as (_, mesh, _):
        await mesh.mkdir("home/t/sub", parents=True)
        await mesh.upload("home/t/sub/a", b"a")
        job = Job(verb=Verb.GET, source="home/t", target=str(target))
        plan = await make_plan(mesh, job, terms.memory)
        (target / "sub").rmdir()
        (target / "sub").symlink_to(elsewhere)
        with pytest.raises(TransferFailed, match="link"):
            await Batch(mesh, plan, terms=terms).run()
    assert list(elsewhere.iterdir()) == []
