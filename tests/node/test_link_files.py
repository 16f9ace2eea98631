"""Public links over WebDAV: what programs read through them, and that they do nothing else."""

import aiohttp
import pytest

from .sharing import link


@pytest.fixture
async def docs(einstein):
    await einstein.mkdir("docs")
    await einstein.put("docs/a b.txt", b"content")
    await einstein.put("secret.txt", b"not for you")
    return einstein


@pytest.fixture
async def ask():
    async with aiohttp.ClientSession() as session:

        async def ask(method, url, **headers):
            async with session.request(method, url, headers=headers) as reply:
                return reply.status, await reply.read()

        yield ask


@pytest.mark.parametrize("prefix", ["/dav", "/remote.php/dav"])
async def test_a_folder_is_listed_and_its_files_are_read(site, docs, ask, prefix):
    made = await link(docs, "docs")
    root = f"{site.node.url}{prefix}/public-files/{made.token}"
    status, text = await ask("PROPFIND", f"{root}/", Depth="1")
    assert status == 207
    assert f"{prefix}/public-files/{made.token}/a%20b.txt".encode() in text
    assert await ask("GET", f"{root}/a%20b.txt") == (200, b"content")
    assert (await ask("GET", f"{root}/none"))[0] == 404
    for above in ("/../secret.txt", "/%2e%2e/secret.txt", "/..%2Fsecret.txt"):
        status, text = await ask("GET", root + above)
        assert status >= 400
        assert b"not for you" not in text


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH", "LOCK", "POST"]
)
async def test_nothing_is_changed_through_it(site, docs, ask, method):
    made = await link(docs, "docs", role="editor")
    url = f"{site.node.url}/dav/public-files/{made.token}/a%20b.txt"
    assert (await ask(method, url))[0] == 405
    assert await ask("GET", url) == (200, b"content")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        pytest.param({"password": "correct horse 1905!"}, 401, id="password"),
        pytest.param({"role": "uploader"}, 403, id="takes files alone"),
    ],
)
async def test_links_that_are_not_for_programs(site, docs, ask, wanted, status):
    made = await link(docs, "docs", **wanted)
    for method in ("PROPFIND", "GET"):
        assert (await ask(method, f"{site.node.url}/dav/public-files/{made.token}/"))[0] == status
    assert (await ask("PROPFIND", f"{site.node.url}/dav/public-files/none"))[0] == 404
