"""What goes on beside rclone's requests: others save, programs have files open, disks are full, answers are lost."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.mount.adapter import Adapter
from tests.webdav.davs import Dav, adapted, until


def note(state: Path, path: str, *, dirty: bool, size: int = 0, when: datetime | None = None):
    """What rclone 1.75 notes of a file in its cache."""
    file = state / "cache" / "vfsMeta" / ":webdav{o8KC7}" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    told = f"{size},{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} +0000 UTC," if when else ""
    content = {"Size": size, "Rs": None, "Fingerprint": told, "Dirty": dirty}
    file.write_text(json.dumps(content, indent="\t"))


async def copies(mesh: MeshClient, folder: str) -> list[str]:
    return [each.path for each in await mesh.list_folder(folder) if "-conflict-" in each.name]


class Slow:
    """Uploads of a client that wait for us after the site has them."""

    def __init__(self, mesh: MeshClient, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        upload = mesh.upload

        async def slow(*args, **options):
            stored = await upload(*args, **options) if after else None
            self.reached.set()
            await self.go_on.wait()
            return stored or await upload(*args, **options)

        monkeypatch.setattr(mesh, "upload", slow)


async def test_a_full_disk_fails_no_upload_that_has_succeeded(
    adapter: Adapter, dav: Dav, mesh: MeshClient, folder: str
):
    """rclone would delete the file that was just stored."""
    await dav.names(folder)
    table = adapter._memory._table
    assert table is not None
    table.execute("PRAGMA max_page_count = 1")  # No more than it has.
    for number in range(12):
        path = f"{folder}/{number}{'x' * 200}"
        assert await dav.put(path, b"content") == 201
        assert await mesh.read(path) == b"content"
    assert "disk" in adapter._memory.trouble
    table.execute("PRAGMA max_page_count = 100000")
    assert await dav.put(f"{folder}/last", b"content") == 201
    assert adapter._memory.trouble == ""
    (files,) = table.execute("SELECT count(*) FROM facts WHERE kind = 'file'").fetchone()
    assert files == 13


@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
async def test_what_is_listed_while_it_is_written_is_not_replaced(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path: Path, there: bool
):
    path = f"{folder}/{'there' if there else 'new'}"
    if there:
        await mesh.upload(path, b"old")
    await dav.names(folder)
    note(tmp_path, path, dirty=True)  # A program has opened it for writing.
    await mesh.upload(path, b"theirs")
    await dav.names(folder)
    assert await dav.put(path, b"mine") == 201
    assert await mesh.read(path) == b"theirs"
    (copy,) = [each for each in await copies(mesh, folder) if each.startswith(path)]
    assert await mesh.read(copy) == b"mine"


async def test_what_was_listed_before_it_is_written_may_be_replaced(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path: Path
):
    path = f"{folder}/f"
    await dav.names(folder)
    await mesh.upload(path, b"theirs")
    await dav.names(folder)
    note(tmp_path, path, dirty=True)
    assert await dav.put(path, b"mine") == 201
    assert await mesh.read(path) == b"mine"
    assert await copies(mesh, folder) == []


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_a_held_delete_does_not_take_what_somebody_saves(
    mesh: MeshClient, folder: str, tmp_path: Path, restarted: bool
):
    path = f"{folder}/{restarted}"
    async with adapted(mesh, tmp_path) as (adapter, dav):
        await mesh.upload(path, b"old")
        await dav.names(folder)
        assert await dav.seen(path)
        assert await dav.delete(path) == 204
        if restarted:
            adapter._tree._deleting._holding.pop(path).cancel()  # As if it were killed.
            adapter._memory.held.pop(path)
        await mesh.upload(path, b"theirs")
        if not restarted:
            await until(lambda: path not in adapter._memory.held, "it is held for ever")
            await asyncio.sleep(0.5)
    if restarted:
        async with adapted(mesh, tmp_path) as (adapter, dav):
            await until(lambda: path not in adapter._memory.held, "it is held for ever")
            await asyncio.sleep(0.5)
    assert await mesh.read(path) == b"theirs"


async def test_a_late_delete_after_a_failed_put_deletes_nothing(
    adapter: Adapter, dav: Dav, mesh: MeshClient, folder: str
):
    """The machine was asleep for an hour just then."""
    path = f"{folder}/f"
    await mesh.upload(path, b"old")
    await dav.names(folder)
    await dav.ask("PUT", path, data=b"new", OC_Checksum="SHA1:" + "0" * 40)
    adapter._memory.owed[path].failed = [time.time() - 3600]
    status, said = await dav.ask("DELETE", path)
    assert status == 409  # rclone repeats what is answered by 423 or 503.
    assert b"Delete it again" in said
    assert await mesh.read(path) == b"old"
    assert await dav.delete(path) == 204
    assert [each.name for each in await mesh.list_folder(folder)] == []


@pytest.mark.parametrize("restarted", [False, True], ids=["given up", "killed"])
async def test_ones_own_upload_without_an_answer_is_no_conflict(
    mesh: MeshClient,
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restarted: bool,
):
    """The site has stored it, then the program ended or rclone gave it up; then it was written on."""
    path = f"{folder}/{restarted}"
    await mesh.upload(path, b"old")
    async with adapted(mesh, tmp_path) as (_, dav):
        await dav.names(folder)
        assert await dav.get(path) == b"old"
        with monkeypatch.context() as patch:
            slow = Slow(mesh, patch, after=True)
            putting = asyncio.create_task(dav.put(path, b"one"))
            await slow.reached.wait()
            putting.cancel()
            await asyncio.wait({putting})
        if not restarted:
            assert await dav.put(path, b"one and two") == 201
    if restarted:
        async with adapted(mesh, tmp_path) as (_, dav):
            assert await dav.put(path, b"one and two") == 201
    assert await mesh.read(path) == b"one and two"
    assert await copies(mesh, folder) == []


async def test_who_has_the_old_file_open_gets_no_new_bytes(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path: Path
):
    path = f"{folder}/f"
    made = await mesh.upload(path, b"a" * 100)
    await dav.names(folder)
    assert await dav.get(path, "bytes=0-49") == b"a" * 50
    note(tmp_path, path, dirty=False, size=100, when=made.modified)
    # The time of the new one differs by whole seconds, as rclone sees times.
    await until(lambda: int(time.time()) > made.modified.timestamp() + 1, "time stands still")
    new = await mesh.upload(path, b"b" * 100)
    await dav.names(folder)
    assert (await dav.ask("GET", path, Range="bytes=50-99"))[0] == 412
    note(tmp_path, path, dirty=False, size=100, when=new.modified)  # Opened again.
    assert await dav.get(path, "bytes=50-99") == b"b" * 50


async def test_a_folder_is_renamed_after_the_uploads_inside(
    dav: Dav, mesh: MeshClient, folder: str, monkeypatch: pytest.MonkeyPatch
):
    old, new = f"{folder}/old", f"{folder}/new"
    await mesh.mkdir(old)
    await dav.names(old)
    slow = Slow(mesh, monkeypatch, after=False)
    putting = asyncio.create_task(dav.put(f"{old}/f", b"content"))
    await slow.reached.wait()
    moving = asyncio.create_task(dav.move(old, new))
    await asyncio.sleep(0.5)
    # What comes while the name is in between is sent again by rclone, under the new one.
    assert await dav.put(f"{old}/g", b"more") == 409
    slow.go_on.set()
    assert await putting == 201
    assert await moving == 201
    assert await mesh.read(f"{new}/f") == b"content"
    assert [each.name for each in await mesh.list_folder(folder)] == ["new"]
