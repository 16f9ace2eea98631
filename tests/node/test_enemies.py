"""What strangers do to the HTTP side of a node: slow, in masses, sideways, and after the end."""

import asyncio
import gzip
import io
import os
from contextlib import suppress

import aiohttp
import pytest
from cs3.sharing.link.v1beta1 import link_api_pb2 as api
from cs3.sharing.link.v1beta1 import resources_pb2 as messages
from yarl import URL

from jupyter_mesh.node import app, outgoing
from jupyter_mesh.node.attempts import Attempts, source_of
from jupyter_mesh.node.refusal import Refused
from jupyter_mesh.node.tree import Tree

from .conftest import code
from .sharing import accept, link, remove, share, with_user
from .test_link_pages import SECRET, upload, where

BOMB = gzip.compress(bytes(32 << 20))
LARGE = 48 << 20
"""More than two sockets of this machine hold between them."""


@pytest.fixture
async def large(einstein, site):
    """A folder of einstein's with a large file."""
    assert await einstein.mkdir("docs") == "OK"
    with (site.home / "docs" / "large").open("wb") as file:
        os.truncate(file.fileno(), LARGE)
    assert (await einstein.info("docs/large")).size == LARGE
    return einstein


async def by_share(site, einstein):
    marie = await site.client("marie")
    made = await share(einstein, "docs", with_user(marie), "viewer")
    await accept(marie, made)
    (protocol, *_) = (await marie.start_download("large", "shared")).protocols

    async def end():
        assert code(await remove(einstein, made)) == "OK"

    return protocol.download_endpoint, marie.headers(protocol), end


async def by_link(site, einstein):
    made = await link(einstein, "docs")

    async def end():
        ref = messages.PublicShareReference(id=made.id)
        ended = api.RemovePublicShareRequest(ref=ref)
        assert code(await einstein.call("RemovePublicShare", ended)) == "OK"

    return where(site, made, "/get/large"), {}, end


async def by_oneself(site, einstein):
    (protocol, *_) = (await einstein.start_download("docs/large")).protocols

    async def end():
        pass

    return protocol.download_endpoint, einstein.headers(protocol), end


@pytest.mark.parametrize(
    ("way", "whole"),
    [
        pytest.param(by_share, False, id="share"),
        pytest.param(by_link, False, id="link"),
        pytest.param(by_oneself, True, id="own"),
    ],
)
async def test_a_download_ends_with_what_allowed_it(site, large, monkeypatch, way, whole):
    monkeypatch.setattr(outgoing, "_LOOK_AGAIN", 0.02)
    looks = asyncio.Event()
    allowed = outgoing.Outgoing._allowed

    def look(self, transfer):
        told = ended
        try:
            return allowed(self, transfer)
        except Refused:
            told = True
            raise
        finally:
            if told:
                loop.call_soon_threadsafe(looks.set)

    loop, ended = asyncio.get_running_loop(), False
    monkeypatch.setattr(outgoing.Outgoing, "_allowed", look)
    url, headers, end = await way(site, large)
    async with aiohttp.ClientSession() as browser, browser.get(url, headers=headers) as reply:
        assert reply.status == 200
        got = len(await reply.content.readany())
        await end()
        ended = True
        async with asyncio.timeout(30):
            await looks.wait()
        with suppress(aiohttp.ClientPayloadError):
            async for piece in reply.content.iter_any():
                got += len(piece)
    assert (got == LARGE) == whole


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ", id="half a head"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /h", id="half of the second"),
    ],
)
async def test_who_sends_a_head_letter_by_letter_is_cut_off(start, monkeypatch, sent):
    monkeypatch.setattr(app, "_IDLE", 0.3)
    site = await start()
    address = URL(site.node.url)
    read, write = await asyncio.open_connection(address.host, address.port)
    write.write(sent)

    async def trickle():
        while sent:
            write.write(b"x")
            await write.drain()
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                await read.read()
    finally:
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)
        write.close()


