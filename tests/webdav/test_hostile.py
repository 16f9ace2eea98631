"""What no honest client sends."""

import asyncio
from io import BytesIO

import pytest

from jupyter_mesh.cs3.client import MeshClient
from tests.webdav.davs import Dav, dav_at

BOMB = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<d:propfind xmlns:d="DAV:"><d:prop><d:x>&b;</d:x></d:prop></d:propfind>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<d:propfind xmlns:d="DAV:"><d:prop><d:x>&a;</d:x></d:prop></d:propfind>"""
DEEP = "<a>" * 100_000
BODIES = {
    "entities": (BOMB, 400),
    "files": (OUTSIDE, 400),
    "deep": (DEEP, 400),
    "large": ("<a>" + "x" * (2 << 20), 413),
    "no XML": ("\x00\xff", 400),
    "encoding": ('<?xml version="1.0" encoding="no-such"?><a/>', 400),
    "another": ("<a/>", 400),
    "empty prefix": (
        '<d:propfind xmlns:d="DAV:"><d:prop><b:x xmlns:b=""/></d:prop></d:propfind>',
        400,
    ),
}


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH"])
@pytest.mark.parametrize("body", BODIES)
async def test_hostile_xml_is_refused(dav: Dav, method: str, body: str):
    text, status = BODIES[body]
    answered, said = await dav.ask(method, "home/", data=BytesIO(text.encode("latin-1")), Depth="0")
    assert answered == status, said
    assert b"root:" not in said
    assert len(said) < 1000


TARGETS = {
    "up": "/home/../../etc/passwd",
    "up, encoded": "/home/%2e%2e/%2e%2e/etc/passwd",
    "slash, encoded": "/home/a%2fb",
    "NUL": "/home/a%00b",
    "no UTF-8": "/home/%ff",
    "too long": "/home/" + "x" * 300,
}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PROPFIND", "MKCOL"])
@pytest.mark.parametrize("target", TARGETS)
async def test_no_path_leads_out(dav: Dav, adapter, tmp_path, method: str, target: str):
    reader, writer = await asyncio.open_unix_connection(tmp_path / "dav.sock")
    request = f"{method} {TARGETS[target]} HTTP/1.1\r\nHost: mesh\r\nContent-Length: 0\r\nDepth: 0\r\n\r\n"
    writer.write(request.encode())
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status == b"400"


@pytest.mark.parametrize("to", ["http://elsewhere/home/x", "ftp://mesh/home/x", "", "/home/../x"])
async def test_no_destination_leads_out(dav: Dav, mesh: MeshClient, folder: str, to: str):
    await mesh.upload(f"{folder}/f", b"content")
    for method in ("MOVE", "COPY"):
        status, _ = await dav.ask(method, f"{folder}/f", Destination=to)
        assert status in (400, 502)
    assert await mesh.read(f"{folder}/f") == b"content"


async def test_infinite_depth_is_refused(dav: Dav):
    status, said = await dav.ask("PROPFIND", "home/", Depth="infinity")
    assert status == 403
    assert b"propfind-finite-depth" in said


async def test_a_put_that_is_hung_up_on_leaves_what_was_there(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path
):
    path = f"{folder}/f"
    await mesh.upload(path, b"old")
    await dav.names(folder)
    _, writer = await asyncio.open_unix_connection(tmp_path / "dav.sock")
    writer.write(f"PUT /{path} HTTP/1.1\r\nHost: mesh\r\nContent-Length: 5000000\r\n\r\n".encode())
    writer.write(b"x" * 2_000_000)
    await writer.drain()
    writer.transport.abort()
    async with dav_at(tmp_path / "dav.sock") as other:
        assert await other.get(path) == b"old"
    assert [each.name for each in await mesh.list_folder(folder)] == ["f"]


async def test_a_get_that_is_hung_up_on_harms_nobody(
    dav: Dav, mesh: MeshClient, folder: str, tmp_path
):
    path = f"{folder}/f"
    await mesh.upload(path, bytes(8 << 20))
    for _ in range(40):  # More than there are connections to the site.
        _, writer = await asyncio.open_unix_connection(tmp_path / "dav.sock")
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: mesh\r\nRange: bytes=5-\r\n\r\n".encode())
        await writer.drain()
        writer.transport.abort()
    assert await dav.get(path, "bytes=0-9") == bytes(10)
