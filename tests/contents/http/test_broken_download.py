"""A download that the site breaks off must not look complete to the browser."""

import pytest
from tornado.httpclient import HTTPClientError

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
                yield b"x" * 500
                raise TransferFailed("Could not open a.bin: alpine broke off.")

            download._chunks = chunks()
            return download

        async def __aexit__(self, *error):
            return await self.inner.__aexit__(*error)

    monkeypatch.setattr(contents.client, "download", Breaking)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("files/" + path)
    assert caught.value.code == 599
