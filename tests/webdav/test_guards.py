"""The eleven rules of ``facts/data.md`` §8.4, each driven by the requests that rclone sends."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.locks import lock_id_of
from jupyter_mesh.errors import NotFound
from jupyter_mesh.mount import deleting, guards
from jupyter_mesh.mount.adapter import Adapter, Conflict
from jupyter_mesh.node.users import add_user
from jupyter_mesh.testing.site import RunningSite, SiteUser, run_node
from tests.webdav.davs import QUOTA, D, Dav, adapted, until

MTIME = 1_700_000_000
SAID = "Tue, 14 Nov 2023 22:13:20 GMT"


async def exists(mesh: MeshClient, path: str) -> bool:
    try:
        await mesh.stat(path)
    except NotFound:
        return False
    return True


async def opened(dav: Dav, mesh: MeshClient, path: str, content: bytes) -> str:
    """A file as rclone knows it that has listed its folder and read it; returns its id."""
    made = await mesh.upload(path, content)
    await dav.names(path.rpartition("/")[0])
    assert await dav.get(path) == content
    return str(made.id)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What belongs together is seen to, however slowly this machine asks."""
    monkeypatch.setattr(deleting, "HELD", 45.0)
    monkeypatch.setattr(guards, "LOOKED", 45.0)


def copies_of(names: list[str]) -> list[str]:
    return [name for name in names if "-conflict-" in name]


# 1 and 2: what rclone deletes after a failure


async def test_the_delete_after_a_failed_put_deletes_nothing(dav: Dav, mesh: MeshClient, folder):
    path = f"{folder}/f"
    was = await opened(dav, mesh, path, b"old")
    status, _ = await dav.ask("PUT", path, data=b"new", OC_Checksum="SHA1:" + "0" * 40)
    assert status >= 400
    await asyncio.sleep(1)  # As rclone does.
    assert await dav.delete(path) == 204
    assert await mesh.read(path) == b"old"
    assert str((await mesh.stat(path)).id) == was
    # The next one is the user's own.
    assert await dav.delete(path) == 204
    assert not await exists(mesh, path)


async def test_a_delete_at_once_after_a_failed_put_is_the_users(
    dav: Dav, mesh: MeshClient, folder: str
):
    path = f"{folder}/f"
    await opened(dav, mesh, path, b"old")
    await dav.ask("PUT", path, data=b"new", OC_Checksum="SHA1:" + "0" * 40)
    assert await dav.delete(path) == 204
    assert not await exists(mesh, path)


async def test_what_a_killed_adapter_owed_is_not_deleted_by_the_next_one(
    mesh: MeshClient, folder: str, tmp_path: Path
):
    path = f"{folder}/f"
    async with adapted(mesh, tmp_path) as (adapter, dav):
        await opened(dav, mesh, path, b"old")
        adapter._memory.began(path)  # A PUT during which it is killed.
    async with adapted(mesh, tmp_path) as (adapter, dav):
        assert await dav.delete(path) == 204
        assert await mesh.read(path) == b"old"
        # A PUT that came while nobody listened is known to nobody.
        assert await dav.delete(path) == 423
        assert await mesh.read(path) == b"old"


async def test_a_put_that_rclone_gives_up_owes_nothing(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path: Path
):
    """rclone gives an upload up when its file is written again or removed, and deletes nothing by itself."""
    path = f"{folder}/f"
    await opened(dav, mesh, path, b"old")
    _, writer = await asyncio.open_unix_connection(tmp_path / "dav.sock")
    writer.write(f"PUT /{path} HTTP/1.1\r\nHost: mesh\r\nContent-Length: 99\r\n\r\nabc".encode())
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    await asyncio.sleep(1)
    assert await mesh.read(path) == b"old"
    assert await dav.delete(path) == 204
    assert not await exists(mesh, path)


async def test_a_folder_that_is_there_is_not_listed_again(dav: Dav, folder: str, site: RunningSite):
    await dav.names("home")
    await dav.names(folder)
    site.calls.clear()
    for path in ("home/", f"{folder}/"):
        assert (await dav.ask("MKCOL", path))[0] == 405
    assert (await dav.ask("MKCOL", f"{folder}/new/"))[0] == 201
    assert await dav.put(f"{folder}/new/f", b"1") == 201
    await dav.seen(f"{folder}/new/f")
    assert site.calls["ListContainer"] == 0
    assert site.calls["Stat"] <= 3


