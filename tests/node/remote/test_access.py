"""What somebody at another site can do with the secret of a share, and what not."""

import base64
import time
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.node.remote.conftest import DAV

ALLPROP = '<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><allprop/></d:propfind>'
NAMED = (
    '<d:propfind xmlns:d="DAV:"><d:prop><d:displayname/><d:resourcetype/><d:getcontentlength/>'
    "<d:getcontenttype/><d:getetag/><d:getlastmodified/></d:prop></d:propfind>"
)
NAMES = ["a b", "c%41", "d?e", "e#f", "é", "f:g", "h+i", "j&k", "l;m", "n\\o", "p\nq"]


def hrefs(body):
    return [each.text for each in ElementTree.fromstring(body).iter(f"{DAV}href")]  # noqa: S314  our own


async def pieces(*parts):
    for part in parts:
        yield part


@pytest.fixture
async def folder(serving, einstein):
    """A folder that somebody elsewhere may edit."""
    for path in ("given", "given/sub"):
        assert await einstein.mkdir(path) == "OK"
    assert await einstein.put("given/f.txt", b"first") == 200
    assert await einstein.put("secret.txt", b"not for you") == 200
    return await serving.share(einstein, "given")


@pytest.fixture
async def file(serving, einstein):
    assert await einstein.put("one.txt", b"alone") == 200
    return await serving.share(einstein, "one.txt")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 207),
        ("/", 207),
        ("/.", 207),
        ("/./sub", 207),
        ("/./sub/", 207),
        ("/f.txt/", 207),
        ("/../secret.txt", 400),
        ("/%2e%2e/secret.txt", 400),
        ("/sub%2f..%2f..%2fsecret.txt", 400),
        ("/none", 404),
        ("/f.txt/below", 404),
    ],
)
async def test_every_spelling_of_an_address_means_the_same(folder, path, status):
    for body in (ALLPROP, NAMED):
        found = await folder.ask("PROPFIND", path, data=pieces(body.encode()), Depth="0")
        assert found[0] == status, found[1]


@pytest.mark.parametrize("base", ["/dav/ocm", "/remote.php/dav/ocm"])
async def test_a_listing_names_its_entries_below_the_address_asked(serving, einstein, base):
    assert await einstein.mkdir("given") == "OK"
    for name in NAMES:
        assert await einstein.put(f"given/{name}", name.encode()) == 200
    shared = await serving.share(einstein, "given", base=base)
    status, body, _ = await shared.ask("PROPFIND", "/.", data=ALLPROP.encode(), Depth="1")
    assert status == 207
    top, *below = hrefs(body)
    assert top == f"{base}/{shared.given.id}/"
    assert len(below) == len(NAMES)
    for href in below:
        assert href.startswith(top)
        status, content, _ = await shared.ask("GET", href.removeprefix(f"{base}/{shared.given.id}"))
        assert status == 200
        assert content.decode() in NAMES


@pytest.mark.parametrize("path", ["", "/", "/."])
async def test_a_file_share_answers_at_each_of_its_addresses(file, einstein, path):
    assert (await file.ask("PROPFIND", path, Depth="0"))[0] == 207
    assert (await file.ask("GET", path))[:2] == (200, b"alone")
    new = f"through {path!r}".encode()
    assert (await file.ask("PUT", path, data=new))[0] == 204
    assert await einstein.get("one.txt") == new
    assert (await file.ask("DELETE", path))[0] == 403
    assert (await file.ask("PUT", "/below", data=b""))[0] == 409


async def test_what_reva_and_opencloud_write_arrives(folder, einstein):
    twice = {"X_Gowebdav_Inhibit_Redirect": "1", "Upload_Length": "-1"}
    assert (await folder.ask("PUT", "/new.txt", data=b"reva", **twice))[0] == 201
    assert (await folder.ask("PUT", "/new.txt", data=b"reva", Upload_Length="-1"))[0] == 204
    assert (await folder.ask("PUT", "/empty.txt", data=pieces(b"")))[0] == 201
    assert (await folder.ask("PUT", "/./oc.txt", data=b"oc", Lock_Token="<>"))[0] == 201
    assert (await folder.ask("MKCOL", "/./made/"))[0] == 201
    assert (await folder.ask("MKCOL", "/made/"))[0] == 405
    assert (await folder.ask("MKCOL", "/none/made"))[0] == 409
    target = f"{folder.base}/./made/moved.txt"
    assert (await folder.ask("MOVE", "/./oc.txt", Destination=target, Overwrite="F"))[0] == 201
    assert (await folder.ask("COPY", "/made", Destination=f"{folder.base}/copied"))[0] == 201
    assert (await folder.ask("DELETE", "/made/"))[0] == 204
    assert sorted(await einstein.ls("given")) == ["copied", "empty.txt", "f.txt", "new.txt", "sub"]
    assert await einstein.get("given/copied/moved.txt") == b"oc"
    assert await einstein.get("given/empty.txt") == b""


