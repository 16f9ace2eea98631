"""Resumable uploads: ``/api/mesh/uploads`` and what ``/api/mesh/transfers`` tells of them."""

import asyncio
import errno
import json
import secrets

import pytest
from yarl import URL

from jupyter_mesh.transfers import uploads
from jupyter_mesh.transfers.spools import SpoolFolder

from .conftest import TUS, metadata


async def test_an_upload_in_parts_becomes_a_file(browser, contents, folder, put, stored):
    path = f"{folder}/a.bin"
    data = secrets.token_bytes(3_000_000)
    status, id, _ = await browser.create(path, len(data))
    assert status == 201
    assert await browser.offset(id) == 0
    status, headers, _ = await browser.patch(id, 0, data[:1_000_001])
    assert (status, headers["Upload-Offset"]) == (204, "1000001")
    assert (await browser.transfers())[-1] | {"started": ""} == {
        "id": id,
        "kind": "upload",
        "path": path,
        "source": "",
        "state": "receiving",
        "done": 1_000_001,
        "total": 3_000_000,
        "message": "",
        "status": 0,
        "started": "",
        "elsewhere": None,
    }
    assert (await browser.patch(id, 1_000_001, data[1_000_001:]))[0] == 204
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(path) == data


async def test_a_taken_name_is_refused_before_anything_is_sent(
    browser, contents, folder, put, stored
):
    path = f"{folder}/a.txt"
    old = await contents.client.upload(contents.mesh_path(path), b"old")
    status, _, said = await browser.create(path, 3)
    assert (status, said["reason"]) == (409, "Conflict")
    assert "exists already" in said["message"]
    assert (await browser.create(path, 3, replace="other"))[0] == 412
    status, id, _ = await browser.create(path, 3, replace=old.etag)
    assert status == 201
    await browser.patch(id, 0, b"new")
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(path) == b"new"
    assert (await browser.create(f"{folder}/none/a.txt", 3))[0] == 404


async def test_an_upload_is_cancelled(browser, contents, folder, put, stored):
    path = f"{folder}/a.txt"
    _, id, _ = await browser.create(path, 3)
    await browser.patch(id, 0, b"ne")
    assert (await browser.ask("DELETE", f"api/mesh/uploads/{id}", headers=TUS))[0] == 204
    assert await browser.offset(id) == 404
    assert (await browser.transfers())[0]["state"] == "cancelled"
    assert (await browser.ask("DELETE", f"api/mesh/transfers/{id}"))[0] == 204
    assert await browser.transfers() == []


async def test_what_changed_meanwhile_is_kept_until_the_user_decides(
    browser, contents, folder, put, stored
):
    path = f"{folder}/a.txt"
    mesh = contents.mesh_path(path)
    _, id, _ = await browser.create(path, 4)
    await browser.patch(id, 0, b"mi")
    theirs = await contents.client.upload(mesh, b"theirs")
    await browser.patch(id, 2, b"ne")
    failed = await browser.ended(id)
    assert (failed["state"], failed["status"]) == ("failed", 409)
    assert await stored(path) == b"theirs"
    retry = json.dumps({"replace": theirs.etag})
    status, _, again = await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data=retry)
    assert (status, again["state"]) == (202, "running")
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(path) == b"mine"


async def test_a_copy_is_a_transfer(browser, contents, folder, put, stored):
    await contents.client.mkdir(contents.mesh_path(f"{folder}/d"))
    await contents.client.upload(contents.mesh_path(f"{folder}/d/a.txt"), b"text")
    wanted = json.dumps({"kind": "copy", "source": f"{folder}/d", "target": folder})
    status, _, copy = await browser.ask("POST", "api/mesh/transfers", data=wanted)
    assert (status, copy["kind"], copy["state"]) == (202, "copy", "running")
    done = await browser.ended(copy["id"])
    assert (done["state"], done["path"]) == ("done", f"{folder}/d-Copy1")
    assert await stored(f"{folder}/d-Copy1/a.txt") == b"text"


