"""A browser that sends to a Jupyter server what it wants, byte for byte."""

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

    async def log_in(self):
        """From here on, cookies instead of a token; returns the XSRF token."""
        token = self.headers["Authorization"].removeprefix("token ")
        _, headers, _ = await self.ask("GET", f"tree?token={token}", allow_redirects=False)
        cookies = [each.partition(";")[0] for each in headers.getall("Set-Cookie")]
        self.headers = {"Cookie": "; ".join(cookies)}
        (xsrf,) = [each for each in cookies if each.startswith("_xsrf=")]
        return xsrf.removeprefix("_xsrf=")

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
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


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


@pytest.fixture
def put(contents):
    """Stores a file at the site, past this server's REST."""

    async def put(path, data=b"x", **conditions):
        return await contents.client.upload(contents.mesh_path(path), data, **conditions)

    return put


@pytest.fixture
def stored(contents):
    """The content of a file as the site has it."""

    async def stored(path):
        return await contents.client.read(contents.mesh_path(path))

    return stored


@pytest.fixture
def restart(jp_serverapp):
    """Ends what the server carries and begins anew with what is on the disk."""
    app = jp_serverapp.extension_manager.extension_points["jupyter_mesh"].app

    async def restart():
        await app.carrier.close()
        await app.carrier.mesh.spools.close()
        app._carrier = None

    return restart


@pytest.fixture
def events(jp_serverapp):
    """What the server told of files, each as (action, path)."""
    told = []
    schema = "https://events.jupyter.org/jupyter_server/contents_service/v1"

    async def listen(logger, schema_id, data):
        told.append((data["action"], data["path"]))

    jp_serverapp.event_logger.add_listener(schema_id=schema, listener=listen)
    return told


@pytest.fixture
def uploads_folder(jp_data_dir):
    """Where the server keeps what has not reached the site."""
    return jp_data_dir / "mesh" / "uploads"