# 3: what may pass is waited for


async def test_a_busy_site_is_waited_for(mesh: MeshClient, tmp_path: Path):
    left = [4]

    @web.middleware
    async def busy(request: web.Request, handler):
        if request.method == "PUT" and left[0]:
            left[0] -= 1
            return web.Response(status=429 if left[0] % 2 else 503)
        return await handler(request)

    async with (
        run_node(tmp_path / "busy", middlewares=[busy]) as site,
        site.client() as client,
        adapted(client, tmp_path) as (adapter, dav),
    ):
        await dav.names("home")
        assert await dav.put("home/f", b"content") == 201
        assert await client.read("home/f") == b"content"
        assert left == [0]
        assert not adapter.uploads
        assert adapter.failing_since is None


async def test_the_body_of_a_failed_put_is_not_needed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refused = [True]

    @web.middleware
    async def full(request: web.Request, handler):
        if request.method == "PUT" and refused[0]:
            return web.Response(status=507)
        return await handler(request)

    content = b"x" * (5 << 18)
    async with (
        run_node(tmp_path / "full", middlewares=[full]) as site,
        site.client() as client,
        adapted(client, tmp_path) as (adapter, dav),
    ):
        await dav.names("home")
        assert await dav.put("home/f", content) == 507
        assert "room" in adapter.message
        refused.clear()
        refused.append(False)
        monkeypatch.setattr(adapter._spool, "_make", None)  # Would fail if anything were spooled.
        assert await dav.put("home/f", content) == 201
        assert await client.read("home/f") == content
        assert adapter.message == ""


# 4 to 6: what somebody else saved stays


async def test_a_foreign_change_becomes_a_conflict_and_nobody_loses_anything(
    adapter: Adapter, dav: Dav, mesh: MeshClient, folder: str
):
    path = f"{folder}/fit.csv"
    told: list[Conflict] = []
    adapter.on_conflict = told.append
    was = await opened(dav, mesh, path, b"old")
    await mesh.upload(path, b"theirs")
    assert await dav.put(path, b"mine!") == 201
    # rclone must see what it sent, once; then what is there.
    size, when, checksum = await dav.seen(path)
    assert (size, when) == (5, SAID)
    assert checksum.startswith("SHA1:")
    assert (await dav.seen(path))[0] == 6
    assert await mesh.read(path) == b"theirs"
    assert str((await mesh.stat(path)).id) == was
    names = [each.name for each in await mesh.list_folder(folder)]
    (copy,) = copies_of(names)
    assert re.fullmatch(r"fit-conflict-einstein-\d{8}T\d{6}Z\.csv", copy)
    assert await mesh.read(f"{folder}/{copy}") == b"mine!"
    await until(lambda: told, "nobody was told")
    assert (told[0].path, told[0].copy) == (path, f"{folder}/{copy}")
    # What is written on without having seen theirs goes into the same copy.
    assert await dav.put(path, b"mine, more") == 201
    assert await mesh.read(f"{folder}/{copy}") == b"mine, more"
    assert await mesh.read(path) == b"theirs"
    # Once theirs was read, it may be replaced.
    await dav.names(folder)
    assert await dav.get(path) == b"theirs"
    assert await dav.put(path, b"both") == 201
    assert await mesh.read(path) == b"both"


@pytest.mark.parametrize("how", ["read", "listed", "stored", "free"])
async def test_a_conflict_is_found_after_a_restart(
    mesh: MeshClient, folder: str, tmp_path: Path, how: str
):
    """What waits in rclone's queue comes after the restart, and has seen nothing since."""
    path = f"{folder}/{how}"
    async with adapted(mesh, tmp_path) as (_, dav):
        if how == "stored":
            await dav.names(folder)
            await dav.put(path, b"old")
        elif how != "free":
            await mesh.upload(path, b"old")
        if how != "stored":
            await dav.names(folder)
        if how == "read":
            await dav.get(path)
    await mesh.upload(path, b"theirs")
    async with adapted(mesh, tmp_path) as (_, dav):
        assert await dav.put(path, b"mine") == 201
    assert await mesh.read(path) == b"theirs"
    names = [each.name for each in await mesh.list_folder(folder)]
    assert len([name for name in copies_of(names) if name.startswith(how)]) == 1


