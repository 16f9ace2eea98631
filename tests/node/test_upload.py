"""Uploads: nothing changes before the last byte, and then all at once."""

import asyncio
import hashlib
import io
from urllib.parse import urlsplit

import pytest
from cs3.types.v1beta1 import types_pb2 as types

from .conftest import code

TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def sha1(content: bytes) -> str:
    return "sha1 " + hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
async def old(einstein):
    """A home with a file "f" that holds "old"."""
    assert await einstein.put("f", b"old") == 200
    return einstein


async def test_what_the_reply_tells(old, flavour):
    started = await old.start_upload("f", 3)
    status, headers = await old.send(started, b"new")
    assert status == 200
    info = await old.info("f")
    if flavour == "spaces":
        assert headers["ETag"] == headers["OC-ETag"] == info.etag
        assert headers["OC-FileId"].endswith("!" + info.id.opaque_id)
        assert "Last-Modified" in headers
    else:
        assert not {"ETag", "OC-ETag", "OC-FileId", "Last-Modified"} & set(headers)


@pytest.mark.parametrize("size", [None, 0, 3, 10])
async def test_starting_changes_nothing(old, size):
    before = await old.info("f")
    assert code(await old.start_upload("f", size)) == "OK"
    assert await old.info("f") == before
    assert await old.get("f") == b"old"


async def test_an_empty_file(old):
    assert await old.put("f", b"") == 200
    assert await old.get("f") == b""
    assert await old.put("new", b"") == 200
    assert (await old.info("new")).size == 0


@pytest.mark.parametrize("sent", [b"short", b"much longer than announced"], ids=["short", "long"])
async def test_a_length_that_was_not_announced(spaces_site, sent):
    client = await spaces_site.client()
    await client.put("f", b"old")
    status, _ = await client.send(await client.start_upload("f", 10), sent)
    assert status == 400
    assert await client.get("f") == b"old"


async def test_chunked(old, flavour):
    async def pieces():
        yield b"ne"
        yield b"w"

    status, _ = await old.send(await old.start_upload("f", 3), pieces())
    assert (status, await old.get("f")) == ((400, b"old") if flavour == "spaces" else (200, b"new"))


@pytest.mark.parametrize("length", ["xyz", "-1", "1.5", "²"])
async def test_a_length_that_is_no_number(old, flavour, length):
    answer = code(await old.start_upload("f", length))
    assert answer == ("INVALID_ARGUMENT" if flavour == "spaces" else "INTERNAL")


