"""What somebody who has the secret of one share tries to get more than it: addresses, headers, links on the disk."""

import io
import json
from contextlib import AsyncExitStack

import pytest

from tests.node.remote.conftest import Book, Serving
from tests.node.remote.pairs import start_site
from tests.node.remote.test_access import LOCKINFO

SECRET = b"Marker-not-for-you"


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def serving(request, template, tmp_path_factory):
    """A site of each flavour, whose einstein shares one of his folders."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("hostile")
        site = await start_site(stack, template, folder / "data", request.param)
        yield await Serving(site, Book(), stack).start()


@pytest.fixture(scope="module")
async def einstein(serving):
    return await serving.site.client()


@pytest.fixture(scope="module")
async def folder(serving, einstein):
    """The share, for an editor; beside it lies what is not shared, with the same beginning of its name."""
    for path in ("given", "given/sub", "given2"):
        assert await einstein.mkdir(path) == "OK"
    for path in ("secret.txt", "given2/secret.txt"):
        assert await einstein.put(path, SECRET) == 200
    assert await einstein.put("given/f.txt", b"first") == 200
    home = serving.site.home
    outside = home.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(SECRET)
    (home / "given" / "to-file").symlink_to("../secret.txt")
    (home / "given" / "to-root").symlink_to("/")
    (home / "given" / "to-up").symlink_to("..")
    (home / "given" / "to-outside").symlink_to(outside)
    (home / "given" / "sub" / "to-itself").symlink_to(".")
    return await serving.share(einstein, "given")


def tree(home):
    """All that is on the disk, links as links."""
    found = {}
    for path in sorted(home.parent.rglob("*")):
        name = str(path.relative_to(home.parent))
        found[name] = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    return found


PATHS = [
    pytest.param(path, id=path)
    for path in (
        "/../secret.txt",
        "/./../secret.txt",
        "//../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2e/secret.txt",
        "/.%2e/secret.txt",
        "/%252e%252e/secret.txt",
        "/%25252e%25252e%25252fsecret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%252fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/sub%2f..%2f..%2fsecret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%ef%bc%8e%ef%bc%8e/secret.txt",
        "/..;/secret.txt",
        "/%00/../secret.txt",
        "/f.txt%00",
        "/f.txt/../../secret.txt",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/../given2/secret.txt",
        "2/secret.txt",
        "%2f..%2fsecret.txt",
        "/" + "a/" * 500,
        "/" + "x" * 300,
        "/to-file",
        "/to-root/etc/passwd",
        "/to-up/secret.txt",
        "/to-outside/secret.txt",
        "/sub/to-itself/to-itself",
    )
]


@pytest.mark.parametrize("path", PATHS)
async def test_no_address_leads_out_of_a_share(serving, folder, path):
    before = tree(serving.site.home)
    for method in ("GET", "PROPFIND", "PUT", "DELETE", "MKCOL", "PROPPATCH", "MOVE", "COPY"):
        status, body, _ = await folder.ask(
            method,
            path,
            data=b"bad" if method == "PUT" else None,
            Destination=f"{folder.base}/taken",
            Depth="0",
        )
        # A name with a strange look is a name like any other: it may be made, below the share.
        if method in ("PUT", "MKCOL") and status == 201:
            assert (await folder.ask("DELETE", path))[0] == 204
        else:
            assert 400 <= status < 500, (method, body)
        assert SECRET not in body
        assert b"root:" not in body
    assert tree(serving.site.home) == before


async def test_links_on_the_disk_are_not_even_listed(folder):
    _, body, _ = await folder.ask("PROPFIND", "/", Depth="1")
    assert b"to-" not in body
    _, body, _ = await folder.ask("PROPFIND", "/", Depth="infinity")
    assert b"to-" not in body
    assert (await folder.ask("COPY", "/sub", Destination=f"{folder.base}/copied"))[0] == 201
    _, body, _ = await folder.ask("PROPFIND", "/copied", Depth="1")
    assert b"to-" not in body
    assert (await folder.ask("DELETE", "/copied"))[0] == 204


TARGETS = [
    pytest.param(target, id=target)
    for target in (
        "{base}/../out.txt",
        "{base}/%2e%2e/out.txt",
        "{base}/..%2fout.txt",
        "{base}/sub/../../out.txt",
        "{base}%2f..%2fout.txt",
        "{base}2/out.txt",
        "{base}/to-up/out.txt",
        "{base}/to-root/tmp/out.txt",
        "{base}/to-file",
        "{base}/%00",
        "{other}/out.txt",
        "{cousin}/out.txt",
        "http://elsewhere.example/dav/ocm/1/out.txt",
        "http://user:word@elsewhere.example/out.txt",
        "//elsewhere.example/out.txt",
        "https://169.254.169.254/latest",
        "file:///etc/cron.d/out",
        "javascript:alert(1)",
        "/out.txt",
        "out.txt",
        "/dav/ocm",
        "",
    )
]


@pytest.mark.parametrize("target", TARGETS)
async def test_nothing_is_moved_out_of_a_share(serving, folder, einstein, target):
    other = await serving.share(einstein, "given2")
    cousin = folder.base.replace("/dav/ocm", "/remote.php/dav/ocm") + "/.."
    before = tree(serving.site.home)
    there = target.format(base=folder.base, other=other.base, cousin=cousin)
    for method in ("MOVE", "COPY"):
        status, body, _ = await folder.ask(method, "/f.txt", Destination=there, Overwrite="T")
        assert 400 <= status < 500 or status == 502, body
        assert b"elsewhere" not in body
    assert tree(serving.site.home) == before


HEADERS = [
    pytest.param(headers, id=json.dumps(headers)[:60])
    for headers in (
        {"If": "("},
        {"If": "()"},
        {"If": "(Not)"},
        {"If": "<"},
        {"If": "(<opaquelocktoken:x>"},
        {"If": "(<urn:x>) (["},
        {"If": "<http://elsewhere.example/x> (<urn:x>)"},
        {"If": "<../secret.txt> (<urn:x>)"},
        {"If": "(" * 4000},
        {"If": "(<urn:x>)" * 400},
        {"If-Match": "*, *"},
        {"If-Match": '"' * 99},
        {"If-None-Match": ","},
        {"Lock-Token": "<" * 99},
        {"Depth": "-1"},
        {"Depth": "99999999999999999999"},
        {"Range": "bytes=0-0,1-1,2-2"},
        {"Range": "bytes=99999999999999999999-"},
        {"Range": "bytes=-99999999999999999999"},
        {"X-OC-Mtime": "99999999999999999999999999"},
        {"X-OC-Mtime": "-1"},
        {"X-OC-Mtime": "nan"},
        {"Overwrite": "X"},
        {"Timeout": "Second-99999999999999999999"},
        {"OC-Checksum": "SHA1:zz"},
        {"Content-Range": "bytes 0-1/2"},
    )
]


@pytest.mark.parametrize("headers", HEADERS)
async def test_no_header_breaks_anything(serving, folder, headers):
    target = {"Destination": f"{folder.base}/sub/there"}
    for method, path in (
        ("GET", "/f.txt"),
        ("PROPFIND", "/"),
        ("COPY", "/f.txt"),
        ("DELETE", "/sub/there"),
        ("PUT", "/sub/put"),
        ("DELETE", "/sub/put"),
    ):
        data = b"x" if method == "PUT" else None
        status, body, _ = await folder.ask(method, path, data=data, **(headers | target))
        assert status < 500, (method, body)
        assert SECRET not in body
    for path in ("/sub/there", "/sub/put"):
        await folder.ask("DELETE", path)
    assert (await folder.ask("GET", "/f.txt"))[1] == b"first"


IFS = [
    pytest.param(text, id=text)
    for text in (
        "",
        "(Not <DAV:no-lock>)",
        "(<DAV:no-lock>)",
        "(Not <urn:x>)",
        "(<urn:x>)",
        "<{base}/f.txt> (Not <urn:x>)",
        "<{base}/sub> (<urn:x>) (Not <urn:x>)",
        "(<>)",
    )
]


@pytest.mark.parametrize("condition", IFS)
async def test_no_condition_opens_the_lock_of_somebody_else(serving, folder, einstein, condition):
    if not serving.site.node._site.flavour.locks:
        pytest.skip("a site of paths has no locks")
    assert await einstein.put("given/locked", b"mine") == 200
    status, _, headers = await folder.ask("LOCK", "/locked", data=LOCKINFO, Timeout="Second-60")
    assert status == 200
    sent = {"If": condition.format(base=folder.base)} if condition else {}
    for method in ("PUT", "DELETE", "MOVE", "COPY"):
        path = "/f.txt" if method == "COPY" else "/locked"
        target = f"{folder.base}/{'locked' if method == 'COPY' else 'gone'}"
        status, *_ = await folder.ask(
            method, path, data=b"x" if method == "PUT" else None, Destination=target, **sent
        )
        assert status in (412, 423, 400)
    assert (await folder.ask("GET", "/locked"))[1] == b"mine"
    token = headers["Lock-Token"]
    assert (await folder.ask("UNLOCK", "/locked", Lock_Token=token))[0] == 204
    assert (await folder.ask("DELETE", "/locked"))[0] == 204


BODIES = [
    pytest.param(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', id="entity"),
    pytest.param(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', id="outside"),
    pytest.param(b"<a>" * 40_000, id="deep"),
    pytest.param(b"<d:propfind xmlns:d='DAV:'>" + b" " * (1 << 20), id="large"),
    pytest.param(b"\x00\xff\xfe", id="bytes"),
    pytest.param(b"{}", id="JSON"),
    pytest.param(b'<?xml version="1.0" encoding="utf-7"?><x/>', id="encoding"),
]


@pytest.mark.parametrize("body", BODIES)
async def test_no_body_breaks_anything(folder, body):
    for method in ("PROPFIND", "PROPPATCH", "LOCK"):
        status, text, _ = await folder.ask(method, "/f.txt", data=io.BytesIO(body))
        assert 400 <= status < 500 or status == 501, (method, text)
        assert b"root:" not in text


async def test_no_secret_of_one_share_opens_another(serving, folder, einstein):
    other = await serving.share(einstein, "given2")
    token = await serving.share(einstein, "given2", must_exchange=True)
    serving.book.tokens["token-of-another"] = token.given.id
    for secret in (other.given.secret, token.given.secret, "token-of-another", token.given.id):
        for method in ("GET", "PROPFIND", "PUT", "DELETE"):
            assert (await folder.ask(method, "/f.txt", secret=secret))[0] == 401
    assert (await other.ask("GET", "/secret.txt"))[1] == SECRET
    assert (await token.ask("GET", "/secret.txt", secret="token-of-another"))[1] == SECRET