async def test_nothing_known_is_no_permission_to_replace(dav: Dav, mesh: MeshClient, folder: str):
    await mesh.upload(f"{folder}/f", b"theirs")
    await mesh.upload(f"{folder}/same", b"same")
    assert await dav.put(f"{folder}/f", b"mine") == 201
    assert await dav.put(f"{folder}/same", b"same") == 201
    assert await mesh.read(f"{folder}/f") == b"theirs"
    assert len(copies_of([each.name for each in await mesh.list_folder(folder)])) == 1


async def test_saves_in_a_row_are_no_conflict(dav: Dav, mesh: MeshClient, folder: str):
    path = f"{folder}/f"
    was = await opened(dav, mesh, path, b"0")
    for content in (b"1", b"22", b"", b"333"):
        assert await dav.put(path, content) == 201
        assert (await dav.seen(path))[:2] == (len(content), SAID)
        assert (await dav.seen(path))[:2] == (len(content), SAID)
        assert await mesh.read(path) == content
    assert str((await mesh.stat(path)).id) == was
    assert len(await mesh.list_folder(folder)) == 1


async def test_the_same_content_again_is_no_new_version(
    dav: Dav, mesh: MeshClient, folder: str, site: RunningSite
):
    path = f"{folder}/f"
    await dav.names(folder)
    await dav.put(path, b"content")
    site.calls.clear()
    assert await dav.put(path, b"content") == 201
    assert site.calls["PUT"] == 0
    assert await mesh.versions(path) == []


async def test_a_foreign_save_between_put_and_propfind_is_not_seen_as_damage(
    dav: Dav, mesh: MeshClient, folder: str
):
    path = f"{folder}/f"
    await dav.names(folder)
    await dav.put(path, b"mine")
    await mesh.upload(path, b"theirs, at once")
    assert (await dav.seen(path))[:2] == (4, SAID)
    assert (await dav.seen(path))[0] == 15


async def test_a_file_that_somebody_deleted_is_made_again(dav: Dav, mesh: MeshClient, folder: str):
    path = f"{folder}/sub/f"
    await mesh.mkdir(f"{folder}/sub")
    await opened(dav, mesh, path, b"old")
    await mesh.delete(f"{folder}/sub")
    assert await dav.put(path, b"new") == 201
    assert await mesh.read(path) == b"new"


async def test_old_and_new_bytes_are_never_mixed(
    adapter: Adapter, dav: Dav, mesh: MeshClient, folder: str
):
    path = f"{folder}/f"
    changed: list[str] = []
    adapter.on_changed = changed.append
    await opened(dav, mesh, path, b"a" * 100)
    await mesh.upload(path, b"b" * 100)
    assert (await dav.ask("GET", path, Range="bytes=50-99"))[0] == 412
    await until(lambda: changed == [path], "nobody was told")
    await dav.names(folder)
    assert await dav.get(path, "bytes=50-99") == b"b" * 50


# 7: locks


async def test_a_foreign_lock_makes_a_conflict(tmp_path: Path):
    async with (
        run_node(tmp_path / "data") as site,
        site.client() as mesh,
        adapted(mesh, tmp_path) as (adapter, dav),
    ):
        told: list[Conflict] = []
        adapter.on_conflict = told.append
        await opened(dav, mesh, "home/f", b"old")
        await mesh.lock("home/f", "opaquelocktoken:somebody", holder="Marie")
        assert await dav.put("home/f", b"mine") == 201
        assert await mesh.read("home/f") == b"old"
        await until(lambda: told, "nobody was told")
        assert told[0].who == "Marie"
        assert await mesh.read(told[0].copy) == b"mine"
        assert await dav.delete("home/f") == 423
        assert await mesh.read("home/f") == b"old"


