import pytest


@pytest.fixture
async def folder(site, signed_in):
    async with site.client() as mesh:
        await mesh.mkdir("home/move/sub", parents=True, exist_ok=True)
        for name in ("a.csv", "b.csv"):
            await mesh.upload(f"home/move/{name}", name.encode())
        yield "home/move"
        await mesh.delete("home/move")


async def names(site, path):
    async with site.client() as mesh:
        return [entry.name for entry in await mesh.list_folder(path)]


async def test_mv_renames_and_keeps_the_id(site, run, folder, told):
    (before,) = await told("stat", f"{folder}/a.csv")
    assert await run("mv", f"{folder}/a.csv", f"{folder}/z.csv") == (0, "", "")
    (after,) = await told("stat", f"{folder}/z.csv")
    assert after["id"] == before["id"]


async def test_mv_into_a_folder(site, told, folder):
    moved = await told("mv", f"{folder}/*.csv", f"{folder}/sub")
    assert moved[0] == {
        "source": "cs3://alpine/home/move/a.csv",
        "target": "cs3://alpine/home/move/sub/a.csv",
    }
    assert await names(site, f"{folder}/sub") == ["a.csv", "b.csv"]


async def test_mv_replaces_when_told(site, run, folder):
    code, _, error = await run("mv", f"{folder}/a.csv", f"{folder}/b.csv")
    assert code == 1
    assert "--force" in error
    assert (await run("mv", "-f", f"{folder}/a.csv", f"{folder}/b.csv"))[0] == 0
    async with site.client() as mesh:
        assert await mesh.read(f"{folder}/b.csv") == b"a.csv"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        pytest.param("home/move/none/", "does not exist", id="a folder that is not there"),
        pytest.param("home/move/a.csv/", "is a file", id="a file where a folder is needed"),
    ],
)
async def test_mv_of_several_needs_a_folder(run, folder, target, says):
    code, _, error = await run("mv", "home/move/a.csv", "home/move/b.csv", target)
    assert code == 1
    assert says in error


async def test_mkdir(site, run, folder, told):
    code, _, error = await run("mkdir", f"{folder}/x/y")
    assert code == 1
    assert "does not exist" in error
    (made,) = await told("mkdir", "-p", f"{folder}/x/y")
    assert (made["path"], made["kind"]) == (f"{folder}/x/y", "directory")
    assert (await run("mkdir", "-p", f"{folder}/x/y"))[0] == 0
    assert (await run("mkdir", f"{folder}/x"))[0] == 1
    assert (await run("mkdir", "-p", f"{folder}/a.csv"))[0] == 1


async def test_rm_tells_how_to_get_it_back_and_that_works(site, run, folder):
    code, out, error = await run("rm", f"{folder}/a.csv")
    assert (code, error) == (0, "")
    gone, _, command = out.strip().partition(". To get it back: jupyter mesh ")
    assert gone == f"{folder}/a.csv went to the bin"
    assert await run(*command.split()) == (0, f"{folder}/a.csv is back.\n", "")
    assert "a.csv" in await names(site, folder)


async def test_rm_of_a_folder_needs_a_word(site, run, folder, told):
    code, _, error = await run("rm", f"{folder}/sub")
    assert code == 1
    assert "-r" in error
    (removed,) = await told("rm", "-r", f"{folder}/sub")
    assert removed == {
        "path": f"{folder}/sub",
        "url": "cs3://alpine/home/move/sub",
        "kind": "directory",
        "bin": True,
    }
    assert await names(site, folder) == ["a.csv", "b.csv"]


async def test_rm_of_what_is_not_there_and_of_an_area(run, folder):
    for path in (f"{folder}/none", "home", "projects"):
        code, out, error = await run("rm", "-r", path)
        assert (code, out, error.count("\n")) == (1, "", 1)