async def test_a_cut_connection(site, old):
    started = await old.start_upload("f", 5_000_000)
    protocol = started.protocols[0]
    address = urlsplit(protocol.upload_endpoint)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"PUT /data HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\nx-access-token: {old.token}\r\n"
    writer.write(
        head.encode() + f"X-Reva-Transfer: {protocol.token}\r\n\r\n".encode() + b"x" * 3_000_000
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        while list((site.data / ".node" / "uploads").iterdir()):  # noqa: ASYNC110 - of another process, in effect
            await asyncio.sleep(0.01)
    assert await old.get("f") == b"old"


async def test_checksum(spaces_site):
    client = await spaces_site.client()
    await client.put("f", b"old")
    started = await client.start_upload("f", 3, opaque_values={"Upload-Checksum": sha1(b"new")})
    assert (await client.send(started, b"neu"))[0] == 419
    started = await client.start_upload("f", 3)
    assert (await client.send(started, b"neu", {"Upload-Checksum": sha1(b"new")}))[0] == 419
    assert await client.get("f") == b"old"
    started = await client.start_upload("f", 3, opaque_values={"Upload-Checksum": sha1(b"new")})
    assert (await client.send(started, b"new"))[0] == 200


async def test_a_site_of_paths_checks_no_checksum(paths_site):
    client = await paths_site.client()
    started = await client.start_upload("f", 3, opaque_values={"Upload-Checksum": sha1(b"new")})
    assert (await client.send(started, b"neu"))[0] == 200


async def test_mtime(old, flavour):
    started = await old.start_upload("f", 3, opaque_values={"X-OC-Mtime": "1000000000.5"})
    assert (await old.send(started, b"new"))[0] == 200
    assert ((await old.info("f")).mtime.seconds == 1_000_000_000) == (flavour == "spaces")


async def test_a_time_that_no_database_can_hold(old, flavour):
    started = await old.start_upload("f", 3)
    status, _ = await old.send(started, b"new", {"X-OC-Mtime": "9999999999"})
    assert status == (400 if flavour == "spaces" else 200)
    assert await old.get("f") == (b"old" if flavour == "spaces" else b"new")


CONDITIONS = [
    # condition, on what, code at the start
    ("if_match good", "f", "OK"),
    ("if_match bad", "f", "FAILED_PRECONDITION"),
    ("if_match bad", "new", "FAILED_PRECONDITION"),
    ("if_not_exist", "f", "ALREADY_EXISTS"),
    ("if_not_exist", "new", "OK"),
    ("if_unmodified_since now", "f", "OK"),
    ("if_unmodified_since 1970", "f", "FAILED_PRECONDITION"),
]


async def condition(client, text):
    name, _, value = text.partition(" ")
    if name == "if_match":
        return {name: (await client.info("f")).etag if value == "good" else '"bad"'}
    if name == "if_not_exist":
        return {name: True}
    return {name: (await client.info("f")).mtime if value == "now" else types.Timestamp(seconds=1)}


@pytest.mark.parametrize(
    ("text", "target", "expected"), CONDITIONS, ids=[f"{case[0]} {case[1]}" for case in CONDITIONS]
)
async def test_condition(old, flavour, text, target, expected):
    started = await old.start_upload(target, 3, **await condition(old, text))
    assert code(started) == (expected if flavour == "spaces" else "OK")


@pytest.mark.parametrize("text", ["if_match good", "if_not_exist"])
async def test_of_two_with_one_condition_the_first_wins(old, flavour, text):
    target = "f" if text == "if_match good" else "new"
    first, second = [
        await old.start_upload(target, 3, **await condition(old, text)) for _ in range(2)
    ]
    assert (await old.send(first, b"one"))[0] == 200
    assert (await old.send(second, b"two"))[0] == (412 if flavour == "spaces" else 200)
    assert await old.get(target) == (b"one" if flavour == "spaces" else b"two")


async def test_tokens(site, old):
    other = await site.client("marie")
    started = await old.start_upload("f", 3)
    protocol = started.protocols[0]
    url = protocol.upload_endpoint

    async def put(**headers):
        async with old.web.put(url, data=b"new", headers=headers) as reply:
            assert await reply.read() == b""
            return reply.status

    assert await put() == 401
    assert await put(**{"X-Reva-Transfer": protocol.token}) == 401
    assert await put(**{"X-Reva-Transfer": protocol.token, "x-access-token": "rubbish"}) == 401
    assert await put(**{"x-access-token": old.token}) == 403
    assert await put(**{"X-Reva-Transfer": "rubbish", "x-access-token": old.token}) == 403
    assert await put(**{"X-Reva-Transfer": old.token, "x-access-token": old.token}) == 403
    assert await put(**{"X-Reva-Transfer": protocol.token, "x-access-token": other.token}) == 404
    assert await old.get("f") == b"old"
    assert await put(**old.headers(protocol)) == 200
    assert await put(**old.headers(protocol)) == 500, "an upload token is good once"
    assert await old.get("f") == b"new"


async def test_a_transfer_token_ends(start):
    site = await start(transfer_life=-1)
    client = await site.client()
    assert (await client.send(await client.start_upload("f", 3), b"new"))[0] == 403


async def test_quota(start, flavour):
    site = await start(flavour)
    poor = await site.client("poor")
    assert await poor.put("f", b"x" * 600) == 200
    assert await poor.put("g", b"x" * 600) == "INSUFFICIENT_STORAGE"
    assert await poor.put("f", b"x" * 900) == 200, "replacing needs only the difference"
    started = await poor.start_upload("g")
    assert (await poor.send(started, b"x" * 600))[0] == 507
    first, second = await poor.start_upload("g", 80), await poor.start_upload("h", 80)
    assert (await poor.send(first, b"x" * 80))[0] == 200
    assert (await poor.send(second, b"x" * 80))[0] == 507
    assert set(await poor.ls()) == {"f", "g"}


async def test_the_folder_was_renamed_meanwhile(old):
    await old.mkdir("d")
    started = await old.start_upload("d/f", 3)
    await old.move("d", "e")
    assert (await old.send(started, b"new"))[0] == 200
    assert await old.get("e/f") == b"new"


async def test_the_folder_was_deleted_meanwhile(old):
    await old.mkdir("d")
    started = await old.start_upload("d/f", 3)
    await old.delete("d")
    assert (await old.send(started, b"new"))[0] == 500
    assert set(await old.ls()) == {"f"}


class Tus:
    """A tus upload in pieces."""

    def __init__(self, client, started):
        self.client = client
        self.protocol = next(one for one in started.protocols if one.protocol == "tus")

    async def request(self, method, data=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        # tus needs the transfer token alone.
        headers["X-Reva-Transfer"] = self.protocol.token
        async with self.client.web.request(
            method, self.protocol.upload_endpoint, data=data, headers=headers
        ) as reply:
            return reply.status, reply.headers

    async def patch(self, offset, data, **headers):
        return (
            await self.request("PATCH", data, **{**TUS, "Upload-Offset": str(offset), **headers})
        )[0]

    async def offset(self):
        status, headers = await self.request("HEAD")
        return int(headers["Upload-Offset"]) if status == 200 else status


async def test_tus_in_pieces(old):
    content = b"0123456789" * 300_000
    tus = Tus(old, await old.start_upload("f", len(content)))
    for start in range(0, len(content), 1_300_000):
        assert await tus.offset() == start
        assert await old.get("f") == b"old"
        assert await tus.patch(start, io.BytesIO(content[start : start + 1_300_000])) == 204
    assert await old.get("f") == content
    assert await tus.offset() == 404, "it is finished"
    assert await tus.patch(len(content), b"more") == 404


async def test_tus_mistakes(old):
    tus = Tus(old, await old.start_upload("f", 10))
    assert await tus.patch(0, b"01234") == 204
    assert await tus.patch(0, b"01234") == 409
    assert await tus.patch(5, b"5", **{"Tus-Resumable": "0.1"}) == 412
    assert await tus.patch(5, b"5", **{"Content-Type": "text/plain"}) == 400
    assert await tus.patch(5, b"567890 and more") == 413
    assert await tus.offset() == 5
    assert await tus.patch(5, b"56789") == 204
    assert await old.get("f") == b"0123456789"


async def test_tus_after_a_restart(start):
    site = await start()
    client = await site.client()
    started = await client.start_upload("f", 10)
    assert await Tus(client, started).patch(0, b"01234") == 204
    await site.stack.aclose()
    site = await start()
    client = await site.client()
    tus = Tus(client, started)
    tus.protocol.upload_endpoint = f"{site.node.url}/data"
    assert await tus.offset() == 5
    assert await tus.patch(5, b"56789") == 204
    assert await client.get("f") == b"0123456789"


async def test_tus_after_a_cut_connection(old):
    started = await old.start_upload("f", 2_000_000)
    tus = Tus(old, started)
    address = urlsplit(tus.protocol.upload_endpoint)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = {
        **TUS,
        "Upload-Offset": "0",
        "X-Reva-Transfer": tus.protocol.token,
        "Content-Length": "2000000",
        "Host": "x",
    }
    head = (
        "PATCH /data HTTP/1.1\r\n"
        + "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        + "\r\n"
    )
    content = b"0123456789" * 200_000
    writer.write(head.encode() + content[:1_500_000])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        # Until the node has noticed, it still waits for the rest.
        status = 0
        while status in (0, 423, 409):
            await asyncio.sleep(0.01)
            offset = await tus.offset()
            status = await tus.patch(offset, io.BytesIO(content[offset:]))
    assert status == 204
    assert 1_000_000 < offset <= 1_500_000
    assert await old.get("f") == content


async def test_tus_condition_at_the_end(spaces_site):
    client = await spaces_site.client()
    await client.put("f", b"old")
    tus = Tus(client, await client.start_upload("f", 3, if_match=(await client.info("f")).etag))
    await client.put("f", b"other")
    assert await tus.patch(0, b"new") == 412
    assert await client.get("f") == b"other"


async def test_tus_given_up(spaces_site):
    client = await spaces_site.client()
    tus = Tus(client, await client.start_upload("f", 3))
    assert (await tus.request("DELETE"))[0] == 204
    assert await tus.offset() == 404
    assert not list((spaces_site.data / ".node" / "uploads").iterdir())


@pytest.mark.parametrize(
    ("method", "spaces", "paths"),
    [("POST", 400, 501), ("OPTIONS", 200, 501), ("PROPFIND", 501, 501)],
)
async def test_other_methods(site, einstein, flavour, method, spaces, paths):
    async with einstein.web.request(method, f"{site.node.url}/data") as reply:
        assert reply.status == (spaces if flavour == "spaces" else paths)


async def test_health(site, einstein):
    async with einstein.web.get(f"{site.node.url}/health") as reply:
        assert (reply.status, await reply.json()) == (200, {"name": "alpine", "status": "ok"})
