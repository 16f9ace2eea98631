"""Mounted shares of servers that are not ours, with all that was seen of them; and of some that mean no good."""

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web

from tests.node.conftest import code
from tests.node.remote.peers import BARE, BUSY, OPENCLOUD, REVA, silence
from tests.node.remote.test_access import NAMES

KINDS = pytest.mark.parametrize("server", [REVA, OPENCLOUD, BARE], ids=lambda server: server.name)
FLAVOURS = pytest.mark.parametrize("flavour", ["spaces", "paths"])


@KINDS
@FLAVOURS
async def test_a_folder_of_any_server_is_read_and_written(receiving, server, flavour):
    files = {"f.txt": b"first", "sub": None} | {name: name.encode() for name in NAMES}
    peer, marie = await receiving(server, flavour, files)
    listed = await marie.ls()
    assert sorted(listed) == sorted(["f.txt", "sub", *NAMES])
    for name in NAMES:
        assert await marie.get(name) == name.encode()
    assert await marie.put("f.txt", b"second") == 200
    assert peer.files["f.txt"] == b"second"
    assert await marie.put("sub/é ?", b"new") == 200
    assert await marie.put("empty", b"") == 200
    assert (await marie.info("empty")).size == 0
    assert await marie.touch("touched") == "OK"
    assert await marie.mkdir("made") == "OK"
    assert await marie.mkdir("made") == "ALREADY_EXISTS"
    assert await marie.mkdir("none/made") in ("FAILED_PRECONDITION", "NOT_FOUND")
    assert await marie.put("none/f", b"x") not in (200, 201)
    assert await marie.move("f.txt", "renamed é") == "OK"
    assert "f.txt" not in peer.files
    assert peer.files["renamed é"] == b"second"
    assert await marie.delete("renamed é") == "OK"
    assert await marie.delete("renamed é") == "NOT_FOUND"
    assert code(await marie.stat("renamed é")) == "NOT_FOUND"
    assert await marie.get("sub") == 400
    assert await marie.put("sub", b"x") not in (200, 201)
    assert peer.files["sub"] is None
    assert {method for method, _ in peer.asked} >= {"PROPFIND", "GET", "PUT", "MKCOL", "MOVE"}


@KINDS
async def test_parts_of_files_come_from_servers_without_ranges_too(receiving, server):
    _, marie = await receiving(server, files={"f": b"0123456789"})
    started = await marie.start_download("f")
    for asked, expected in [("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-1", b"9")]:
        status, content, headers = await marie.fetch(started, Range=asked)
        assert (status, content) == (206, expected)
        assert headers["Content-Range"].endswith("/10")


@KINDS
async def test_a_shared_file_is_one_at_any_server(receiving, server):
    peer, marie = await receiving(server, files={"": b"alone"}, is_file=True)
    info = await marie.info("")
    assert info.size == 5
    assert info.name == "given"
    assert await marie.get("") == b"alone"
    assert await marie.put("", b"changed") == 200
    assert peer.files[""] == b"changed"
    assert code(await marie.stat("below")) == "NOT_FOUND"
    assert await marie.put("below", b"x") not in (200, 201)
    assert peer.files == {"": b"changed"}


async def test_what_is_called_a_file_can_be_a_folder(receiving):
    """As Nextcloud has it: only a PROPFIND knows."""
    _, marie = await receiving(OPENCLOUD, files={"f": b"in it"}, is_file=True)
    assert list(await marie.ls()) == ["f"]
    assert await marie.get("f") == b"in it"


@KINDS
async def test_the_second_save_loses_nothing_of_the_first(receiving, server):
    peer, marie = await receiving(server, files={"f": b"first"})
    etag = (await marie.info("f")).etag
    started = await marie.start_upload("f", 4, if_match=etag)
    assert code(started) == "OK"
    peer.files["f"], peer.saves["f"] = b"of the owner", 1
    assert (await marie.send(started, b"mine"))[0] == 412
    assert peer.files["f"] == b"of the owner"
    assert code(await marie.start_upload("f", 4, if_match=etag)) == "FAILED_PRECONDITION"
    started = await marie.start_upload("new", 4, if_not_exist=True)
    peer.files["new"] = b"of the owner"
    assert (await marie.send(started, b"mine"))[0] == 412
    assert peer.files["new"] == b"of the owner"


