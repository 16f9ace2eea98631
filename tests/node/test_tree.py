"""The disk is the truth: hostile names, links, changes by hand; ids and etags that follow."""

import os
import socket

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node import check
from jupyter_mesh.node.ocm.settings import FederationSettings

from .conftest import code

HARMLESS = [
    "with space", " leading", "trailing ", "100%", "%2F", "%2e%2e", "a#b?c&d", "+;:", "back\\slash", "..\\x", "quo'te\"", "new\nline",
    "tab\t", "{{.Username}}", "é", "e\u0301", "…", "日本", "🎉", ".hidden", "...", "~", "-rf", "x" * 255, "é" * 127, "CON", "$space!id",
    ".node", "index.sqlite",
]  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS, ids=ascii)
async def test_a_harmless_name(site, einstein, name):
    assert await einstein.put(name, b"content") == 200
    assert await einstein.get(name) == b"content"
    assert (site.home / name).read_bytes() == b"content"
    info = (await einstein.ls())[name]
    by_id = await einstein.call(
        "Stat", provider.StatRequest(ref=resources.Reference(resource_id=info.id, path="."))
    )
    assert by_id.info.id == info.id
    assert await einstein.mkdir("d") == "OK"
    assert await einstein.move(name, f"d/{name}") == "OK"
    assert await einstein.delete(f"d/{name}") == "OK"


def everything(folder):
    return sorted(
        (
            path.relative_to(folder).as_posix(),
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
        if ".node" not in path.parts
    )


HOSTILE = [
    "..",
    "../x",
    "d/../../x",
    "d/../../../etc/passwd",
    "x\0y",
    "\0",
    "x" * 256,
    "é" * 128,
    "d/" + "x" * 256,
]


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name[:20]) for name in HOSTILE])
async def test_a_hostile_name(site, einstein, flavour, name):
    await einstein.mkdir("d")
    await einstein.put("f", b"content")
    before = everything(site.data)
    answers = {
        code(await einstein.stat(name)),
        await einstein.mkdir(name),
        await einstein.touch(name),
        await einstein.put(name, b"bad"),
        await einstein.delete(name),
        await einstein.move("f", name),
        await einstein.move(name, "g"),
    }
    dots = ".." in name.split("/")
    assert answers <= (
        {"INVALID_ARGUMENT"}
        if flavour == "spaces"
        else {"NOT_FOUND", "INTERNAL"}
        if dots
        else {"INTERNAL"}
    )
    assert not isinstance(await einstein.get(name), bytes)
    assert everything(site.data) == before


@pytest.fixture
async def linked(site, einstein):
    """A home with links to a file and a folder outside, one inside, a dead one, and a socket."""
    outside = site.data.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    await einstein.put("inside", b"inside")
    (site.home / "file").symlink_to(outside / "secret")
    (site.home / "folder").symlink_to(outside)
    (site.home / "up").symlink_to("../..")
    (site.home / "near").symlink_to("inside")
    (site.home / "dead").symlink_to("nothing")
    with socket.socket(socket.AF_UNIX) as listener:
        # The name of a socket is limited to about 100 characters: bind it from inside.
        before = os.open(".", os.O_RDONLY)
        os.chdir(site.home)
        listener.bind("socket")
        os.fchdir(before)
        os.close(before)
    return einstein


LINKS = [
    "file",
    "folder",
    "folder/secret",
    "folder/new",
    "up",
    "up/home/stranger",
    "near",
    "dead",
    "socket",
]


@pytest.mark.parametrize("name", LINKS)
async def test_links_are_not_followed(site, linked, name):
    before = everything(site.data.parent)
    refused = {"PERMISSION_DENIED"}
    assert code(await linked.stat(name)) in refused
    assert await linked.mkdir(name) in refused
    assert await linked.touch(name) in refused
    assert await linked.put(name, b"bad") in refused
    assert await linked.delete(name) in refused
    assert await linked.move(name, "elsewhere") in refused
    assert await linked.move("inside", name) in refused
    assert await linked.get(name) == 403
    assert set(await linked.ls()) == {"inside"}
    assert everything(site.data.parent) == before


async def test_a_link_put_in_the_way_of_an_upload(site, einstein):
    target = site.data.parent / "outside"
    target.write_text("old")
    started = await einstein.start_upload("f", 3)
    (site.home / "f").symlink_to(target)
    assert (await einstein.send(started, b"new"))[0] == 403
    assert target.read_text() == "old"


async def test_etags_change_up_to_the_root(spaces_site):
    client = await spaces_site.client()
    await client.mkdir("a")
    await client.mkdir("a/b")
    await client.mkdir("other")
    await client.put("a/b/f", b"1")

    async def look():
        return {path: await client.info(path) for path in ("", "a", "a/b", "a/b/f", "other")}

    async def changed_by(work):
        before = await look()
        await work
        after = await look()
        return {path for path in after if after[path].etag != before[path].etag}

    assert await changed_by(client.put("a/b/f", b"22")) == {"", "a", "a/b", "a/b/f"}
    assert (await look())["a"].size == 2
    assert await changed_by(client.mkdir("a/new")) == {"", "a"}
    assert await changed_by(client.move("a/new", "a/renamed")) == {"", "a"}
    assert await changed_by(client.move("a/renamed", "other/renamed")) == {"", "a", "other"}
    assert await changed_by(client.delete("other/renamed")) == {"", "other"}
    assert await changed_by(client.stat("a/b/f")) == set()
    root = await client.info("")
    assert await changed_by(client.put("a/b/g", b"333")) == {"", "a", "a/b"}
    now = await client.info("")
    assert (now.mtime.seconds, now.mtime.nanos) > (root.mtime.seconds, root.mtime.nanos)
    assert now.size == 5


