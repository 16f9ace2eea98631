"""Resumable uploads: ``/api/mesh/uploads`` and what ``/api/mesh/transfers`` tells of them."""

import asyncio
import io
import json
import secrets
from base64 import b64encode

import aiohttp
import pytest
from yarl import URL

TUS = {"Tus-Resumable": "1.0.0"}


def metadata(**pairs: str) -> str:
    """An Upload-Metadata header."""
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in pairs.items())


class Browser:
    """A plain client of a Jupyter server: what a browser sends, byte for byte."""

    def __init__(self, http, base, headers):
        self.http = http
        self.base = base
        self.headers = headers

    def send(self, method, path, *, headers=None, **more):
        url = path if path.startswith("http") else self.base + path.removeprefix("/")
        return self.http.request(
            method, URL(url, encoded=True), headers={**self.headers, **(headers or {})}, **more
        )

    async def ask(self, method, path, **more):
        """Status, headers and the JSON or the bytes of an answer."""
        async with self.send(method, path, **more) as reply:
            body = await reply.read()
            if body and reply.content_type == "application/json":
                body = json.loads(body)
            return reply.status, reply.headers, body

    async def create(self, path, size, **told):
        """Announce an upload; status, its address and the body of the answer."""
        headers = {**TUS, "Upload-Length": str(size)}
        headers["Upload-Metadata"] = metadata(path=path, **told)
        status, found, body = await self.ask("POST", "api/mesh/uploads", headers=headers)
        return status, found.get("Location", "").rpartition("/")[2], body

    async def patch(self, id, offset, data, **headers):
        headers = {
            **TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            **headers,
        }
        return await self.ask(
            "PATCH", f"api/mesh/uploads/{id}", headers=headers, data=io.BytesIO(data)
        )

    async def offset(self, id):
        status, headers, _ = await self.ask("HEAD", f"api/mesh/uploads/{id}", headers=TUS)
        return int(headers["Upload-Offset"]) if status == 200 else status

    async def transfers(self):
        return (await self.ask("GET", "api/mesh/transfers"))[2]["transfers"]

    async def ended(self, id):
        """The transfer once it has ended."""
        async with asyncio.timeout(20):
            while True:
                status, _, transfer = await self.ask("GET", f"api/mesh/transfers/{id}")
                assert status == 200
                if transfer["state"] not in ("receiving", "running"):
                    return transfer


async def session():
    return aiohttp.ClientSession()


@pytest.fixture
def browser(http_server, jp_http_port, jp_base_url, jp_auth_header, jp_asyncio_loop):
    http = jp_asyncio_loop.run_until_complete(session())
    yield Browser(http, f"http://127.0.0.1:{jp_http_port}{jp_base_url}", jp_auth_header)
    jp_asyncio_loop.run_until_complete(http.close())


@pytest.fixture
def contents(jp_serverapp):
    """The manager of the server."""
    return jp_serverapp.contents_manager


@pytest.fixture
def folder(contents, jp_asyncio_loop) -> str:
    """API path of a fresh folder of the site."""
    mesh = f"home/up-{secrets.token_hex(6)}"
    jp_asyncio_loop.run_until_complete(contents.client.mkdir(mesh))
    return f"mesh/{mesh}"


async def stored(contents, path):
    return await contents.client.read(contents.mesh_path(path))


async def test_an_upload_in_parts_becomes_a_file(browser, contents, folder):
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
    assert await stored(contents, path) == data


async def test_a_taken_name_is_refused_before_anything_is_sent(browser, contents, folder):
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
    assert await stored(contents, path) == b"new"
    assert (await browser.create(f"{folder}/none/a.txt", 3))[0] == 404


async def test_an_upload_is_cancelled(browser, contents, folder):
    path = f"{folder}/a.txt"
    _, id, _ = await browser.create(path, 3)
    await browser.patch(id, 0, b"ne")
    assert (await browser.ask("DELETE", f"api/mesh/uploads/{id}", headers=TUS))[0] == 204
    assert await browser.offset(id) == 404
    assert (await browser.transfers())[0]["state"] == "cancelled"
    assert (await browser.ask("DELETE", f"api/mesh/transfers/{id}"))[0] == 204
    assert await browser.transfers() == []


async def test_what_changed_meanwhile_is_kept_until_the_user_decides(browser, contents, folder):
    path = f"{folder}/a.txt"
    mesh = contents.mesh_path(path)
    _, id, _ = await browser.create(path, 4)
    await browser.patch(id, 0, b"mi")
    theirs = await contents.client.upload(mesh, b"theirs")
    await browser.patch(id, 2, b"ne")
    failed = await browser.ended(id)
    assert (failed["state"], failed["status"]) == ("failed", 409)
    assert await stored(contents, path) == b"theirs"
    retry = json.dumps({"replace": theirs.etag})
    status, _, again = await browser.ask("POST", f"api/mesh/transfers/{id}/retry", data=retry)
    assert (status, again["state"]) == (202, "running")
    assert (await browser.ended(id))["state"] == "done"
    assert await stored(contents, path) == b"mine"


async def test_a_copy_is_a_transfer(browser, contents, folder):
    await contents.client.mkdir(contents.mesh_path(f"{folder}/d"))
    await contents.client.upload(contents.mesh_path(f"{folder}/d/a.txt"), b"text")
    wanted = json.dumps({"kind": "copy", "source": f"{folder}/d", "target": folder})
    status, _, copy = await browser.ask("POST", "api/mesh/transfers", data=wanted)
    assert (status, copy["kind"], copy["state"]) == (202, "copy", "running")
    done = await browser.ended(copy["id"])
    assert (done["state"], done["path"]) == ("done", f"{folder}/d-Copy1")
    assert await stored(contents, f"{folder}/d-Copy1/a.txt") == b"text"
