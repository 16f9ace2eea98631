import tracemalloc

import pytest

from jupyter_mesh.cs3 import MeshClient


@pytest.fixture
async def folder(site, signed_in):
    """A folder in the user's home with a file and a folder in it."""
    async with site.client() as mesh:
        await mesh.mkdir("home/cli/sub", parents=True, exist_ok=True)
        await mesh.upload("home/cli/data.csv", b"a,b\n1,2\n")
        yield "home/cli"
        await mesh.delete("home/cli")


async def test_ls_shows_folders_first(run, folder):
    assert await run("ls", folder) == (0, "sub/\ndata.csv\n", "")


async def test_ls_shows_the_areas(run, signed_in):
    code, out, _ = await run("ls")
    assert (code, out.split()) == (0, ["home/", "projects/", "shares/"])


async def test_ls_of_a_file_with_size_and_time(run, folder):
    code, out, _ = await run("ls", "-l", f"{folder}/data.csv")
    size, *_, name = out.split()
    assert (code, size, name) == (0, "8", "data.csv")


async def test_ten_thousand_entries_are_listed_in_little_memory(run, folder, monkeypatch):
    children = MeshClient.children

    async def many(self, path):
        (one, *_) = await children(self, folder)
        return [one._replace(name=f"file-{number:05}.dat") for number in range(10_000)]

    monkeypatch.setattr(MeshClient, "children", many)
    tracemalloc.start()
    try:
        code, out, _ = await run("ls", "-l", folder)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (code, out.count("\n")) == (0, 10_000)
    assert peak < 30 << 20


async def test_ls_takes_a_url(run, folder, site):
    assert await run("ls", f"cs3://{site.settings.name}/{folder}") == (0, "sub/\ndata.csv\n", "")


async def test_another_site_is_not_known(run, signed_in):
    code, _, error = await run("ls", "cs3://elsewhere/home")
    assert code == 1
    assert "elsewhere" in error


async def test_what_is_missing_is_told_of(run, signed_in):
    code, _, error = await run("ls", "home/nothing")
    assert code == 1
    assert "nothing" in error
    assert error.count("\n") == 1


async def test_get_into_a_folder(run, folder, tmp_path):
    assert await run("get", f"{folder}/data.csv", tmp_path) == (0, "", "")
    assert (tmp_path / "data.csv").read_bytes() == b"a,b\n1,2\n"


async def test_get_does_not_replace_unasked(run, folder, tmp_path):
    target = tmp_path / "mine.csv"
    target.write_text("mine")
    code, _, error = await run("get", f"{folder}/data.csv", target)
    assert code == 1
    assert "--force" in error
    assert target.read_text() == "mine"
    assert (await run("get", "--force", f"{folder}/data.csv", target))[0] == 0
    assert target.read_bytes() == b"a,b\n1,2\n"


async def test_a_failed_get_leaves_nothing(run, folder, tmp_path):
    here = set(tmp_path.iterdir())
    assert (await run("get", f"{folder}/nothing.csv", tmp_path / "x"))[0] == 1
    assert (await run("get", f"{folder}/sub", tmp_path / "x"))[0] == 1
    assert (await run("get", f"{folder}/data.csv", tmp_path / "no" / "such" / "folder"))[0] == 1
    assert set(tmp_path.iterdir()) == here


async def test_put_into_a_folder_and_back(run, folder, tmp_path):
    source = tmp_path / "näme with space.bin"
    source.write_bytes(bytes(range(256)) * 1000)
    code, out, _ = await run("put", source, folder)
    assert (code, out) == (0, f"{folder}/näme with space.bin\n")
    assert (await run("get", f"{folder}/näme with space.bin", tmp_path / "back"))[0] == 0
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


async def test_put_does_not_replace_unasked(run, folder, tmp_path, site):
    source = tmp_path / "data.csv"
    source.write_text("new")
    code, _, error = await run("put", source, f"{folder}/data.csv")
    assert code == 1
    assert "There is already a" in error
    assert "--force" in error
    assert (await run("put", "--force", source, f"{folder}/data.csv"))[0] == 0
    async with site.client() as mesh:
        assert await mesh.read(f"{folder}/data.csv") == b"new"
        assert len(await mesh.versions(f"{folder}/data.csv")) == 1


async def test_put_of_nothing_is_told_of(run, folder, tmp_path):
    code, _, error = await run("put", tmp_path / "nothing", folder)
    assert code == 1
    assert "There is no file" in error