async def test_our_own_lock_keeps_nobody_out(tmp_path: Path):
    async with (
        run_node(tmp_path / "data") as site,
        site.client() as mesh,
        adapted(mesh, tmp_path) as (_, dav),
    ):
        await opened(dav, mesh, "home/f", b"old")
        mine = lock_id_of(await mesh.whoami(), await mesh.stat("home/f"))
        await mesh.lock("home/f", mine)
        assert await dav.put("home/f", b"new") == 201
        assert await mesh.read("home/f") == b"new"
        await dav.seen("home/f")
        assert await dav.delete("home/f") == 204
        assert not await exists(mesh, "home/f")


# 8: folders


async def test_a_folder_goes_only_when_it_is_empty(dav: Dav, mesh: MeshClient, folder: str):
    await mesh.mkdir(f"{folder}/sub")
    await mesh.upload(f"{folder}/sub/f", b"content")
    await dav.names(f"{folder}/sub")
    assert await dav.delete(f"{folder}/sub/f") == 204
    await mesh.upload(f"{folder}/sub/late", b"late")
    assert await dav.delete(f"{folder}/sub/") == 409
    assert await mesh.read(f"{folder}/sub/late") == b"late"
    await mesh.delete(f"{folder}/sub/late")
    assert await dav.delete(f"{folder}/sub/") == 204
    assert not await exists(mesh, f"{folder}/sub")


async def test_what_belongs_to_the_site_stays(dav: Dav, mesh: MeshClient):
    for path in ("home", "projects", "projects/dimuon", "shares"):
        assert await dav.delete(path) == 403
    assert await dav.put("f", b"") == 409
    assert (await dav.ask("MKCOL", "projects/new/"))[0] == 403
    assert len(await mesh.list_folder("")) == 3


# 9: save by temporary file


@pytest.mark.usefixtures("unhurried")
async def test_an_atomic_save_keeps_the_file_and_its_versions(
    dav: Dav, mesh: MeshClient, folder: str, site: RunningSite
):
    path, temp = f"{folder}/f", f"{folder}/.f.tmp"
    was = await opened(dav, mesh, path, b"old")
    await dav.put(temp, b"new")
    await dav.seen(temp)
    assert await dav.seen(path)
    assert await dav.delete(path) == 204
    assert await mesh.read(path) == b"old"
    assert await dav.seen(path) is None
    assert await dav.names(folder) == [f"/{temp}"]
    assert await dav.move(temp, path) == 201
    assert (await dav.seen(path))[:2] == (3, SAID)
    assert (await dav.seen(path))[:2] == (3, SAID)
    assert await mesh.read(path) == b"new"
    assert str((await mesh.stat(path)).id) == was
    assert [version.size for version in await mesh.versions(path)] == [3]
    assert [each.name for each in await mesh.list_folder(folder)] == ["f"]
    # And again, and on.
    assert await dav.put(path, b"newer") == 201
    assert await mesh.read(path) == b"newer"


@pytest.mark.usefixtures("unhurried")
async def test_an_atomic_save_over_a_foreign_change_is_a_conflict(
    dav: Dav, mesh: MeshClient, folder: str
):
    path, temp = f"{folder}/f", f"{folder}/.f.tmp"
    await opened(dav, mesh, path, b"old")
    await dav.put(temp, b"new")
    await dav.seen(path)
    await dav.delete(path)
    await mesh.upload(path, b"theirs")
    assert await dav.move(temp, path) == 201
    assert await mesh.read(path) == b"theirs"
    names = [each.name for each in await mesh.list_folder(folder)]
    assert await mesh.read(f"{folder}/{copies_of(names)[0]}") == b"new"


async def test_a_held_delete_is_carried_out(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path: Path
):
    path = f"{folder}/f"
    await opened(dav, mesh, path, b"old")
    await dav.seen(path)
    assert await dav.delete(path) == 204
    give_up = time.monotonic() + 30
    while await exists(mesh, path):
        assert time.monotonic() < give_up
        await asyncio.sleep(0.1)


