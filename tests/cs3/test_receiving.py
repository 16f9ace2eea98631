"""Large bodies come past aiohttp: each byte once and in order, and every way to end early is noticed."""

import asyncio
import hashlib
import os
import ssl
from contextlib import aclosing, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from jupyter_mesh.cs3.receiving import WORTH_IT, received

BODY = os.urandom(3 * WORTH_IT + 12345)
SMALL = BODY[: WORTH_IT // 8]


@asynccontextmanager
async def served(handler, context=None):
    """The address of a server with this one answer."""
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        scheme = "https" if context else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def all_of(reply, count, patience=30.0):
    digest = hashlib.sha256()
    async with aclosing(received(reply, count, patience)) as views:
        async for view in views:
            digest.update(view)
    return digest.digest()


def answer(body):
    async def handler(request):
        return web.Response(body=body)

    return handler


@pytest.fixture(params=["plain", "tls"])
def contexts(request, certificate):
    """The TLS of a server and of its client, or none."""
    if request.param == "plain":
        return None, True
    chain, key = certificate("alpine")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, key)
    return server, ssl.create_default_context(cafile=chain)


@pytest.mark.parametrize("body", [b"", SMALL, BODY], ids=["empty", "small", "large"])
@pytest.mark.parametrize("asked", [0, 1, None], ids=["nothing", "one byte", "all"])
async def test_every_byte_comes_once_and_in_order(contexts, body, asked):
    server, client = contexts
    count = len(body) if asked is None else min(asked, len(body))
    async with served(answer(body), server) as url, aiohttp.ClientSession() as session:
        for _ in range(2):
            reply = await session.get(url, ssl=client)
            expected = hashlib.sha256(body[:count]).digest()
            assert await all_of(reply, count) == expected
            reply.close()


async def test_a_part_of_a_large_body_is_enough():
    async with served(answer(BODY)) as url, aiohttp.ClientSession() as session:
        reply = await session.get(url)
        count = 2 * WORTH_IT
        assert await all_of(reply, count) == hashlib.sha256(BODY[:count]).digest()
        reply.close()


async def cut(request):
    response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
    await response.prepare(request)
    await response.write(BODY[: 2 * WORTH_IT])
    request.transport.abort()
    return response


async def test_a_body_that_breaks_off_is_an_error():
    async with served(cut) as url, aiohttp.ClientSession() as session:
        reply = await session.get(url)
        with pytest.raises((ConnectionError, aiohttp.ClientError)):
            await all_of(reply, len(BODY))
        reply.close()


async def test_a_body_that_stops_coming_is_an_error():
    gone = asyncio.Event()

    async def hang(request):
        response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
        await response.prepare(request)
        await response.write(SMALL)
        await gone.wait()
        return response

    async with served(hang) as url, aiohttp.ClientSession() as session:
        reply = await session.get(url)
        with pytest.raises(TimeoutError):
            await all_of(reply, len(BODY), patience=0.3)
        reply.close()
        gone.set()


async def test_whoever_stops_reading_leaves_nothing_open():
    before = set(os.listdir("/proc/self/fd"))
    async with served(answer(BODY)) as url, aiohttp.ClientSession() as session:
        reply = await session.get(url)
        async with aclosing(received(reply, len(BODY), 10)) as views:
            assert len(await anext(views)) > 0
        reply.close()
    async with asyncio.timeout(10):
        # A connection is closed in a later turn of the loop, at both ends.
        while set(os.listdir("/proc/self/fd")) - before:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


async def test_a_body_in_chunks_is_free_of_their_frames():
    async def handler(request):
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, len(BODY), 1 << 19):
            await response.write(BODY[at : at + (1 << 19)])
            await asyncio.sleep(0)
        return response

    async with served(handler) as url, aiohttp.ClientSession() as session:
        reply = await session.get(url)
        assert await all_of(reply, len(BODY)) == hashlib.sha256(BODY).digest()
        reply.close()
