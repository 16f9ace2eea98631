"""The bytes of files by ``/files/…``: streamed, with ranges and conditions."""

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import put_by_others

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def files(jp_fetch):
    """Asks for a file; the answer, also when it is a refusal."""

    async def send(path, method="GET", query=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return await jp_fetch("files/" + path, method=method, params=query, headers=headers)
        except HTTPClientError as error:
            if error.response is None:
                raise
            return error.response

    return send


@pytest.fixture
def place(layout, folder, contents, jp_root_dir):
    """Stores a file at the site and, where there are local files, on the disk; the API paths."""

    async def store(name, content=CONTENT):
        path = join(folder, name)
        await put_by_others(contents, path, content)
        if layout == "root":
            return [path]
        (jp_root_dir / name).write_bytes(content)
        return [path, name]

    return store


async def test_a_file_is_served_whole(files, place):
    for path in await place("data.bin"):
        answer, head = await files(path), await files(path, "HEAD")
        assert (answer.code, answer.body) == (200, CONTENT)
        assert answer.headers["Content-Length"] == "5120"
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"].startswith('"')
        assert answer.headers["Last-Modified"]
        assert "sandbox allow-scripts" in answer.headers["Content-Security-Policy"]
        assert "Content-Disposition" not in answer.headers
        assert (head.code, head.body) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
            assert head.headers[name] == answer.headers[name]
    for path in await place("empty", b""):
        answer = await files(path)
        assert (answer.code, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
        assert (await files(path, Range="bytes=0-")).code == 416


async def test_ranges_are_served(files, place):
    for path in await place("data.bin"):
        for asked, start, stop in (
            ("bytes=0-0", 0, 1),
            ("bytes=100-199", 100, 200),
            ("bytes=5000-", 5000, 5120),
            ("bytes=5000-9999", 5000, 5120),
            ("bytes=-20", 5100, 5120),
            ("bytes=-9999", 0, 5120),
        ):
            answer = await files(path, Range=asked)
            assert (answer.code, answer.body) == (206, CONTENT[start:stop]), asked
            assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/5120"
            assert answer.headers["Content-Length"] == str(stop - start)
        for asked in ("bytes=5120-", "bytes=9999-10000"):
            answer = await files(path, Range=asked)
            assert (answer.code, answer.headers["Content-Range"]) == (416, "bytes */5120"), asked
        # What is no single range gives the whole, as RFC 9110 has it.
        for asked in (
            "bytes=5-1",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=a-b",
            "bytes=-",
            "bytes=-0",
        ):
            answer = await files(path, Range=asked)
            assert (answer.code, answer.body) == (200, CONTENT), asked


async def test_conditions_are_kept(files, place):
    for path in await place("data.bin"):
        etag = (await files(path)).headers["ETag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = await files(path, If_None_Match=known)
            assert (answer.code, answer.body) == (304, b"")
            assert answer.headers["ETag"] == etag
        assert (await files(path, If_None_Match='"other"')).code == 200
        assert (await files(path, Range="bytes=0-4", If_Range=etag)).code == 206
        answer = await files(path, Range="bytes=0-4", If_Range='"other"')
        assert (answer.code, answer.body) == (200, CONTENT)


async def test_types_follow_the_name(files, place):
    for name, kind in (
        ("n.ipynb", "application/x-ipynb+json"),
        ("a.txt", "text/plain; charset=UTF-8"),
        ("page.html", "text/html"),
        ("plot.png", "image/png"),
        ("a.tar.gz", "application/gzip"),
        ("a.csv.bz2", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ):
        for path in await place(name, b"x"):
            assert (await files(path, "HEAD")).headers["Content-Type"] == kind


async def test_a_download_is_an_attachment(files, place):
    for path in await place("résumé #1.txt", b"x"):
        answer = await files(path, query={"download": "1"})
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "r%C3%A9sum%C3%A9%20%231.txt" in answer.headers["Content-Disposition"]


async def test_what_is_no_file_is_refused(files, folder, place):
    for path in await place(".hidden"):
        assert (await files(path)).code == 404
    for path, status in (
        (join(folder, "none"), 404),
        (folder, 400),
        (join(folder, "../../../x"), 404),
        ("../x", 404),
        ("", 400),
    ):
        for method in ("GET", "HEAD"):
            assert (await files(path, method)).code == status, path


async def test_strangers_get_nothing(jp_fetch, place):
    for path in await place("data.bin"):
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch(
                "files/" + path, headers={"Authorization": "token wrong"}, follow_redirects=False
            )
        assert caught.value.code in (302, 403)