@pytest.mark.usefixtures("unhurried")
async def test_a_held_delete_survives_the_end_of_the_adapter(
    mesh: MeshClient, folder: str, tmp_path: Path
):
    path = f"{folder}/f"
    async with adapted(mesh, tmp_path) as (adapter, dav):
        await opened(dav, mesh, path, b"old")
        await dav.seen(path)
        assert await dav.delete(path) == 204
        adapter._tree._deleting._holding.pop(path).cancel()  # As if it were killed.
        state = adapter._memory.held.pop(path)
        assert state
    assert await exists(mesh, path)
    async with adapted(mesh, tmp_path):
        give_up = time.monotonic() + 30
        while await exists(mesh, path):
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("unhurried")
async def test_a_file_that_is_written_after_its_delete_stays_itself(
    dav: Dav, mesh: MeshClient, folder: str
):
    path = f"{folder}/f"
    was = await opened(dav, mesh, path, b"old")
    await dav.seen(path)
    await dav.delete(path)
    assert await dav.put(path, b"new") == 201
    assert await mesh.read(path) == b"new"
    assert str((await mesh.stat(path)).id) == was


async def test_rename_onto_a_file_keeps_that_file(dav: Dav, mesh: MeshClient, folder: str):
    was = await opened(dav, mesh, f"{folder}/f", b"old")
    await dav.put(f"{folder}/g", b"new")
    assert await dav.move(f"{folder}/g", f"{folder}/f") == 201
    assert await mesh.read(f"{folder}/f") == b"new"
    assert str((await mesh.stat(f"{folder}/f")).id) == was
    assert not await exists(mesh, f"{folder}/g")


async def test_what_was_moved_can_be_saved(dav: Dav, mesh: MeshClient, folder: str):
    await mesh.mkdir(f"{folder}/a")
    await opened(dav, mesh, f"{folder}/a/f", b"1")
    assert await dav.move(f"{folder}/a", f"{folder}/b") == 201
    assert await dav.put(f"{folder}/b/f", b"2") == 201
    assert await dav.move(f"{folder}/b/f", f"{folder}/b/g") == 201
    assert await dav.put(f"{folder}/b/g", b"3") == 201
    assert await mesh.read(f"{folder}/b/g") == b"3"
    assert [each.name for each in await mesh.list_folder(f"{folder}/b")] == ["g"]


# 10 and 11: room, and what the user can see


async def test_what_has_no_room_is_refused_before_it_is_sent(tmp_path: Path):
    quota = 100_000
    poor = SiteUser("poor", "not much of anything")
    async with run_node(tmp_path / "data") as site:
        await asyncio.to_thread(add_user, tmp_path / "data", poor.name, poor.password, quota=quota)
        site = replace(site, users=[poor])
        async with site.client() as mesh, adapted(mesh, tmp_path) as (_, dav):
            await refuses_what_has_no_room(site, mesh, dav, quota)


async def refuses_what_has_no_room(site: RunningSite, mesh: MeshClient, dav: Dav, quota: int):
    free = (await dav.find("", body=QUOTA))["/"].findtext(f".//{D}quota-available-bytes")
    assert int(free) == quota
    await opened(dav, mesh, "home/f", b"old")
    site.calls.clear()
    assert await dav.put("home/f", b"x" * 200_000) == 507
    assert site.calls["InitiateFileUpload"] == 0
    await asyncio.sleep(1)
    assert await dav.delete("home/f") == 204
    assert await mesh.read("home/f") == b"old"


async def test_the_time_that_was_set_is_told(dav: Dav, mesh: MeshClient, folder: str):
    path = f"{folder}/f"
    await opened(dav, mesh, path, b"content")
    body = (
        '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>'
        f'<lastmodified xmlns="DAV:">{MTIME}</lastmodified></D:prop></D:set></D:propertyupdate>'
    )
    status, text = await dav.ask("PROPPATCH", path, data=body)
    assert status == 207
    assert b"200 OK" in text
    assert (await dav.seen(path))[1] == SAID
    assert (await dav.seen(path))[1] == SAID
    assert await dav.put(path, b"more") == 201
    assert await mesh.read(path) == b"more"


async def test_saves_of_one_second_have_times_of_their_own(
    dav: Dav, mesh: MeshClient, folder: str, site: RunningSite
):
    """OpenCloud refuses every save after two of the same time."""
    path = f"{folder}/f"
    await dav.names(folder)
    times = []
    for content in (b"1", b"22"):
        assert await dav.put(path, content, MTIME) == 201
        assert (await dav.seen(path))[1] == SAID
        times.append((await mesh.stat(path)).modified)
    if site.flavour == "spaces":
        assert times[0] != times[1]