@KINDS
async def test_a_viewer_is_told_so(receiving, server):
    peer, marie = await receiving(server, files={"f": b"first"}, editor=False)
    assert await marie.put("f", b"mine") == 403
    assert await marie.mkdir("d") == "PERMISSION_DENIED"
    assert await marie.move("f", "g") == "PERMISSION_DENIED"
    assert await marie.delete("f") == "PERMISSION_DENIED"
    assert peer.files == {"": None, "f": b"first"}
    assert await marie.get("f") == b"first"


@FLAVOURS
async def test_a_server_that_works_on_what_was_saved_is_waited_for(receiving, flavour):
    """OpenCloud tells size and etag with 425 meanwhile, and gives nothing to read."""
    peer, marie = await receiving(BUSY, flavour, {"f.txt": b"first"})
    assert await marie.put("f.txt", b"a longer one") == 200
    assert (await marie.info("f.txt")).size == 12
    peer.working["f.txt"] = 1
    info = await marie.info("f.txt")
    assert (info.size, bool(info.etag)) == (12, True)
    peer.working["f.txt"] = 2
    assert await marie.get("f.txt") == b"a longer one"


@KINDS
@pytest.mark.parametrize("path", ["", "f"])
async def test_the_end_of_a_share_is_noticed_at_any_server(receiving, server, path):
    peer, marie = await receiving(server, files={"f": b"first"})
    assert code(await marie.stat(path)) == "OK"
    peer.secret = "another"
    assert code(await marie.stat(path)) == "NOT_FOUND"
    inside = marie.node._site
    found = await inside.run(lambda: inside.federation.store.received(marie.share))
    assert (found.state, found.lost > 0) == ("accepted", True)
    count = len(peer.asked)
    assert code(await marie.stat(path)) == "NOT_FOUND"
    assert len(peer.asked) == count


async def test_one_failure_inside_a_peer_ends_no_share(receiving):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"first"})
    failures = iter([500, 500])

    async def once(request, path):
        status = next(failures, 0)
        return web.Response(status=status) if status else None

    peer.instead = once
    assert code(await marie.stat("f")) == "INTERNAL"
    assert code(await marie.stat("f")) == "OK"


@pytest.mark.parametrize("breaks", ["COPY", "DELETE"])
async def test_a_rename_that_breaks_in_the_middle_loses_nothing(receiving, breaks):
    peer, marie = await receiving(REVA, files={"f": b"first"})

    async def fail(request, path):
        return web.Response(status=503) if request.method == breaks else None

    peer.instead = fail
    assert await marie.move("f", "g") == "INTERNAL"
    assert peer.files["f"] == b"first"
    assert peer.files.get("g", b"first") == b"first"


async def test_a_rename_never_takes_away_what_was_changed_meanwhile(receiving):
    peer, marie = await receiving(REVA, files={"f": b"first"})

    async def change(request, path):
        if request.method == "COPY":
            answer = await peer.copy(request, path)
            peer.files["f"], peer.saves["f"] = b"later", 1
            return answer
        return None

    peer.instead = change
    assert await marie.move("f", "g") == "INTERNAL"
    assert peer.files["f"] == b"later"


TREE = {"d": None, "d/f": b"x", "d/sub": None, "d/sub/é %41": b"deep", "d/empty": None}


async def test_a_small_folder_is_renamed_where_the_peer_cannot(receiving):
    peer, marie = await receiving(REVA, files=dict(TREE))
    assert await marie.move("d", "e") == "OK"
    assert peer.files == {"": None} | {"e" + name[1:]: content for name, content in TREE.items()}


async def test_a_large_folder_is_not_copied_behind_ones_back(receiving):
    many = {f"d/sub/{number}": b"" for number in range(100)}
    peer, marie = await receiving(REVA, files=TREE | many)
    assert await marie.move("d", "e") == "INTERNAL"
    assert ("COPY", "d") not in peer.asked
    assert "e" not in peer.files


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"d/sub/new": b"new"}, id="more in the old"),
        pytest.param({"d/f": b"changed"}, id="another content"),
        pytest.param({"e/f": b"longer"}, id="another copy"),
        pytest.param({"e/sub/é %41": ...}, id="less in the copy"),
    ],
)
async def test_a_folder_is_removed_only_when_its_copy_is_whole(receiving, change):
    peer, marie = await receiving(REVA, files=dict(TREE))

    async def disturb(request, path):
        if request.method != "COPY":
            return None
        answer = await peer.copy(request, path)
        for name, content in change.items():
            peer.files.pop(name) if content is ... else peer.files.update({name: content})
        return answer

    peer.instead = disturb
    assert await marie.move("d", "e") == "INTERNAL"
    assert TREE.keys() <= peer.files.keys()
    assert not [path for method, path in peer.asked if method == "DELETE"]