async def test_one_event_and_few_questions(browser, contents, folder, put, site, events):
    # The first save under a condition finds out whether the site keeps conditions.
    old = await put(f"{folder}/before.bin", b"x")
    await put(f"{folder}/before.bin", b"y", if_match=old.etag)
    site.calls.clear()
    events.clear()
    _, id, _ = await browser.create(f"{folder}/a.bin", 4)
    asked = {"Stat": 2, "GetQuota": 1}
    assert {name: site.calls[name] for name in asked} == asked
    for offset in (0, 2):
        await browser.patch(id, offset, b"xx")
    assert (await browser.ended(id))["state"] == "done"
    assert site.calls["InitiateFileUpload"] == site.calls["PUT"] == 1
    assert site.calls["Stat"] <= 4
    assert events == [("save", f"{folder}/a.bin")]
    assert (await contents.get(f"{folder}/a.bin", content=False))["size"] == 4


async def test_an_upload_that_is_done_is_still_known(browser, folder, uploads_folder):
    """The answer to the last bytes may be lost on the way."""
    _, id, _ = await browser.create(f"{folder}/a.bin", 4)
    await browser.patch(id, 0, b"1234")
    await browser.ended(id)
    assert await browser.offset(id) == 4
    assert not list(uploads_folder.iterdir())


async def test_an_empty_file(browser, folder, stored):
    status, id, _ = await browser.create(f"{folder}/empty", 0)
    assert status == 201
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/empty") == b""


@pytest.mark.parametrize(
    "name",
    ["with space.txt", "# % ? &+.txt", "é.txt", "e\u0301.txt", "🧪.txt", "back\\slash", " both "],
)
async def test_odd_names(browser, folder, stored, name):
    _, id, _ = await browser.create(f"{folder}/{name}", 1)
    await browser.patch(id, 0, b"x")
    assert (await browser.ended(id))["path"] == f"{folder}/{name}"
    assert await stored(f"{folder}/{name}") == b"x"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("../x", 404, id="up"),
        pytest.param("mesh/home/../../x", 404, id="up inside"),
        pytest.param("mesh/home/\0", 404, id="NUL"),
        pytest.param("mesh/home/.hidden", 400, id="hidden"),
        pytest.param("mesh/home/" + "x" * 256, 400, id="too long"),
        pytest.param("mesh/home", 400, id="a folder"),
        pytest.param("mesh", 400, id="the mesh"),
        pytest.param("", 400, id="nothing"),
        pytest.param("local.txt", 404, id="not of the mesh"),
        pytest.param("mesh/elsewhere/x", 404, id="no area"),
    ],
)
async def test_what_is_no_place_for_a_file(browser, path, status, uploads_folder):
    found, _, said = await browser.create(path, 1)
    assert found == status
    assert said["message"].endswith(".")
    assert not uploads_folder.exists() or not list(uploads_folder.iterdir())


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        pytest.param({"Upload-Length": "-1"}, 400, id="negative"),
        pytest.param({"Upload-Length": "1e3"}, 400, id="no number"),
        pytest.param({"Upload-Length": "٣"}, 400, id="other digits"),
        pytest.param({"Upload-Length": "9" * 30}, 400, id="beyond everything"),
        pytest.param({"Upload-Length": str(10**17)}, 507, id="more than there is"),
        pytest.param({"Upload-Length": ""}, 400, id="unknown length"),
        pytest.param({"Upload-Defer-Length": "1"}, 400, id="length later"),
        pytest.param({"Upload-Metadata": "path ???"}, 400, id="no base64"),
        pytest.param({"Upload-Metadata": "path /w=="}, 400, id="no UTF-8"),
        pytest.param({"Upload-Metadata": "name eA=="}, 400, id="no path"),
        pytest.param({"Upload-Metadata": ",,, ,"}, 400, id="junk"),
        pytest.param({"Tus-Resumable": "0.2.2"}, 412, id="another version"),
    ],
)
async def test_what_is_no_upload(browser, folder, changed, status):
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": metadata(path=f"{folder}/a")}
    found, answered, _ = await browser.ask(
        "POST", "api/mesh/uploads", headers={**headers, **changed}
    )
    assert found == status
    assert answered["Tus-Resumable"] == "1.0.0"
    assert await browser.transfers() == []