async def test_one_who_guesses_a_password_locks_out_only_himself(site, einstein):
    """As many tries from one address as are taken, and none of them from another."""
    site.node._site.attempts = Attempts(most=3)
    await einstein.mkdir("docs")
    made = await link(einstein, "docs", password=SECRET)

    def browser(address):
        jar = aiohttp.CookieJar(unsafe=True)
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        return aiohttp.ClientSession(connector=connector, cookie_jar=jar)

    async def enter(session, password):
        url = where(site, made, "/password")
        async with session.post(url, data={"password": password}) as reply:
            return reply.status

    async with browser("127.0.0.2") as stranger, browser("127.0.0.3") as guest:
        for _ in range(3):
            assert await enter(stranger, "guess") == 403
        assert await enter(stranger, SECRET) == 403
        assert await enter(guest, SECRET) == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("203.0.113.7", "203.0.113.8", False, id="IPv4"),
        pytest.param("2001:db8::1", "2001:db8:0:0:ffff::2", True, id="one network"),
        pytest.param("[2001:db8::1]", "2001:db8:0:1::1", False, id="two networks"),
        pytest.param("::ffff:203.0.113.7", "203.0.113.7", True, id="mapped"),
        pytest.param("fe80::1%eth0", "fe80::2", True, id="zone"),
        pytest.param("", "unix", False, id="no address"),
    ],
)
def test_who_is_behind_an_address(one, other, same):
    assert (source_of(one) == source_of(other)) == same


def test_tries_are_counted_for_each_and_forgotten_at_last():
    attempts = Attempts(most=2)
    for number in range(10_010):
        assert attempts.begin(f"stranger {number}")
    assert len(attempts._tries) == 10_000


@pytest.mark.parametrize("name", ["photo.png", "photo", ".photo", "a.tar.gz"])
async def test_the_same_name_many_times_costs_little(site, einstein, monkeypatch, name):
    await einstein.mkdir("docs")
    made = await link(einstein, "docs", "uploader")
    stem, dot, extension = name.rpartition(".")

    def numbered(count):
        return f"{stem} ({count}).{extension}" if dot and stem else f"{name} ({count})"

    folder = site.home / "docs"
    (folder / name).write_bytes(b"first")
    for number in range(1, 200):
        (folder / numbered(number)).write_bytes(b"taken")
    asked = []
    child = Tree.child
    monkeypatch.setattr(Tree, "child", lambda *args: (asked.append(args[-1]), child(*args))[1])
    async with aiohttp.ClientSession() as browser:
        status, _ = await upload(browser, where(site, made, "/add"), (name, b"new"))
    assert status == 200
    assert (folder / numbered(200)).read_bytes() == b"new"
    assert len(asked) < 30


@pytest.mark.parametrize(
    "path", ["/ocm/shares", "/ocm/invite-accepted", "/ocm/notifications", "/ocm/token"]
)
@pytest.mark.parametrize("form", ["ten megabytes", "in chunks", "bomb"])
async def test_large_bodies_are_not_taken_in(spaces_site, path, form):
    kind = "application/x-www-form-urlencoded" if path.endswith("token") else "application/json"
    headers = {"Content-Type": kind}
    data = BOMB if form == "bomb" else b" " * (10 << 20)
    if form == "bomb":
        headers["Content-Encoding"] = "gzip"

    async def pieces():
        for at in range(0, len(data), 1 << 16):
            yield data[at : at + (1 << 16)]

    url = spaces_site.node.url + path
    async with aiohttp.ClientSession() as session:
        try:
            body = pieces() if form == "in chunks" else io.BytesIO(data)
            async with session.post(url, data=body, headers=headers) as reply:
                assert reply.status in (400, 413)
                assert len(await reply.read()) < 1000
        except aiohttp.ClientConnectionError:
            # It hung up while we were still sending.
            pass
        async with session.get(spaces_site.node.url + "/health") as reply:
            assert reply.status == 200