async def test_a_save_keeps_what_was_there_as_a_version(folder, einstein, flavour):
    from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

    # Reva sends everything twice: that is one save.
    for _ in range(2):
        assert (await folder.ask("PUT", "/f.txt", data=b"again"))[0] == 204
    reply = await einstein.call(
        "ListFileVersions", provider.ListFileVersionsRequest(ref=einstein.ref("given/f.txt"))
    )
    assert [version.size for version in reply.versions] == [5]


async def test_conditions_and_ranges_hold(folder, einstein):
    _, _, headers = await folder.ask("HEAD", "/f.txt")
    etag = headers["ETag"]
    assert headers["Content-Length"] == "5"
    assert (await folder.ask("GET", "/f.txt", If_None_Match=etag))[0] == 304
    status, part, headers = await folder.ask("GET", "/f.txt", Range="bytes=1-2")
    assert (status, part, headers["Content-Range"]) == (206, b"ir", "bytes 1-2/5")
    assert (await folder.ask("GET", "/f.txt", Range="bytes=9-"))[0] == 416
    status, _, headers = await folder.ask("PUT", "/f.txt", data=b"mine", If_Match=etag)
    assert status == 204
    assert headers["ETag"] == (await folder.ask("HEAD", "/f.txt"))[2]["ETag"] != etag
    assert (await folder.ask("PUT", "/f.txt", data=b"late", If_Match=etag))[0] == 412
    assert (await folder.ask("PUT", "/f.txt", data=b"late", If_None_Match="*"))[0] == 412
    assert await einstein.get("given/f.txt") == b"mine"


WRITES = [
    ("PUT", "/f.txt"),
    ("PUT", "/new"),
    ("MKCOL", "/new"),
    ("DELETE", "/f.txt"),
    ("MOVE", "/f.txt"),
    ("COPY", "/f.txt"),
    ("PROPPATCH", "/f.txt"),
]
PROPPATCH = (
    b'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>1</d:lastmodified>'
    b"</d:prop></d:set></d:propertyupdate>"
)


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_viewer_writes_nothing(serving, einstein, folder, method, path):
    shared = await serving.share(einstein, "given", editor=False)
    before = {name: info.etag for name, info in (await einstein.ls("given")).items()}
    status, body, _ = await shared.ask(
        method,
        path,
        Destination=f"{shared.base}/there",
        data=PROPPATCH if method == "PROPPATCH" else b"x" if method == "PUT" else None,
    )
    assert status == 403
    assert b"to read only" in body
    assert {name: info.etag for name, info in (await einstein.ls("given")).items()} == before
    assert (await shared.ask("GET", "/f.txt"))[1] == b"first"


async def test_a_destination_elsewhere_is_refused(folder, serving, einstein):
    other = await serving.share(einstein, "")
    for target in (f"{other.base}/x", f"{folder.base}/../x", "http://elsewhere.example/x"):
        status = (await folder.ask("MOVE", "/f.txt", Destination=target))[0]
        assert status in (400, 502)
    assert (await folder.ask("GET", "/f.txt"))[0] == 200


@pytest.mark.parametrize("method", ["PROPFIND", "GET", "PUT", "DELETE", "OPTIONS", "LOCK"])
async def test_without_the_right_secret_nothing_is_told(folder, method):
    wrong = base64.b64encode(b"rubbish:").decode()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {wrong}"}):
        status, body, _ = await folder.ask(method, "/f.txt", secret="", **headers)
        assert status == 401
        assert b"first" not in body
    elsewhere = replace(folder, base=folder.base[:-2])
    assert (await elsewhere.ask(method, "/f.txt"))[0] == 401


async def test_the_secret_is_taken_as_bearer_and_as_user_name(folder):
    secret = base64.b64encode(f"{folder.given.secret}:".encode()).decode()
    assert (await folder.ask("GET", "/f.txt", secret="", Authorization=f"Basic {secret}"))[0] == 200


async def test_a_secret_that_must_be_exchanged_opens_nothing_itself(serving, einstein, folder):
    shared = await serving.share(einstein, "given", must_exchange=True)
    assert (await shared.ask("GET", "/f.txt"))[0] == 401
    serving.book.tokens["exchanged"] = shared.given.id
    assert (await shared.ask("GET", "/f.txt", secret="exchanged"))[0] == 200
    assert (await folder.ask("GET", "/f.txt", secret="exchanged"))[0] == 401


async def test_the_end_of_a_share_is_the_end_at_once(folder, serving):
    book = serving.book
    book.out[folder.given.id] = replace(folder.given, expires=int(time.time()) - 1)
    assert (await folder.ask("GET", "/f.txt"))[0] == 401
    book.out[folder.given.id] = replace(folder.given, expires=int(time.time()) + 60)
    assert (await folder.ask("GET", "/f.txt"))[0] == 200
    del book.out[folder.given.id]
    assert (await folder.ask("GET", "/f.txt"))[0] == 401