@pytest.mark.parametrize(
    ("offset", "data", "changed", "status"),
    [
        pytest.param(3, b"x", {}, 409, id="ahead"),
        pytest.param(0, b"x", {}, 409, id="behind"),
        pytest.param(2, b"xxx", {}, 413, id="more than announced"),
        pytest.param("x", b"x", {}, 400, id="no offset"),
        pytest.param(2, b"x", {"Content-Type": "text/plain"}, 415, id="another type"),
        pytest.param(2, b"x", {"Tus-Resumable": "0"}, 412, id="another version"),
    ],
)
async def test_parts_that_do_not_fit(browser, folder, stored, offset, data, changed, status):
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"12")
    assert (await browser.patch(id, offset, data, **changed))[0] == status
    assert await browser.offset(id) == 2
    await browser.patch(id, 2, b"34")
    await browser.ended(id)
    assert await stored(f"{folder}/a") == b"1234"


async def test_more_than_announced_without_saying_so(browser, folder, stored):
    async def lie():
        yield b"3"
        yield b"4567" * 1000

    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"12")
    headers = {**TUS, "Upload-Offset": "2", "Content-Type": "application/offset+octet-stream"}
    status, _, said = await browser.ask(
        "PATCH", f"api/mesh/uploads/{id}", headers=headers, data=lie()
    )
    assert (status, "more bytes" in said["message"].lower()) == (413, True)
    assert await browser.offset(id) == 2


async def test_nobody_knows_an_upload_by_guessing(browser, folder):
    assert await browser.offset("none") == 404
    assert (await browser.patch("none", 0, b"x"))[0] == 404
    for path in ("uploads/none", "transfers/none"):
        assert (await browser.ask("DELETE", f"api/mesh/{path}", headers=TUS))[0] == 404
    retried = await browser.ask("POST", "api/mesh/transfers/none/retry", data="{}")
    assert retried[0] == 404


async def test_what_this_end_can_do(browser):
    status, headers, _ = await browser.ask("OPTIONS", "api/mesh/uploads")
    assert status in (200, 204)
    assert headers["Tus-Version"] == "1.0.0"
    assert set(headers["Tus-Extension"].split(",")) == {"creation", "expiration", "termination"}


class Line:
    """A connection that brings only part of what it promised."""

    def __init__(self, browser, id):
        self._browser = browser
        self._id = id

    async def open(self, offset, length, data):
        url = URL(self._browser.base, encoded=True)
        reader, self.writer = await asyncio.open_connection(url.host, url.port)
        head = [
            f"PATCH {url.raw_path}api/mesh/uploads/{self._id} HTTP/1.1",
            f"Host: {url.host}:{url.port}",
            f"Content-Length: {length}",
            f"Upload-Offset: {offset}",
            "Content-Type: application/offset+octet-stream",
            "Tus-Resumable: 1.0.0",
            *(f"{name}: {value}" for name, value in self._browser.headers.items()),
        ]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + data)
        await self.writer.drain()
        self.reader = reader

    async def cut(self):
        self.writer.close()
        await self.writer.wait_closed()


async def reached(browser, id, offset):
    """Waits until the server has got this far."""
    async with asyncio.timeout(10):
        while await browser.offset(id) != offset:
            pass


async def test_what_came_before_the_line_broke_is_kept(browser, folder, stored):
    data = secrets.token_bytes(3_000_000)
    _, id, _ = await browser.create(f"{folder}/a", len(data))
    line = Line(browser, id)
    await line.open(0, len(data), data[:1_500_000])
    await line.cut()
    await reached(browser, id, 1_500_000)
    assert (await browser.patch(id, 1_500_000, data[1_500_000:]))[0] == 204
    await browser.ended(id)
    assert await stored(f"{folder}/a") == data


