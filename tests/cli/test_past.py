import pytest

from jupyter_mesh.testing.site import run_node


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as site:
        yield site


@pytest.fixture
async def file(site, signed_in):
    async with site.client() as mesh:
        await mesh.upload("home/kept.txt", b"first")
        await mesh.upload("home/kept.txt", b"second!")
        yield "home/kept.txt"
        await mesh.delete("home/kept.txt")
        for item in await mesh.bin("home"):
            await mesh.purge_from_bin(item)


async def test_versions(run, told, file):
    (version,) = await told("versions", file)
    assert set(version) == {"key", "size", "modified", "etag"}
    assert version["size"] == 5
    code, out, _ = await run("versions", file)
    assert code == 0
    assert version["key"] in out
    assert " 5 B " in out


async def test_versions_of_nothing_are_an_error(run, signed_in):
    code, out, error = await run("versions", "home/none")
    assert (code, out, error.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("by", ["key", "latest"])
async def test_restore(site, run, told, file, by):
    (version,) = await told("versions", file)
    key = version["key"] if by == "key" else "latest"
    code, out, error = await run("restore", file, key)
    assert (code, error) == (0, "")
    assert out.startswith(f"{file} has the content of ")
    async with site.client() as mesh:
        assert await mesh.read(file) == b"first"
    latest, *_ = await told("versions", file)
    assert latest["size"] == 7


async def test_restore_of_an_unknown_version(run, file):
    code, out, error = await run("restore", file, "no-such-key")
    assert (code, out) == (1, "")
    assert 'no version "no-such-key"' in error


async def test_the_bin_lists_restores_and_purges(site, run, told, file):
    await run("rm", file)
    (item,) = await told("bin", "list")
    assert set(item) == {"key", "path", "url", "kind", "size", "deleted"}
    assert (item["path"], item["kind"]) == (file, "file")
    assert (await run("bin"))[1].endswith(f"  {file}\n")
    back = await told("bin", "restore", file, "--to", "home/again.txt")
    assert back["path"] == "home/again.txt"
    assert await told("bin", "list") == []
    await run("rm", "home/again.txt")
    code, _, error = await run("bin", "purge", "home/again.txt")
    assert code == 1
    assert "add --yes" in error
    assert [gone["path"] for gone in await told("bin", "purge", "-y", "home/again.txt")] == [
        "home/again.txt"
    ]
    assert await told("bin", "list") == []
    async with site.client() as mesh:
        await mesh.upload(file, b"for the end of the test")


async def test_nothing_is_restored_over_something(site, run, file):
    await run("rm", file)
    async with site.client() as mesh:
        await mesh.upload(file, b"new")
    code, _, error = await run("bin", "restore", file)
    assert code == 1
    assert "--to" in error
    async with site.client() as mesh:
        assert await mesh.read(file) == b"new"


async def test_a_bin_is_emptied_when_told(site, run, told, file):
    async with site.client() as mesh:
        await mesh.upload("home/more.txt", b"x")
    await run("rm", file, "home/more.txt")
    assert len(await told("bin", "purge", "--all", "--yes", "home")) == 2
    assert await told("bin", "list") == []
    async with site.client() as mesh:
        await mesh.upload(file, b"for the end of the test")


async def test_what_is_not_in_the_bin(run, signed_in):
    for verb in ("restore", "purge"):
        code, out, error = await run("bin", verb, "home/never.txt")
        assert (code, out) == (1, "")
        assert "There is no home/never.txt in the bin" in error
