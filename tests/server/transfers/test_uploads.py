"""Resumable uploads: ``/api/mesh/uploads`` and what ``/api/mesh/transfers`` tells of them."""

import json
import secrets

TUS = {"Tus-Resumable": "1.0.0"}


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