async def test_one_request_at_a_time(browser, folder, stored, monkeypatch):
    data = secrets.token_bytes(2_500_000)
    _, id, _ = await browser.create(f"{folder}/a", len(data))
    line = Line(browser, id)
    await line.open(0, len(data), data[:1_500_000])
    async with asyncio.timeout(10):
        while (at := await browser.offset(id)) < 1_000_000:
            pass
    assert (await browser.patch(id, at, data[at:]))[0] == 423
    # A line that has gone silent is taken over, and has nothing more to say.
    monkeypatch.setattr(uploads, "HUNG", 0)
    assert (await browser.patch(id, at, data[at:]))[0] == 204
    line.writer.write(data[1_500_000:])
    assert b" 423 " in await line.reader.readline()
    await line.cut()
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == data


async def test_a_full_disk_is_said_and_the_upload_goes_on_later(
    browser, folder, stored, monkeypatch
):
    _, id, _ = await browser.create(f"{folder}/a", 6)
    await browser.patch(id, 0, b"12")
    with monkeypatch.context() as full:

        def pwrite(fd, data, at):
            raise OSError(errno.ENOSPC, "no room")

        full.setattr("jupyter_mesh.transfers.spools.os.pwrite", pwrite)
        status, _, said = await browser.patch(id, 2, b"3456")
    assert (status, "no room left for uploads" in said["message"]) == (507, True)
    assert await browser.offset(id) == 2
    await browser.patch(id, 2, b"3456")
    await browser.ended(id)
    assert await stored(f"{folder}/a") == b"123456"


async def test_a_restart_of_the_server(browser, folder, stored, restart, uploads_folder):
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"12")
    await restart()
    (known,) = await browser.transfers()
    assert (known["id"], known["state"], known["done"]) == (id, "receiving", 2)
    assert await browser.offset(id) == 2
    await browser.patch(id, 2, b"34")
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"1234"
    await restart()
    assert await browser.transfers() == []
    assert not list(uploads_folder.iterdir())


@pytest.fixture
def hold(contents, monkeypatch):
    """Has uploads to the site wait; gives an event that tells that one does, and one that lets it go."""
    waits, go = asyncio.Event(), asyncio.Event()
    upload = contents.client.upload

    async def waiting(*args, **kwargs):
        waits.set()
        await go.wait()
        return await upload(*args, **kwargs)

    monkeypatch.setattr(contents.client, "upload", waiting)
    return waits, go


async def test_a_restart_before_the_bytes_are_at_the_site(browser, folder, stored, restart, hold):
    waits, go = hold
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"1234")
    await waits.wait()
    await restart()
    (known,) = await browser.transfers()
    assert (known["state"], known["done"], known["status"]) == ("failed", 4, 503)
    assert "it is unknown whether" in known["message"]
    go.set()
    status, _, _ = await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data="{}")
    assert status == 202
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"1234"


async def test_a_restart_after_the_bytes_are_at_the_site(
    browser, contents, folder, stored, restart, monkeypatch
):
    """Nobody can know: the user is told to look, and asked before anything is replaced."""
    arrived, upload = asyncio.Event(), contents.client.upload

    async def without_answer(*args, **kwargs):
        await upload(*args, **kwargs)
        arrived.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as line:
        line.setattr(contents.client, "upload", without_answer)
        _, id, _ = await browser.create(f"{folder}/a", 4)
        await browser.patch(id, 0, b"1234")
        await arrived.wait()
        await restart()
    assert await stored(f"{folder}/a") == b"1234"
    (known,) = await browser.transfers()
    assert (known["state"], known["status"]) == ("failed", 503)
    assert "look before you retry" in known["message"]
    await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data="{}")
    again = await browser.ended(id)
    assert (again["state"], again["status"]) == ("failed", 409)
    assert "exists already" in again["message"]


