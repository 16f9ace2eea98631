"""A download that the site breaks off must not look complete to the browser."""

import asyncio
import errno

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.contents import reading
from jupyter_mesh.errors import TransferFailed
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import put_by_others


@pytest.fixture
def layout():
    return "root"


async def test_a_broken_download_is_seen_as_broken(jp_fetch, contents, folder, monkeypatch):
    path = join(folder, "a.bin")
    await put_by_others(contents, path, b"x" * 1000)
    whole = contents.client.download

    class Breaking:
        def __init__(self, path, **range_):
            self.inner = whole(path, **range_)

        async def __aenter__(self):
            download = await self.inner.__aenter__()

            async def chunks():
                yield memoryview(b"x" * 500)
                raise TransferFailed("Could not open a.bin: alpine broke off.")

            download.views = chunks()
            return download

        async def __aexit__(self, *error):
            return await self.inner.__aexit__(*error)

    monkeypatch.setattr(contents.client, "download", Breaking)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("files/" + path)
    assert caught.value.code == 599


async def test_a_browser_that_goes_away_ends_the_download(
    jp_http_port, jp_fetch, jp_auth_header, jp_base_url, contents, folder, monkeypatch, caplog
):
    path = join(folder, "large.bin")
    await put_by_others(contents, path, bytes(32 << 20))
    whole = contents.client.download
    ended = asyncio.Event()

    class Watched:
        def __init__(self, path, **range_):
            self.inner = whole(path, **range_)

        async def __aenter__(self):
            return await self.inner.__aenter__()

        async def __aexit__(self, *error):
            try:
                return await self.inner.__aexit__(*error)
            finally:
                ended.set()

    monkeypatch.setattr(contents.client, "download", Watched)
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    token = jp_auth_header["Authorization"]
    request = f"GET {jp_base_url}files/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n"
    writer.write(request.encode())
    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    writer.transport.abort()
    async with asyncio.timeout(20):
        await ended.wait()
    # What the site logs about its own connection is its own matter.
    ours = [record for record in caplog.records if record.name != "aiohttp.server"]
    assert [record for record in ours if record.levelname == "ERROR"] == []
    # The server goes on as before.
    assert (await jp_fetch("files/" + path, headers={"Range": "bytes=0-3"})).body == bytes(4)


async def test_a_document_that_fails_in_the_middle_does_not_look_whole(
    jp_fetch, contents, folder, monkeypatch
):
    path = join(folder, "large.bin")
    await put_by_others(contents, path, bytes(4 << 20))

    async def breaking(file, size):
        yield b'"AAAA'
        raise OSError(errno.EIO, "the disk of the server")

    monkeypatch.setattr(reading, "as_base64", breaking)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("api/contents/" + path, params={"content": "1", "format": "base64"})
    assert caught.value.code == 599
