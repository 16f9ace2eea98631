"""What each RPC about files answers, in both flavours."""

import asyncio

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from .conftest import code


@pytest.fixture
async def filled(einstein):
    """A home with d/a.txt ("one"), d/e/ and f.txt ("two")."""
    assert await einstein.mkdir("d") == "OK"
    assert await einstein.mkdir("d/e") == "OK"
    assert await einstein.put("d/a.txt", b"one") == 200
    assert await einstein.put("f.txt", b"two") == 200
    return einstein


CODES = [
    # what, spaces, paths
    ("stat nothing", "NOT_FOUND", "NOT_FOUND"),
    ("stat f.txt/x", "NOT_FOUND", "NOT_FOUND"),
    ("list f.txt", "INTERNAL", "INTERNAL"),
    ("list nothing", "NOT_FOUND", "NOT_FOUND"),
    ("mkdir new", "OK", "OK"),
    ("mkdir d", "ALREADY_EXISTS", "ALREADY_EXISTS"),
    ("mkdir f.txt", "ALREADY_EXISTS", "ALREADY_EXISTS"),
    ("mkdir no/new", "FAILED_PRECONDITION", "NOT_FOUND"),
    ("mkdir f.txt/new", "FAILED_PRECONDITION", "NOT_FOUND"),
    ("touch new", "OK", "OK"),
    ("touch f.txt", "ALREADY_EXISTS", "ALREADY_EXISTS"),
    ("touch no/new", "NOT_FOUND", "NOT_FOUND"),
    ("delete f.txt", "OK", "OK"),
    ("delete d", "OK", "OK"),
    ("delete nothing", "NOT_FOUND", "NOT_FOUND"),
    ("move f.txt new.txt", "OK", "OK"),
    ("move d new", "OK", "OK"),
    ("move f.txt d/e/f.txt", "OK", "OK"),
    ("move f.txt d/a.txt", "ALREADY_EXISTS", "OK"),
    ("move f.txt d", "ALREADY_EXISTS", "INTERNAL"),
    ("move d f.txt", "ALREADY_EXISTS", "INTERNAL"),
    ("move f.txt f.txt", "ALREADY_EXISTS", "OK"),
    ("move d d/e/d", "FAILED_PRECONDITION", "INTERNAL"),
    ("move nothing new", "NOT_FOUND", "INTERNAL"),
    ("move f.txt no/f.txt", "NOT_FOUND", "INTERNAL"),
    ("put d", "FAILED_PRECONDITION", "INTERNAL"),
    ("put no/new", "FAILED_PRECONDITION", "NOT_FOUND"),
    ("put new", 200, 200),
    ("put f.txt", 200, 200),
    ("get nothing", 404, 404),
    ("get d", 400, 400),
]


@pytest.mark.parametrize(("what", "spaces", "paths"), CODES, ids=[case[0] for case in CODES])
async def test_code(filled, flavour, what, spaces, paths):
    verb, *names = what.split()
    if verb == "list":
        answer = code(
            await filled.call(
                "ListContainer", provider.ListContainerRequest(ref=filled.ref(names[0]))
            )
        )
    elif verb == "stat":
        answer = code(await filled.stat(names[0]))
    elif verb == "put":
        answer = await filled.put(names[0], b"content")
    else:
        answer = await getattr(filled, verb)(*names)
    assert answer == (spaces if flavour == "spaces" else paths)


@pytest.mark.parametrize("verb", ["delete", "move"])
async def test_the_root_of_a_space_stays(filled, flavour, verb):
    answer = await filled.delete("") if verb == "delete" else await filled.move("", "d/home")
    assert answer == ("PERMISSION_DENIED" if flavour == "spaces" else "INTERNAL")
    assert set(await filled.ls()) == {"d", "f.txt"}


async def test_move_keeps_what_belongs_to_the_file(filled, flavour):
    before = await filled.info("d/a.txt")
    assert await filled.move("d", "moved") == "OK"
    after = await filled.info("moved/a.txt")
    assert await filled.get("moved/a.txt") == b"one"
    assert code(await filled.stat("d")) == "NOT_FOUND"
    assert (after.etag, after.mtime) == (before.etag, before.mtime)
    assert (after.id == before.id) == (flavour == "spaces")


