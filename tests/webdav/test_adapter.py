"""The files of a site over the socket of the adapter."""

import pytest

from jupyter_mesh.cs3.client import MeshClient
from tests.webdav.davs import QUOTA, D, Dav

NAMES = ["a b", "#%?&+;:~\\", "é日本", "100%25", "{{.Username}}", "'\"<>", "line\nbreak", "\x01"]


async def test_the_tree_is_that_of_the_api_paths(dav: Dav):
    assert await dav.names("") == ["/home/", "/projects/", "/shares/"]
    assert "/projects/dimuon/" in await dav.names("projects")


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_names_keep_their_bytes(dav: Dav, mesh: MeshClient, folder: str, name: str):
    await dav.names(folder)
    assert await dav.put(f"{folder}/{name}", b"content") == 201
    assert await mesh.read(f"{folder}/{name}") == b"content"
    assert name in [each.name for each in await mesh.list_folder(folder)]
    assert await dav.get(f"{folder}/{name}") == b"content"
    assert await dav.move(f"{folder}/{name}", f"{folder}/{name}2") == 201
    assert await mesh.read(f"{folder}/{name}2") == b"content"


async def test_parts_are_sent(dav: Dav, mesh: MeshClient, folder: str):
    await mesh.upload(f"{folder}/f", bytes(range(256)) * 4096)
    assert await dav.get(f"{folder}/f", "bytes=1000-1009") == (bytes(range(256)) * 5)[1000:1010]
    assert await dav.get(f"{folder}/f", "bytes=-2") == b"\xfe\xff"
    assert (await dav.ask("GET", f"{folder}/f", Range="bytes=9999999-"))[0] == 416


async def test_room_is_told_at_the_top(dav: Dav):
    found = (await dav.find("home/", body=QUOTA))["/home/"]
    assert int(found.findtext(f".//{D}quota-used-bytes")) >= 0