# What means no good


def xml(inner):
    return f'<d:multistatus xmlns:d="DAV:">{inner}</d:multistatus>'.encode()


def one(href, props="<d:resourcetype/>"):
    return (
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<d:multistatus xmlns:d="DAV:">&b;</d:multistatus>'
)
ROOT = OPENCLOUD.root
RUBBISH = {
    "nothing": b"",
    "no xml": b"\x00\xff rubbish",
    "html": b"<html><body>Welcome</body></html>",
    "cut": xml(one(f"{ROOT}/"))[:-20],
    "bomb": BOMB,
    "external": b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><d:multistatus xmlns:d="DAV:"/>',
    "deep": b"<a>" * 100_000,
    "empty": xml(""),
    "elsewhere": xml(one("/dav/ocm/other/") + one("/etc/passwd")),
    "another host": xml(one(f"http://evil.example{ROOT}/")),
    "above": xml(one(f"{ROOT}/../other/") + one(f"{ROOT}/%2e%2e/x") + one(f"{ROOT}/a%2fb")),
    "no utf-8": xml(one(f"{ROOT}/%ff")),
    "long": xml(one("x" * 200_000)),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_is_refused_in_a_sentence(receiving, name):
    peer, marie = await receiving(OPENCLOUD)

    async def rubbish(request, path):
        return web.Response(status=207, body=RUBBISH[name])

    peer.instead = rubbish
    for reply in (await marie.stat(""), await marie.stat("f")):
        assert code(reply) == "INTERNAL"
        assert reply.status.message.startswith(("localhost", "The other site"))
    assert await marie.get("f") == 500


async def test_a_listing_takes_in_only_what_is_in_the_folder(receiving):
    peer, marie = await receiving(OPENCLOUD)
    told = [
        "/",
        "/in",
        "/%2e%2e/up",
        "/deep/er",
        "/n%00l",
        "/a%2fb",
        "/in",
        "/" + "x" * 300,
        "/%C3%A9",
    ]
    folder = "<d:resourcetype><d:collection/></d:resourcetype>"
    body = one(f"{ROOT}/", folder) + "".join(one(ROOT + href) for href in told[1:])
    body += one("http://evil.example/x") + one("//evil.example/x") + one("/dav/ocm/other/x")

    async def hostile(request, path):
        return web.Response(status=207, body=xml(body))

    peer.instead = hostile
    assert sorted(await marie.ls()) == ["in", "é"]


async def test_too_much_is_refused_while_it_comes(receiving, monkeypatch):
    monkeypatch.setattr("jupyter_mesh.node.remote.multistatus._BYTES_AT_MOST", 1 << 20)
    peer, marie = await receiving(OPENCLOUD)
    sent = 0

    async def flood(request, path):
        nonlocal sent
        response = web.StreamResponse(status=207)
        await response.prepare(request)
        await response.write(b'<d:multistatus xmlns:d="DAV:">')
        while True:
            piece = one(f"{ROOT}/x").encode() * 100
            await response.write(piece)
            sent += len(piece)

    peer.instead = flood
    reply = await marie.stat("")
    assert code(reply) == "INTERNAL"
    assert "more than can be listed" in reply.status.message
    assert sent < 64 << 20


@pytest.mark.parametrize("location", ["http://169.254.169.254/", "/elsewhere"])
async def test_redirects_are_not_followed(receiving, location):
    peer, marie = await receiving(OPENCLOUD)

    async def redirect(request, path):
        return web.Response(status=302, headers={"Location": location})

    peer.instead = redirect
    assert code(await marie.stat("")) == "INTERNAL"
    assert await marie.get("f") == 500
    assert all(method == "PROPFIND" for method, _ in peer.asked)


async def test_a_compressed_bomb_is_not_unpacked(receiving):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"x" * 10})

    async def packed(request, path):
        if request.method != "GET":
            return None
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    peer.instead = packed
    assert await marie.get("f") == 500