async def test_move_between_spaces_is_left_to_copying(filled):
    request = provider.MoveRequest(
        source=filled.ref("f.txt"), destination=filled.ref("f.txt", "dimuon")
    )
    assert code(await filled.call("Move", request)) == "UNIMPLEMENTED"
    assert await filled.get("f.txt") == b"two"


async def test_a_reference_by_id(filled, flavour):
    folder, file = await filled.info("d"), await filled.info("d/a.txt")
    for ref in (
        resources.Reference(resource_id=folder.id, path="./a.txt"),
        resources.Reference(resource_id=file.id, path="."),
        resources.Reference(resource_id=file.id),
    ):
        reply = await filled.call("Stat", provider.StatRequest(ref=ref))
        assert reply.info.id == file.id
        status, content, _ = await filled.fetch(await filled.start_download("", ref=ref))
        assert (status, content) == (200, b"one")
    path = await filled.call("GetPath", provider.GetPathRequest(resource_id=file.id))
    assert path.path == ("/d/a.txt" if flavour == "spaces" else "/home/d/a.txt")


async def test_an_absolute_reference(filled):
    home = (await filled.call("GetHome", provider.GetHomeRequest())).path
    for path in (home + "/d/a.txt", home + "/d/", home):
        reply = await filled.call("Stat", provider.StatRequest(ref=resources.Reference(path=path)))
        assert code(reply) == "OK"
        assert reply.info.path == path.rstrip("/")
    reply = await filled.call(
        "ListContainer", provider.ListContainerRequest(ref=resources.Reference(path=home))
    )
    assert {info.path for info in reply.infos} == {home + "/d", home + "/f.txt"}


@pytest.mark.parametrize("path", ["", "x", "/nowhere", "/home2/x", "/users", "/users/other/x"])
async def test_a_path_outside_every_space(einstein, path):
    reply = await einstein.call("Stat", provider.StatRequest(ref=resources.Reference(path=path)))
    assert code(reply) == "NOT_FOUND"


async def test_the_folders_above_the_spaces(paths_site):
    client = await paths_site.client()

    async def names(path):
        reply = await client.call(
            "ListContainer", provider.ListContainerRequest(ref=resources.Reference(path=path))
        )
        return [info.path for info in reply.infos]

    assert await names("/") == ["/home", "/projects"]
    assert await names("/projects") == ["/projects/dimuon"]
    assert await names("/projects/dimuon") == []


async def test_what_stat_tells(filled, flavour):
    info = await filled.info("d/a.txt")
    folder = await filled.info("d")
    assert info.type == resources.RESOURCE_TYPE_FILE
    assert folder.type == resources.RESOURCE_TYPE_CONTAINER
    assert (info.size, info.mime_type) == (3, "text/plain")
    assert info.etag.startswith('"')
    assert info.permission_set.initiate_file_upload
    if flavour == "spaces":
        assert (info.name, info.path, info.parent_id) == ("a.txt", "a.txt", folder.id)
        assert info.checksum.sum == "fe05bcdcdc4928012781a5f1a2a77cbb5398e106"
        assert folder.size == 3
    else:
        assert (info.name, info.path, info.mtime.nanos) == ("", "/home/d/a.txt", 0)
        assert not info.HasField("checksum")
        assert folder.size == 4096


async def test_a_long_listing(site, einstein):
    folder = site.home / "many"
    folder.mkdir()
    for number in range(2_000):
        (folder / f"{number}.ipynb").touch()
    first = await einstein.ls("many")
    assert len(first) == 2_000
    assert {name: info.etag for name, info in (await einstein.ls("many")).items()} == {
        name: info.etag for name, info in first.items()
    }


async def test_many_writers_of_one_name(einstein):
    answers = await asyncio.gather(*(einstein.mkdir("same") for _ in range(16)))
    assert sorted(answers) == ["ALREADY_EXISTS"] * 15 + ["OK"]
    contents = [bytes([65 + number]) * 1000 for number in range(16)]
    assert set(await asyncio.gather(*(einstein.put("file", content) for content in contents))) == {
        200
    }
    assert await einstein.get("file") in contents