async def test_a_hook_that_fails_after_an_upload(
    browser, contents, folder, stored, events, uploads_folder, caplog
):
    """The file is at the site: to call that a failure would have it uploaded again."""

    def hook(**_):
        raise ValueError("no room for a copy")

    contents.register_post_save_hook(hook)
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"1234")
    ended = await browser.ended(id)
    assert (ended["state"], ended["message"]) == ("done", "")
    assert await stored(f"{folder}/a") == b"1234"
    assert not list(uploads_folder.iterdir())
    assert ("save", f"{folder}/a") in events
    assert "was stored, but a post-save hook failed" in caplog.text


async def test_cancelled_on_the_way_to_the_site(
    browser, contents, folder, hold, events, uploads_folder
):
    waits, _ = hold
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"1234")
    await waits.wait()
    assert (await browser.transfers())[0]["state"] == "running"
    assert (await browser.ask("DELETE", f"api/mesh/transfers/{id}"))[0] == 204
    assert (await browser.transfers())[0]["state"] == "cancelled"
    assert not list(uploads_folder.iterdir())
    assert not await contents.client.exists(contents.mesh_path(f"{folder}/a"))
    assert ("save", f"{folder}/a") not in events
    retried = await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data="{}")
    assert retried[0] == 404


async def test_a_failure_keeps_the_bytes_until_it_is_forgotten(
    browser, contents, folder, put, stored, uploads_folder
):
    old = await put(f"{folder}/a", b"old")
    _, id, _ = await browser.create(f"{folder}/a", 4, replace=old.etag)
    theirs = await put(f"{folder}/a", b"theirs")
    await browser.patch(id, 0, b"mine")
    failed = await browser.ended(id)
    assert (failed["state"], failed["status"]) == ("failed", 412)
    assert "Nothing was overwritten" in failed["message"]
    assert await stored(f"{folder}/a") == b"theirs"
    again = json.dumps({"replace": old.etag})
    await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data=again)
    assert (await browser.ended(id))["status"] == 412
    assert len(list(uploads_folder.iterdir())) == 2
    assert (await browser.ask("DELETE", f"api/mesh/transfers/{id}"))[0] == 204
    assert not list(uploads_folder.iterdir())
    assert await stored(f"{folder}/a") == b"theirs"
    assert (await contents.client.stat(contents.mesh_path(f"{folder}/a"))).etag == theirs.etag


async def test_what_was_deleted_meanwhile_is_not_missed(browser, contents, folder, put, stored):
    old = await put(f"{folder}/a", b"old")
    _, id, _ = await browser.create(f"{folder}/a", 4, replace=old.etag)
    await contents.client.delete(contents.mesh_path(f"{folder}/a"))
    await browser.patch(id, 0, b"mine")
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"mine"


async def test_what_nobody_continues_is_dropped(browser, contents, folder, uploads_folder):
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"12")
    spools = contents.mesh.spools
    (spool,) = await spools.spools("upload")
    spool.touched = 0
    await spools.sweep()
    assert not list(uploads_folder.iterdir())
    assert await browser.offset(id) == 404
    (known,) = await browser.transfers()
    assert (known["state"], known["status"]) == ("failed", 404)


async def test_other_sites_cannot_upload(browser, folder):
    """A page elsewhere has the browser send its cookies, but does not know the XSRF token."""
    xsrf = await browser.log_in()
    assert (await browser.ask("GET", "api/mesh/transfers"))[0] == 200
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": metadata(path=f"{folder}/a")}
    for method, path in (
        ("POST", "uploads"),
        ("PATCH", "uploads/x"),
        ("DELETE", "uploads/x"),
        ("POST", "transfers"),
        ("DELETE", "transfers/x"),
        ("POST", "transfers/x/retry"),
    ):
        status, _, _ = await browser.ask(method, f"api/mesh/{path}", headers=headers)
        assert status == 403, (method, path)
    assert (await browser.ask("GET", f"mesh/download?path={folder}"))[0] == 403
    knowing = {**headers, "X-XSRFToken": xsrf}
    assert (await browser.ask("POST", "api/mesh/uploads", headers=knowing))[0] == 201


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE"])
async def test_nobody_uploads_without_login(browser, method):
    browser.headers.clear()
    path = "api/mesh/uploads" + ("/x" if method != "POST" else "")
    assert (await browser.ask(method, path, headers=TUS))[0] == 403