@pytest.mark.parametrize("more", [-3, 5])
async def test_a_file_of_another_length_is_never_taken_for_whole(receiving, more):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"0123456789"})

    async def lie(request, path):
        if request.method != "GET":
            return None
        return web.Response(body=b"0123456789abcdef"[: 10 + more])

    peer.instead = lie
    if more > 0:
        assert await marie.get("f") == b"0123456789"
    else:
        with pytest.raises(aiohttp.ClientError):
            await marie.get("f")


async def test_a_peer_that_dies_while_a_file_is_read_breaks_the_reading(receiving):
    content = b"x" * (4 << 20)
    peer, marie = await receiving(OPENCLOUD, files={"f": content})

    async def die(request, path):
        if request.method != "GET":
            return None
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: 1 << 20])
        request.transport.abort()
        return response

    peer.instead = die
    with pytest.raises(aiohttp.ClientError):
        await marie.get("f")


async def test_a_peer_that_dies_while_a_file_is_saved_is_told(receiving):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"first"})

    async def die(request, path):
        if request.method != "PUT":
            return None
        await request.content.readany()
        request.transport.abort()
        return web.Response()

    peer.instead = die
    assert await marie.put("f", b"x" * (4 << 20)) == 500
    assert peer.files["f"] == b"first"


async def test_a_peer_that_hangs_keeps_nobody_else_waiting(receiving):
    peer, marie = await receiving(OPENCLOUD)
    many = asyncio.Semaphore(0)

    async def hang(request, path):
        many.release()
        return await silence(request, path)

    peer.instead = hang
    hanging = [asyncio.ensure_future(marie.stat(f"f{i}")) for i in range(20)]
    for _ in range(5):
        await asyncio.wait_for(many.acquire(), 30)
    assert await marie.put("mine", b"x", "home") == 200
    assert await marie.get("mine", "home") == b"x"
    for each in hanging:
        each.cancel()
    await asyncio.wait(hanging)


async def test_a_peer_that_does_not_answer_is_given_up(receiving, monkeypatch):
    monkeypatch.setattr("jupyter_mesh.node.remote.files._SMALL", 0.5)
    peer, marie = await receiving(OPENCLOUD)
    peer.instead = silence
    reply = await marie.stat("f")
    assert code(reply) == "INTERNAL"
    assert "does not answer in time" in reply.status.message


async def test_a_peer_that_takes_no_bytes_is_given_up(receiving, monkeypatch):
    monkeypatch.setattr("jupyter_mesh.node.remote.files._SILENCE", 1.0)
    peer, marie = await receiving(OPENCLOUD, files={"f": b"first"})

    async def stuck(request, path):
        return await silence(request, path) if request.method == "PUT" else None

    peer.instead = stuck
    assert await marie.put("f", b"x" * (32 << 20)) == 500


async def test_announced_uploads_of_one_push_out_only_ones_own(receiving, monkeypatch):
    monkeypatch.setattr("jupyter_mesh.node.remote.transfers._OF_ONE_USER", 2)
    _, marie = await receiving(OPENCLOUD)
    uploads = marie.node._site.transfers
    einstein = SimpleNamespace(user=SimpleNamespace(id="einstein"))
    at = SimpleNamespace(share=SimpleNamespace(id="another"), names=("f",))
    uploads.may_write(einstein, at, size=1, if_match="", if_absent=False, mtime=None)
    started = [await marie.start_upload(f"f{number}", 4) for number in range(4)]
    sent = [(await marie.send(one, b"text"))[0] for one in started]
    assert [status == 200 for status in sent] == [False, False, True, True]
    assert [one.user for one in uploads._uploads.values()] == ["einstein"]


async def test_ten_thousand_entries_are_listed(receiving):
    files = {f"n{i}": b"" for i in range(10_000)}
    _, marie = await receiving(REVA, files=files)
    assert len(await marie.ls()) == 10_000


async def test_no_secret_is_told(receiving, caplog):
    caplog.set_level("DEBUG")
    peer, marie = await receiving(REVA, files={"f": b"first"}, must_exchange=False)
    replies = [await marie.stat("f"), await marie.stat("none")]
    await marie.put("f", b"x")
    peer.instead = silence
    peer.secret = "another"
    peer.instead = None
    replies.append(await marie.stat(""))
    shown = caplog.text + "".join(map(str, replies)) + repr(marie.node._site.mounts.__dict__)
    assert "the-secret" not in shown
