"""One file each way: cut anywhere, resumed, checked, and never half there."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    Locked,
    NotFound,
    TransferFailed,
    Unavailable,
)
from jupyter_mesh.node.index import state_folder
from jupyter_mesh.testing import traps
from jupyter_mesh.transfers.fetching import download, stamp_of
from jupyter_mesh.transfers.sending import upload
from jupyter_mesh.transfers.terms import Terms

from .conftest import Cut, anywhere, noise

MIB = 1 << 20
BIG = 40 * MIB + 12_345
DEAD = [0] * 100
"""Every further connection ends at once."""

FLAVOURS = pytest.mark.parametrize("flavour", ["spaces", "paths"])


def hidden(folder: Path) -> list[str]:
    """What lies in a folder beside the files that have their names."""
    return sorted(name for name in os.listdir(folder) if name.startswith("."))


def notes(terms: Terms) -> list[str]:
    """What is left to go on with."""
    return sorted(os.listdir(terms.notes.folder)) if terms.notes.folder.exists() else []


@FLAVOURS
async def test_uploads_go_on_after_cuts_anywhere(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms
) -> None:
    content = noise(BIG)
    (tmp_path / "big").write_bytes(content)
    async with cut(flavour=flavour) as (site, mesh, wire):
        wire.cuts = anywhere(flavour, 5, 7 * MIB)
        told: list[int] = []
        written = await upload(
            mesh,
            tmp_path / "big",
            "home/big",
            terms=terms,
            progress=lambda done, _: told.append(done),
        )
        assert wire.done == 5
        # Once it was sent, the site is asked whether it keeps conditions.
        assert (site.calls["InitiateFileUpload"], site.calls["PUT"]) == (2, 0)
        assert written.size == BIG
        assert told[-1] == BIG
        assert await mesh.read("home/big") == content
        assert notes(terms) == []


@FLAVOURS
async def test_downloads_go_on_after_cuts_anywhere(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms
) -> None:
    content = noise(BIG)
    async with cut(flavour=flavour) as (site, mesh, wire):
        await mesh.upload("home/big", content)
        site.calls.clear()
        wire.cuts = anywhere(flavour, 3, 12 * MIB)
        # The connection of the upload is still open.
        await mesh.close()
        async with site.client() as other:
            await download(other, "home/big", tmp_path / "big", terms=terms)
        assert wire.done == 3
        assert (tmp_path / "big").read_bytes() == content
        assert hidden(tmp_path) == []
        assert notes(terms) == []


@FLAVOURS
async def test_a_later_process_goes_on_with_both(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms
) -> None:
    content = noise(BIG)
    (tmp_path / "big").write_bytes(content)
    hasty = replace(terms, patience=0)
    async with cut(flavour=flavour) as (site, mesh, wire):
        wire.cuts = [20 * MIB, *DEAD]
        with pytest.raises(Unavailable):
            await upload(mesh, tmp_path / "big", "home/big", terms=hasty)
        assert not await mesh.exists("home/big")
        assert [name.partition(".")[2] for name in notes(terms)] == ["json", "lock", "secret"]
        wire.cuts = []
        async with site.client() as other:
            await upload(other, tmp_path / "big", "home/big", terms=terms)
            # What arrived before the cut is not sent again.
            assert other.meter.sent < BIG - 18 * MIB
        assert site.calls["InitiateFileUpload"] == 1
        assert await mesh.read("home/big") == content
        assert notes(terms) == []

        wire.cuts = [30 * MIB, *DEAD]
        async with site.client() as other:
            with pytest.raises((TransferFailed, Unavailable)):
                await download(other, "home/big", tmp_path / "copy", terms=hasty)
        assert not (tmp_path / "copy").exists()
        (part,) = hidden(tmp_path)
        assert (tmp_path / part).stat().st_size > 10 * MIB
        wire.cuts = []
        site.calls.clear()
        async with site.client() as other:
            await download(other, "home/big", tmp_path / "copy", terms=terms)
            assert flavour == "paths" or other.meter.received < 31 * MIB
        assert (tmp_path / "copy").read_bytes() == content
        assert hidden(tmp_path) == []


async def test_a_file_that_changes_meanwhile_is_fetched_from_its_beginning(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    said: list[str] = []
    hasty = replace(terms, patience=0)
    async with cut() as (site, mesh, wire):
        await mesh.upload("home/big", noise(20 * MIB))
        wire.cuts = [10 * MIB, *DEAD]
        async with site.client() as other:
            with pytest.raises((TransferFailed, Unavailable)):
                await download(other, "home/big", tmp_path / "big", terms=hasty)
        wire.cuts = []
        await mesh.upload("home/big", noise(20 * MIB, seed=2))
        await download(mesh, "home/big", tmp_path / "big", terms=replace(terms, say=said.append))
        assert (tmp_path / "big").read_bytes() == noise(20 * MIB, seed=2)
        assert said == ["home/big was changed at alpine meanwhile: it starts again."]


@pytest.mark.parametrize("stop", [5, 13, 18])
async def test_a_part_that_was_left_by_a_cancel_is_the_beginning_of_the_file(
    cut: Cut, tmp_path: Path, terms: Terms, stop: int
) -> None:
    content = noise(20 * MIB)
    async with cut(flavour="paths") as (_, mesh, _wire):
        await mesh.upload("home/a", content)

        def progress(done: int, _: int | None) -> None:
            if done > stop * MIB:
                task.cancel()

        task = asyncio.ensure_future(
            download(mesh, "home/a", tmp_path / "a", terms=terms, progress=progress)
        )
        with pytest.raises(asyncio.CancelledError):
            await task
        (part,) = hidden(tmp_path)
        left = (tmp_path / part).read_bytes()
        assert len(left) > stop * MIB
        assert left == content[: len(left)]


async def test_a_damaged_part_is_found_out(cut: Cut, tmp_path: Path, terms: Terms) -> None:
    said: list[str] = []
    async with cut() as (site, mesh, wire):
        await mesh.upload("home/big", noise(20 * MIB))
        wire.cuts = [10 * MIB, *DEAD]
        async with site.client() as other:
            with pytest.raises((TransferFailed, Unavailable)):
                await download(
                    other, "home/big", tmp_path / "big", terms=replace(terms, patience=0)
                )
        wire.cuts = []
        (part,) = hidden(tmp_path)
        with (tmp_path / part).open("r+b") as file:
            file.write(b"damage")
        await download(mesh, "home/big", tmp_path / "big", terms=replace(terms, say=said.append))
        assert (tmp_path / "big").read_bytes() == noise(20 * MIB)
        assert said == ["What was here of home/big was damaged: it starts again."]


@pytest.mark.parametrize("size", [1000, 17 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("change", ["longer", "same-size"])
async def test_a_source_that_changes_while_it_is_sent_is_not_saved(
    cut: Cut, tmp_path: Path, terms: Terms, size: int, change: str
) -> None:
    local = tmp_path / "local"
    local.write_bytes(noise(size))
    changed = False

    def progress(done: int, _: int | None) -> None:
        nonlocal changed
        if not changed and (done or size == 1000):
            changed = True
            with local.open("r+b") as file:
                file.seek(0, os.SEEK_END if change == "longer" else os.SEEK_SET)
                file.write(b"new")
            os.utime(local, ns=(1, 1))

    async with cut() as (_, mesh, _wire):
        old = await mesh.upload("home/a", b"old")
        with pytest.raises(TransferFailed, match="was changed while it was sent"):
            await upload(mesh, local, "home/a", replace=True, progress=progress, terms=terms)
        assert (await mesh.stat("home/a")).etag == old.etag
        assert notes(terms) == []
        await upload(mesh, local, "home/a", replace=True, terms=terms)
        assert await mesh.read("home/a") == local.read_bytes()


async def test_a_changed_source_is_sent_from_its_beginning(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    local, said = tmp_path / "local", []
    local.write_bytes(noise(20 * MIB))
    async with cut() as (_, mesh, wire):
        wire.cuts = [10 * MIB, *DEAD]
        with pytest.raises(Unavailable):
            await upload(mesh, local, "home/a", terms=replace(terms, patience=0))
        wire.cuts = []
        local.write_bytes(noise(20 * MIB, seed=2))
        await upload(mesh, local, "home/a", terms=replace(terms, say=said.append))
        assert await mesh.read("home/a") == noise(20 * MIB, seed=2)
        assert said == [f"The upload of {local} was changed since: it is sent from its beginning."]


@FLAVOURS
@pytest.mark.parametrize("there", [True, False], ids=["changed", "new"])
async def test_what_somebody_else_saved_meanwhile_stays(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms, there: bool
) -> None:
    local = tmp_path / "local"
    local.write_bytes(noise(20 * MIB))
    async with cut(flavour=flavour) as (site, mesh, wire):
        if there:
            await mesh.upload("home/a", b"old")
        wire.cuts = [10 * MIB, *DEAD]
        async with site.client() as other:
            with pytest.raises(Unavailable):
                await upload(
                    other, local, "home/a", replace=there, terms=replace(terms, patience=0)
                )
        wire.cuts = []
        await mesh.upload("home/a", b"theirs")
        with pytest.raises(Conflict if there else AlreadyExists, match=f"Could not send {local}"):
            await upload(mesh, local, "home/a", replace=there, terms=terms)
        assert await mesh.read("home/a") == b"theirs"
        # Whoever has looked at it may replace it.
        await upload(mesh, local, "home/a", replace=True, terms=terms)
        assert (await mesh.stat("home/a")).size == 20 * MIB


@FLAVOURS
async def test_an_upload_whose_end_nobody_heard_is_found_to_be_done(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms
) -> None:
    local = tmp_path / "local"
    local.write_bytes(noise(17 * MIB))
    drops = [traps.drops_reply("PATCH", times=1)]
    async with cut(flavour=flavour, middlewares=drops) as (site, mesh, _):
        await upload(mesh, local, "home/a", terms=terms)
        assert site.calls["PATCH"] == 2
        assert await mesh.read("home/a") == noise(17 * MIB)
        assert notes(terms) == []


@FLAVOURS
async def test_a_note_of_a_finished_upload_does_no_harm(
    cut: Cut, flavour: str, tmp_path: Path, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.write_bytes(noise(17 * MIB))
    async with cut(flavour=flavour) as (site, mesh, _):

        async def die(self) -> None:
            raise KeyError("killed")

        with monkeypatch.context() as patch:
            patch.setattr("jupyter_mesh.transfers.notes.Note.drop", die)
            with pytest.raises(KeyError):
                await upload(mesh, local, "home/a", terms=terms)
        done = await mesh.stat("home/a")
        site.calls.clear()
        again = await upload(mesh, local, "home/a", terms=terms)
        assert again.etag == done.etag
        assert site.calls["PATCH"] == 0
        assert notes(terms) == []


async def test_a_site_that_has_forgotten_an_upload_gets_all_of_it(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    local, said = tmp_path / "local", []
    local.write_bytes(noise(20 * MIB))
    async with cut() as (site, mesh, wire):
        wire.cuts = [10 * MIB, *DEAD]
        with pytest.raises(Unavailable):
            await upload(mesh, local, "home/a", terms=replace(terms, patience=0))
        wire.cuts = []
        assert site.data is not None
        for upload_file in (state_folder(site.data) / "uploads").glob("*"):
            upload_file.unlink()
        await upload(mesh, local, "home/a", terms=replace(terms, say=said.append))
        assert await mesh.read("home/a") == noise(20 * MIB)
        assert said == [
            f"alpine does not know the unfinished upload of {local} any more: it starts again."
        ]


async def test_without_tus_it_starts_again_and_says_so(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    local, said = tmp_path / "local", []
    local.write_bytes(noise(20 * MIB))
    async with cut(middlewares=[traps.refuses({"PATCH": [501] * 50})]) as (_, mesh, wire):
        wire.cuts = [26 * MIB, 10 * MIB, 10 * MIB]
        await upload(mesh, local, "home/a", terms=replace(terms, say=said.append))
        assert await mesh.read("home/a") == noise(20 * MIB)
        assert (f"alpine cannot go on with an upload: {local} is sent from its beginning.") in said


@pytest.mark.parametrize("way", [download, upload])
async def test_two_processes_do_not_mix(cut: Cut, tmp_path: Path, terms: Terms, way) -> None:
    local = tmp_path / "local"
    content = noise(17 * MIB)
    async with cut() as (_, mesh, _wire):
        if way is upload:
            local.write_bytes(content)
            args = (mesh, local, "home/a")
        else:
            await mesh.upload("home/a", content)
            args = (mesh, "home/a", local)
        results = await asyncio.gather(
            way(*args, terms=terms), way(*args, terms=terms), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["Locked", "Resource"]
        (locked,) = [result for result in results if isinstance(result, Locked)]
        assert "Another program of yours moves" in str(locked)
        assert await mesh.read("home/a") == content
        assert local.read_bytes() == content
        assert notes(terms) == []


async def test_nothing_is_replaced_that_was_not_meant(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    local = tmp_path / "local"
    async with cut() as (_, mesh, _wire):
        await mesh.upload("home/a", b"theirs")
        local.write_bytes(b"mine")
        with pytest.raises(AlreadyExists, match=r"local exists already"):
            await download(mesh, "home/a", local, terms=terms)
        with pytest.raises(AlreadyExists, match=r'there is a "home/a" at alpine already'):
            await upload(mesh, local, "home/a", terms=terms)
        with pytest.raises(Conflict, match="was changed meanwhile"):
            await download(mesh, "home/a", local, replace=(4, 1), terms=terms)
        assert local.read_bytes() == b"mine"
        local.chmod(0o640)
        await download(mesh, "home/a", local, replace=stamp_of(local.stat()), terms=terms)
        assert local.read_bytes() == b"theirs"
        assert local.stat().st_mode & 0o777 == 0o640
        assert hidden(tmp_path) == []


async def test_what_cannot_be_is_told(cut: Cut, tmp_path: Path, terms: Terms) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    async with cut() as (_, mesh, _wire):
        await mesh.upload("home/a", b"")
        await download(mesh, "home/a", tmp_path / "empty", terms=terms)
        assert (tmp_path / "empty").read_bytes() == b""
        cases = [
            (upload(mesh, tmp_path / "none", "home/b", terms=terms), NotFound, "does not exist"),
            (upload(mesh, tmp_path, "home/b", terms=terms), IsADirectory, "is a folder"),
            (upload(mesh, tmp_path / "pipe", "home/b", terms=terms), InvalidRequest, "no ordinary"),
            (download(mesh, "home/none", tmp_path / "b", terms=terms), NotFound, "home/none"),
            (download(mesh, "home", tmp_path / "b", terms=terms), IsADirectory, "folder"),
            (download(mesh, "home/a", tmp_path, terms=terms), IsADirectory, "is a folder"),
            (download(mesh, "home/a", tmp_path / "no" / "b", terms=terms), NotFound, "exist"),
            (download(mesh, "home/a", tmp_path / "file" / "b", terms=terms), OSError, "is a file"),
        ]
        for work, error, message in cases:
            with pytest.raises(error, match=message):
                await work
        assert hidden(tmp_path) == []