async def test_an_upload_goes_to_the_site_once(browser, folder, site, hold, stored):
    """Whoever missed an answer asks again, and a button can be pressed twice."""
    waits, go = hold
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"1234")
    await waits.wait()
    puts = site.calls["PUT"]
    assert (await browser.patch(id, 4, b""))[0] == 204
    go.set()
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"1234"
    assert site.calls["PUT"] == puts + 1


async def test_a_failure_is_retried_once_at_a_time(browser, folder, put, site, hold, stored):
    waits, go = hold
    _, id, _ = await browser.create(f"{folder}/a", 4)
    go.set()
    theirs = await put(f"{folder}/a", b"theirs")
    await browser.patch(id, 0, b"mine")
    assert (await browser.ended(id))["state"] == "failed"
    waits.clear()
    go.clear()
    again = json.dumps({"replace": theirs.etag})
    answers = await asyncio.gather(
        *(browser.ask("POST", f"api/mesh/transfers/{id}/retry", data=again) for _ in range(3))
    )
    assert sorted(status for status, _, _ in answers) == [202, 409, 409]
    puts = site.calls["PUT"]
    go.set()
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"mine"
    assert site.calls["PUT"] == puts + 1


async def test_a_line_that_breaks_after_the_last_byte(browser, folder, stored, jp_serverapp):
    app = jp_serverapp.extension_manager.extension_points["jupyter_mesh"].app
    _, id, _ = await browser.create(f"{folder}/a", 4)
    receiving = await app.carrier.uploads.receive(id, 0, None)
    await receiving.add(b"1234")
    await receiving.abort()
    assert await browser.offset(id) == 4
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(f"{folder}/a") == b"1234"


async def test_a_failed_upload_is_given_up(browser, folder, put, uploads_folder):
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await put(f"{folder}/a", b"theirs")
    await browser.patch(id, 0, b"mine")
    assert (await browser.ended(id))["state"] == "failed"
    assert (await browser.ask("DELETE", f"api/mesh/uploads/{id}", headers=TUS))[0] == 204
    assert await browser.offset(id) == 404
    assert not list(uploads_folder.iterdir())


async def test_what_is_at_the_site_is_not_called_cancelled(browser, folder, stored, monkeypatch):
    removing, go = asyncio.Event(), asyncio.Event()
    remove = SpoolFolder.remove

    async def slowly(self, spool):
        removing.set()
        await go.wait()
        await remove(self, spool)

    monkeypatch.setattr(SpoolFolder, "remove", slowly)
    _, id, _ = await browser.create(f"{folder}/a", 4)
    await browser.patch(id, 0, b"1234")
    await removing.wait()
    cancelled = asyncio.create_task(browser.ask("DELETE", f"api/mesh/transfers/{id}"))
    await browser.transfers()
    go.set()
    assert (await cancelled)[0] == 204
    assert [each["state"] for each in await browser.transfers()] == ["done"]
    assert await stored(f"{folder}/a") == b"1234"


@pytest.mark.parametrize("body", ["", "[]", "1", "{", '{"kind": "copy", "source": 1}', "[" * 9999])
@pytest.mark.parametrize("address", ["transfers", "transfers/x/retry"])
async def test_what_is_no_request_for_a_transfer(browser, folder, address, body):
    status, _, said = await browser.ask("POST", f"api/mesh/{address}", data=body)
    assert status == (404 if "kind" in body and "retry" in address else 400)
    assert "Something went wrong" not in said["message"]