async def test_a_share_that_ends_during_an_upload_saves_nothing(folder, serving, einstein):
    async def body():
        yield b"begun"
        del serving.book.out[folder.given.id]
        yield b"ended"

    assert (await folder.ask("PUT", "/f.txt", data=body()))[0] == 401
    assert await einstein.get("given/f.txt") == b"first"
    inside = serving.site.node._site
    assert await inside.run(lambda: inside.index.value("SELECT count(*) FROM uploads")) == 0


async def test_guessing_is_slowed_down_and_those_who_know_go_on(folder):
    assert (await folder.ask("GET", "/f.txt"))[0] == 200
    seen = [(await folder.ask("GET", "/f.txt", secret=f"guess-{i}"))[0] for i in range(32)]
    assert seen[0] == 401
    assert seen[-1] == 429
    assert (await folder.ask("GET", "/f.txt"))[0] == 200


async def test_more_than_there_is_room_for_is_refused(serving, site, einstein, folder):
    inside = site.node._site
    await inside.run(lambda: inside.index.run("UPDATE spaces SET quota = 100"))
    assert (await folder.ask("PUT", "/big", data=b"x" * 200))[0] == 507
    assert (await folder.ask("PUT", "/big", data=pieces(b"x" * 200)))[0] == 507
    assert (await folder.ask("PUT", "/f.txt", data=b"y" * 50))[0] == 204
    assert (await folder.ask("COPY", "/f.txt", Destination=f"{folder.base}/again"))[0] == 507
    assert sorted(await einstein.ls("given")) == ["f.txt", "sub"]


LOCKINFO = (
    b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/>'
    b"</d:locktype><d:owner>somebody</d:owner></d:lockinfo>"
)


async def test_locks_are_those_of_the_site(spaces_site, serving_of):
    einstein = await spaces_site.client()
    serving = await serving_of(spaces_site)
    assert await einstein.put("f.txt", b"first") == 200
    shared = await serving.share(einstein, "")
    status, body, headers = await shared.ask("LOCK", "/f.txt", data=LOCKINFO, Timeout="Second-600")
    assert status == 200
    token = headers["Lock-Token"]
    assert token.strip("<>") in body.decode()
    assert await einstein.put("f.txt", b"local") == "LOCKED"
    assert (await einstein.info("f.txt")).lock.lock_id == token.strip("<>")
    assert (await shared.ask("LOCK", "/f.txt", data=LOCKINFO))[0] == 423
    for method in ("PUT", "DELETE"):
        assert (await shared.ask(method, "/f.txt"))[0] == 423
    assert (await shared.ask("MOVE", "/f.txt", Destination=f"{shared.base}/g"))[0] == 423
    assert (await shared.ask("LOCK", "/f.txt", If=f"({token})"))[0] == 200
    assert (await shared.ask("PUT", "/f.txt", data=b"mine", If=f"({token})"))[0] == 204
    assert (await shared.ask("UNLOCK", "/f.txt", Lock_Token="<urn:other>"))[0] == 409
    assert (await shared.ask("UNLOCK", "/f.txt", Lock_Token=token))[0] == 204
    assert (await shared.ask("UNLOCK", "/f.txt", Lock_Token=token))[0] == 409
    assert await einstein.put("f.txt", b"local") == 200


async def test_a_viewer_locks_nothing(spaces_site, serving_of):
    einstein = await spaces_site.client()
    assert await einstein.put("f.txt", b"first") == 200
    shared = await (await serving_of(spaces_site)).share(einstein, "", editor=False)
    assert (await shared.ask("LOCK", "/f.txt", data=LOCKINFO))[0] == 403


async def test_a_site_of_paths_has_no_locks(paths_site, serving_of):
    einstein = await paths_site.client()
    assert await einstein.put("f.txt", b"first") == 200
    shared = await (await serving_of(paths_site)).share(einstein, "")
    assert (await shared.ask("LOCK", "/f.txt", data=LOCKINFO))[0] == 501
    assert (await shared.ask("OPTIONS"))[2]["DAV"] == "1"


async def test_a_long_listing_comes_whole(serving, einstein, site):
    assert await einstein.mkdir("many") == "OK"
    for i in range(3_000):
        (site.home / "many" / f"n{i}").touch()
    shared = await serving.share(einstein, "many")
    status, body, _ = await shared.ask("PROPFIND", "/", data=NAMED.encode(), Depth="1")
    assert status == 207
    assert len(hrefs(body)) == 3_001


async def test_those_who_guess_lock_nobody_out(folder):
    """Behind a proxy all have one address: a secret that was never seen from it works all the same."""
    for number in range(35):
        await folder.ask("GET", "/f.txt", secret=f"guess-{number}")
    assert (await folder.ask("GET", "/f.txt", secret="one more"))[0] == 429
    assert (await folder.ask("GET", "/f.txt"))[0] == 200