async def test_etags_of_a_site_of_paths_are_weak(paths_site):
    client = await paths_site.client()
    await client.mkdir("a")
    await client.mkdir("a/b")
    await client.put("a/b/f", b"1")
    before = {path: (await client.info(path)).etag for path in ("", "a", "a/b")}
    await client.put("a/b/g", b"1")
    await client.move("a/b/f", "a/b/h")
    after = {path: (await client.info(path)).etag for path in ("", "a", "a/b")}
    assert {path for path in after if after[path] != before[path]} == {"a/b"}


async def test_ids_are_stable(spaces_site):
    client = await spaces_site.client()
    await client.mkdir("d")
    await client.put("d/f", b"1")
    identity = (await client.info("d/f")).id
    await client.put("d/f", b"2")
    await client.move("d/f", "d/g")
    await client.move("d", "e")
    assert (await client.info("e/g")).id == identity
    assert (await client.ls("e"))["g"].id == identity


async def test_all_of_it_survives_a_restart(start, flavour):
    # Owners have the domain of the site in their ids, which else follows the port.
    settings = FederationSettings(public_url="https://alpine.example")
    site = await start(flavour, federation=settings)
    client = await site.client()
    await client.mkdir("d")
    for content in (b"1", b"22"):
        await client.put("d/f", content)
    before = [await client.info(path) for path in ("", "d", "d/f")]
    await site.stack.aclose()
    assert check(site.data) == []
    site = await start(flavour, federation=settings)
    client = await site.client()
    assert [await client.info(path) for path in ("", "d", "d/f")] == before
    assert await client.get("d/f") == b"22"


HAND = {
    "changed": lambda home: (home / "d" / "f").write_text("by hand"),
    "changed at the same size": lambda home: (home / "d" / "f").write_text("2"),
    "added": lambda home: (home / "d" / "new").write_text("by hand"),
    "removed": lambda home: (home / "d" / "f").unlink(),
    "renamed": lambda home: (home / "d" / "f").rename(home / "d" / "g"),
    "replaced": lambda home: ((home / "x").write_text("1"), (home / "x").replace(home / "d" / "f")),
    "folder for file": lambda home: ((home / "d" / "f").unlink(), (home / "d" / "f").mkdir()),
}


@pytest.mark.parametrize("what", HAND)
@pytest.mark.parametrize("look", ["stat", "list"])
async def test_a_change_by_hand_is_noticed(spaces_site, what, look):
    client = await spaces_site.client()
    await client.mkdir("d")
    await client.put("d/f", b"1")
    before = {path: (await client.info(path)).etag for path in ("", "d", "d/f")}
    HAND[what](spaces_site.home)
    if look == "list":
        await client.ls("d")
    else:
        await client.stat("d/f")
        await client.stat("d")
    after = {path: (await client.info(path)).etag for path in ("", "d")}
    assert after[""] != before[""]
    assert after["d"] != before["d"]
    listed = await client.ls("d")
    assert set(listed) == set(os.listdir(spaces_site.home / "d"))
    if "f" in listed and what != "added":
        assert listed["f"].etag != before["d/f"]
        assert (await client.info("d/f")).etag == listed["f"].etag
    again = {path: (await client.info(path)).etag for path in ("", "d")}
    assert again == after, "it is noticed once"
    assert check(spaces_site.data) == []


async def test_a_file_that_comes_back_keeps_id_and_versions(spaces_site):
    client = await spaces_site.client()
    await client.put("f", b"1")
    await client.put("f", b"22")
    before = await client.info("f")
    (spaces_site.home / "f").rename(spaces_site.data / "aside")
    assert code(await client.stat("f")) == "NOT_FOUND"
    (spaces_site.data / "aside").rename(spaces_site.home / "f")
    assert (await client.info("f")).id == before.id
    reply = await client.call(
        "ListFileVersions", provider.ListFileVersionsRequest(ref=client.ref("f"))
    )
    assert [version.size for version in reply.versions] == [1]


async def test_a_file_from_the_far_future(spaces_site):
    client = await spaces_site.client()
    file = spaces_site.home / "f"
    await client.put("f", b"1")
    os.utime(file, ns=(10**19, 10**19))
    assert (await client.ls())["f"] == await client.info("f")
    assert await client.put("f", b"2") == 200
    os.utime(file, ns=(10**19, 10**19))
    assert await client.move("f", "g") == "OK"
    assert await client.get("g") == b"2"


async def test_a_tree_copied_in_by_hand(spaces_site):
    client = await spaces_site.client()
    (spaces_site.home / "a" / "b").mkdir(parents=True)
    (spaces_site.home / "a" / "b" / "f").write_text("1")
    os.mkdir(os.fsencode(spaces_site.home) + b"/not-\xff-unicode")
    assert set(await client.ls()) == {"a"}
    assert await client.get("a/b/f") == b"1"
    assert (await client.info("")).size == 1
    assert await client.delete("a") == "OK"
    assert check(spaces_site.data) == []


async def test_files_are_ordinary_and_readable(site, einstein):
    await einstein.put("f", b"content")
    assert (site.home / "f").stat().st_mode & 0o777 == 0o644
    assert (site.data / ".node").stat().st_mode & 0o077 == 0
