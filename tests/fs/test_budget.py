"""How many calls an operation costs, in steady state: a slow site is slow by their number."""

import tempfile
from collections.abc import Callable, Iterator

import pytest

from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.testing.site import RunningSite

READ = {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}
GOT = {"ListContainer": 2, "Stat": 3, "InitiateFileDownload": 2, "GET": 1}
SAVE = {"Stat": 2, "InitiateFileUpload": 1, "PUT": 1}

Work = Callable[[CS3FileSystem, str], object]


def first_bytes(fs: CS3FileSystem, path: str) -> None:
    with fs.open(path) as file:
        assert file.read(3) == b"con"
        assert file.read() == b"tent"


def got(fs: CS3FileSystem, folder: str) -> None:
    with tempfile.TemporaryDirectory() as local:
        fs.get(folder, local, recursive=True)


def written(fs: CS3FileSystem, path: str) -> None:
    with fs.open(path, "wb") as file:
        file.write(b"x")


def listed(fs: CS3FileSystem, folder: str) -> None:
    """Once a folder is listed, the names in it cost nothing for a while."""
    assert len(fs.ls(folder)) == 2
    assert fs.ls(folder, detail=False)[0] == fs.info(f"{folder}/file")["name"]
    assert fs.isfile(f"{folder}/file")
    assert fs.isdir(f"{folder}/sub")
    assert fs.du(folder, maxdepth=1) == 7


CASES: dict[str, tuple[Work, dict[str, int]]] = {
    "open, first bytes": (lambda fs, folder: first_bytes(fs, f"{folder}/file"), READ),
    "cat": (lambda fs, folder: fs.cat(f"{folder}/file"), READ),
    "a part": (lambda fs, folder: fs.cat_file(f"{folder}/file", -3, -1), READ),
    "no part": (lambda fs, folder: fs.cat_file(f"{folder}/file", 3, 3), {}),
    "info": (lambda fs, folder: fs.info(f"{folder}/file"), {"Stat": 1}),
    "ukey": (lambda fs, folder: fs.ukey(f"{folder}/file"), {"Stat": 1}),
    "list": (listed, {"ListContainer": 1}),
    "pipe": (lambda fs, folder: fs.pipe(f"{folder}/new", b"x"), SAVE),
    "find": (lambda fs, folder: fs.find(folder), {"ListContainer": 2}),
    "du": (lambda fs, folder: fs.du(folder), {"ListContainer": 2}),
    "walk": (lambda fs, folder: list(fs.walk(folder)), {"ListContainer": 2}),
    "glob": (lambda fs, folder: fs.glob(f"{folder}/f*"), {"ListContainer": 1, "Stat": 1}),
    "exists": (lambda fs, folder: fs.exists(f"{folder}/file"), {"Stat": 1}),
    "exists not": (lambda fs, folder: fs.exists(f"{folder}/none"), {"Stat": 1}),
    "get of a folder": (lambda fs, folder: got(fs, folder), GOT),
    "rm": (lambda fs, folder: fs.rm(f"{folder}/file"), {"Stat": 1, "Delete": 1}),
    "rm, tree": (lambda fs, folder: fs.rm(folder, recursive=True), {"Delete": 1}),
    "mkdir": (
        lambda fs, folder: fs.mkdir(f"{folder}/new"),
        {"CreateContainer": 1, "Stat": 1},
    ),
    # Is the target a folder? Is something there? And what is there then?
    "mv": (lambda fs, folder: fs.mv(f"{folder}/file", f"{folder}/new"), {"Stat": 3, "Move": 1}),
}


@pytest.fixture
def folder(fs: CS3FileSystem, request: pytest.FixtureRequest) -> Iterator[str]:
    """A folder with a file and a folder; the filesystem knows what the site can do."""
    path = "/home/budget"
    fs.pipe(f"{path}/file", b"content")
    fs.cat_file(f"{path}/file", 1, 2)
    with fs.open(f"{path}/file", "ab"):
        pass
    fs.mkdir(f"{path}/sub")
    fs.invalidate_cache()
    yield path
    if fs.exists(path, refresh=True):
        fs.rm(path, recursive=True)


@pytest.fixture
def fs(logins: list[str]) -> CS3FileSystem:
    return CS3FileSystem()


@pytest.mark.parametrize("name", CASES)
def test_calls_of_one_operation(
    site: RunningSite, fs: CS3FileSystem, folder: str, name: str
) -> None:
    work, calls = CASES[name]
    site.calls.clear()
    work(fs, folder)
    assert dict(site.calls) == calls


def test_a_small_file_is_written_by_one_put(
    site: RunningSite, fs: CS3FileSystem, folder: str
) -> None:
    site.calls.clear()
    written(fs, f"{folder}/file")
    # One look when it is opened, one after it was saved; sites without conditions are asked in between.
    assert site.calls.pop("Stat") == (2 if site.flavour == "spaces" else 3)
    assert dict(site.calls) == {"InitiateFileUpload": 1, "PUT": 1}


@pytest.mark.parametrize("step", [100_000, 300_000])
def test_many_parts_cost_three_round_trips(
    site: RunningSite, fs: CS3FileSystem, folder: str, step: int
) -> None:
    """A look beside the way in, then as many parts as go out at once."""
    content = bytes(range(251)) * (200 * step // 251 + 1)
    fs.pipe(f"{folder}/large", content)
    starts = [number * step for number in range(200)]
    ends = [start + (64 << 10) for start in starts]
    site.calls.clear()
    found = fs.cat_ranges([f"{folder}/large"] * 200, starts, ends)
    assert found == [content[start:end] for start, end in zip(starts, ends, strict=True)]
    assert (site.calls["Stat"], site.calls["InitiateFileDownload"]) == (1, 1)
    assert site.calls["GET"] <= 8
