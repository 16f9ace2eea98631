"""``/mesh/download``: folders and selections as a zip."""

import io
import os
import zipfile
from urllib.parse import urlencode

import aiohttp
import pytest

from jupyter_mesh.contents import archive


@pytest.fixture
def download(browser):
    """Asks for a zip; gives its name and the open archive, or status and what was said."""

    async def download(*paths, method="GET", **query):
        asked = urlencode([("path", path) for path in paths] + list(query.items()))
        status, headers, body = await browser.ask(method, f"mesh/download?{asked}")
        if status != 200 or method == "HEAD":
            return status, body
        assert headers["Content-Type"] == "application/zip"
        return headers["Content-Disposition"], zipfile.ZipFile(io.BytesIO(body))

    return download


async def fill(contents, put, folder):
    """A small tree: all that a zip must get right."""
    for name in ("d", "d/empty", "d/ü", ".hidden"):
        await contents.client.mkdir(contents.mesh_path(f"{folder}/{name}"))
    for name in ("a.txt", "d/ü/é # % ?.txt", "d/big.bin", "d/.secret", ".hidden/b", "d/nothing"):
        data = b"" if name == "d/nothing" else name.encode()
        await put(f"{folder}/{name}", os.urandom(3_000_000) if name == "d/big.bin" else data)


async def test_a_folder_with_all_it_holds(download, contents, folder, put, stored):
    await fill(contents, put, folder)
    name = folder.rpartition("/")[2]
    said, zipped = await download(folder)
    assert f"{name}.zip" in said
    assert zipped.testzip() is None
    found = {each.removeprefix(name + "/") for each in zipped.namelist()}
    assert found == {
        "",
        "a.txt",
        "d/",
        "d/empty/",
        "d/ü/",
        "d/ü/é # % ?.txt",
        "d/big.bin",
        "d/nothing",
    }
    assert zipped.read(f"{name}/d/ü/é # % ?.txt") == "d/ü/é # % ?.txt".encode()
    assert zipped.read(f"{name}/d/big.bin") == await stored(f"{folder}/d/big.bin")


async def test_files_that_begin_with_a_dot_come_where_they_are_shown(
    download, contents, folder, put
):
    await fill(contents, put, folder)
    contents.allow_hidden = True
    _, zipped = await download(folder)
    assert {name.partition("/")[2] for name in zipped.namelist()} >= {".hidden/b", "d/.secret"}


async def test_a_selection_of_one_folder(download, contents, folder, put, site):
    await fill(contents, put, folder)
    said, zipped = await download(f"{folder}/a.txt", f"{folder}/d")
    assert f"{folder.rpartition('/')[2]}.zip" in said
    assert {"a.txt", "d/", "d/big.bin"} < set(zipped.namelist())
    assert (await download(f"{folder}/a.txt", "mesh/home"))[0] == 400


async def test_one_question_per_folder_and_one_download_per_file(
    download, contents, folder, put, site
):
    await fill(contents, put, folder)
    site.calls.clear()
    await download(folder)
    assert site.calls["ListContainer"] == 4
    assert site.calls["InitiateFileDownload"] == 4
    assert site.calls["GET"] == 3, "the empty file needs none"
    # Each download looks at its file once; the first look was at the folder.
    assert site.calls["Stat"] == 1 + 4


@pytest.mark.parametrize(
    ("paths", "status"),
    [
        pytest.param(["none"], 404, id="missing"),
        pytest.param(["a.txt", "none"], 404, id="one missing"),
        pytest.param([".hidden"], 404, id="hidden"),
        pytest.param(["../../../etc"], 404, id="up"),
        pytest.param([], 400, id="nothing"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_errors_come_before_the_zip(download, contents, folder, put, paths, status, method):
    await fill(contents, put, folder)
    found, said = await download(*[f"{folder}/{each}" for each in paths], method=method)
    assert found == status
    assert method == "HEAD" or said["message"].endswith(".")


@pytest.mark.parametrize("path", ["", "mesh"])
async def test_not_everything_at_once(download, path):
    assert (await download(path))[0] == 400


async def test_a_head_says_that_it_would_begin(browser, folder):
    status, headers, body = await browser.ask("HEAD", f"mesh/download?path={folder}")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"] == "application/zip"


async def test_local_files_too(download, jp_root_dir):
    where = jp_root_dir / "local"
    (where / "below" / "empty").mkdir(parents=True)
    (where / "a.txt").write_text("a")
    (where / ".secret").write_text("s")
    os.utime(where / "a.txt", (1_500_000_000, 1_500_000_000))
    (where / "loop").symlink_to(where)
    (where / "dead").symlink_to("nowhere")
    os.mkfifo(where / "pipe")
    _, zipped = await download("local")
    assert zipped.namelist() == ["local/", "local/a.txt", "local/below/", "local/below/empty/"]
    assert zipped.getinfo("local/a.txt").date_time == (2017, 7, 14, 2, 40, 0)


async def test_more_than_two_gigabytes(contents, jp_root_dir):
    """Counted, not kept: a sparse file, so that the disk holds nothing."""
    size = (2 << 30) + 5
    with (jp_root_dir / "big").open("wb") as file:
        file.truncate(size)
    count, tail = 0, b""
    zipped = archive.Archive(contents.tree("big"), ["big"])
    await zipped.check()
    async for chunk in zipped.chunks():
        count += len(chunk)
        tail = (tail + chunk[-300:])[-300:]
    assert count > size
    # The directory at the end has the true size, in the field that only zip64 has.
    directory = tail[tail.index(zipfile.stringCentralDir) :]
    assert (b"\x01\x00\x10\x00" + 2 * size.to_bytes(8, "little")) in directory


async def test_a_file_that_fails_midway_breaks_the_connection(
    browser, contents, folder, put, monkeypatch
):
    for name in ("a.bin", "b.bin"):
        await put(f"{folder}/{name}", os.urandom(3_000_000))
    tree = contents.tree(folder)

    def missing(path):
        return contents.file_source(path.replace("b.bin", "gone"))

    monkeypatch.setattr(type(contents), "tree", lambda self, path: tree)
    tree.file = missing
    async with browser.send("GET", f"mesh/download?path={folder}") as reply:
        assert reply.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()


def test_names_stay_in_their_folder():
    for name in ("..", ".", "a/../../b", "..\\x", "/etc", "nul\0", "new\nline"):
        safe = archive._safe(name)
        assert not set(safe) & set("/\\\0\n")
        assert safe not in ("", ".", "..")
