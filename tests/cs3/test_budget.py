"""How many calls an operation costs, in steady state: a slow site is slow by their number."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.models import Resource
from jupyter_mesh.testing.site import RunningSite, run_node

READ = {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}
SAVE = {"InitiateFileUpload": 1, "PUT": 1, "Stat": 1}
CHECKED_SAVE = {**SAVE, "Stat": 2}
Work = Callable[[MeshClient, Resource], Awaitable[object]]


async def part(mesh: MeshClient, file: Resource) -> None:
    async with mesh.download(file.path, start=1, stop=3) as download:
        assert await download.read() == b"on"


CASES: dict[str, tuple[Work, dict[str, int], dict[str, int]]] = {
    "areas": (lambda mesh, file: mesh.list_folder(""), {}, {}),
    "stat": (lambda mesh, file: mesh.stat(file.path), {"Stat": 1}, {"Stat": 1}),
    "missing": (lambda mesh, file: mesh.exists("home/missing"), {"Stat": 1}, {"Stat": 1}),
    "list": (
        lambda mesh, file: mesh.list_folder("home"),
        {"ListContainer": 1},
        {"ListContainer": 1},
    ),
    "read": (lambda mesh, file: mesh.read(file.path), READ, READ),
    "part": (part, READ, READ),
    "save": (
        lambda mesh, file: mesh.upload(file.path, b"x", if_match=file.etag),
        SAVE,
        CHECKED_SAVE,
    ),
    "save unseen": (lambda mesh, file: mesh.upload(file.path, b"x"), CHECKED_SAVE, CHECKED_SAVE),
    "save new": (
        lambda mesh, file: mesh.upload("home/new", b"x", if_absent=True),
        SAVE,
        CHECKED_SAVE,
    ),
    "mkdir": (
        lambda mesh, file: mesh.mkdir("home/sub"),
        {"CreateContainer": 1, "Stat": 1},
        {"CreateContainer": 1, "Stat": 1},
    ),
    "move": (
        lambda mesh, file: mesh.move(file.path, "home/moved"),
        {"Stat": 2, "Move": 1},
        {"Stat": 2, "Move": 1},
    ),
    "delete": (lambda mesh, file: mesh.delete(file.path), {"Delete": 1}, {"Delete": 1}),
    "versions": (
        lambda mesh, file: mesh.versions(file.path),
        {"ListFileVersions": 1},
        {"ListFileVersions": 1},
    ),
    "bin": (lambda mesh, file: mesh.bin(), {"ListRecycle": 1}, {"ListRecycle": 1}),
    "quota": (lambda mesh, file: mesh.quota(), {"GetQuota": 1}, {"GetQuota": 1}),
    "project": (
        lambda mesh, file: mesh.list_folder("projects/dimuon"),
        {"ListContainer": 1},
        {"ListContainer": 1},
    ),
}


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def warm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[RunningSite, MeshClient]]:
    """A client that has seen its site: kind, projects, and what it can do."""
    data = tmp_path_factory.mktemp("node")
    async with run_node(data, flavour=request.param) as site, site.client() as mesh:
        file = await mesh.upload("home/first", b"x")
        file = await mesh.upload("home/first", b"content", if_match=file.etag)
        await part(mesh, file)
        await mesh.stat("projects/dimuon")
        yield site, mesh


@pytest.mark.parametrize("name", CASES)
async def test_calls_of_one_operation(warm: tuple[RunningSite, MeshClient], name: str) -> None:
    site, mesh = warm
    work, on_spaces, on_paths = CASES[name]
    file = await mesh.upload(f"home/file for {name}", b"content")
    site.calls.clear()
    await work(mesh, file)
    assert dict(site.calls) == (on_spaces if site.flavour == "spaces" else on_paths)


async def test_first_calls_of_a_client(warm: tuple[RunningSite, MeshClient]) -> None:
    """A new client asks once what kind of site it talks to."""
    site, _ = warm
    async with site.client() as mesh:
        await site.tokens().token()
        site.calls.clear()
        await mesh.list_folder("home")
    extra = {"CreateHome": 1, "ListStorageSpaces": 2} if site.flavour == "paths" else {}
    asked = {"ListStorageSpaces": 1, "ListContainer": 1} | extra
    assert {name: count for name, count in site.calls.items() if name in asked} == dict(site.calls)
    assert site.calls["ListContainer"] == 1
    assert site.calls.total() <= sum(asked.values())
