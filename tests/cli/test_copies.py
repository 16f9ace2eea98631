"""get, put, cp and sync: trees, both ways, shown before and told after."""

import pytest

from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.errors import NotAllowed
from jupyter_mesh.testing.site import run_node

KEYS = {"action", "source", "target", "size", "why"}
TREE = {"a.csv": b"a,b\n", "sub/b.bin": bytes(range(256)), "sub/empty": b""}


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as site:
        yield site


@pytest.fixture
async def remote(site, signed_in):
    """A tree in the mesh, in a folder of its own; gives its path."""
    async with site.client() as mesh:
        await mesh.mkdir("home/copies/tree/sub", parents=True)
        for name, content in TREE.items():
            await mesh.upload(f"home/copies/tree/{name}", content)
        yield "home/copies/tree"
        await mesh.delete("home/copies")


@pytest.fixture
def local(tmp_path):
    """The same tree here."""
    for name, content in TREE.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "tree"


def held(folder):
    """What a local folder holds, with what a broken download would leave."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def held_at(site, path):
    async with site.client() as mesh:
        found = {}
        for entry in await mesh.list_folder(path):
            if entry.is_directory:
                below = await held_at(site, entry.path)
                found |= {f"{entry.name}/{name}": content for name, content in below.items()}
            else:
                found[entry.name] = await mesh.read(entry.path)
        return found


def actions(document):
    assert all(set(entry) == KEYS for entry in document)
    return sorted(entry["action"] for entry in document)


async def test_get_of_a_tree(run, told, remote, tmp_path):
    code, _, error = await run("get", remote, tmp_path)
    assert code == 1
    assert "add -r" in error
    document = await told("get", "-r", remote, tmp_path / "copy")
    assert actions(document) == ["folder", "folder", "new", "new", "new"]
    assert held(tmp_path / "copy") == TREE
    assert document[1]["source"].startswith(f"cs3://alpine/{remote}")
    assert document[1]["target"].startswith(f"{tmp_path}/copy/")
    again = await told("get", "-r", remote, tmp_path / "copy2")
    assert len(again) == 5


async def test_what_was_broken_off_goes_on_where_it_was(
    site, run, told, remote, local, monkeypatch
):
    """The folder of the first try is there by then: the same command does not put another one into it."""
    upload = MeshClient.upload

    async def stop(self, path, *args, **kwargs):
        if path.endswith("b.bin"):
            raise NotAllowed("not now")
        return await upload(self, path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(MeshClient, "upload", stop)
        assert (await run("put", "-r", local, "home/copies/new"))[0] == 1
    (broken,) = [one for one in await told("transfers", "list") if one["can_retry"]]
    assert (broken["state"], broken["path"]) == ("failed", "home/copies/new")
    assert (await run("put", "-r", local, "home/copies/new"))[0] == 0
    assert await held_at(site, "home/copies/new") == TREE
    (again,) = [one for one in await told("transfers", "list") if one["id"] == broken["id"]]
    assert again["state"] == "done"


async def test_put_of_a_tree(site, run, told, remote, local):
    code, out, error = await run("put", "-r", local, "home/copies/sent")
    assert (code, out, error) == (0, "home/copies/sent\n", "")
    assert await held_at(site, "home/copies/sent") == TREE
    assert actions(await told("put", "-rf", local, "home/copies")).count("folder") == 0
    assert actions(await told("put", "-r", local, "home/copies")) == ["same", "same", "same"]


async def test_what_is_in_the_way_stays_and_is_told_of(site, run, told, remote, local):
    # A site without checksums knows what is the same from what was moved.
    await run("put", "-rf", local, "home/copies")
    (local / "a.csv").write_bytes(b"other")
    (local / "more").write_bytes(b"more")
    code, _, error = await run("put", "-r", local, "home/copies")
    assert code == 1
    assert "a.csv" in error
    assert "--force" in error
    assert await held_at(site, remote) == TREE | {"more": b"more"}
    assert actions(await told("put", "-rf", local, "home/copies")).count("changed") == 1
    assert (await held_at(site, remote))["a.csv"] == b"other"


async def test_a_dry_run_does_nothing(site, run, told, remote, local, tmp_path):
    await run("put", "-rf", local, "home/copies")
    (local / "a.csv").write_bytes(b"other")
    before = await held_at(site, "home/copies")
    code, out, _ = await run("put", "-rfn", local, "home/copies")
    assert code == 0
    assert "changed       5 B  home/copies/tree/a.csv" in out
    assert actions(await told("put", "-rfn", local, "home/copies")) == ["changed", "same", "same"]
    assert (await run("get", "-n", f"{remote}/a.csv", tmp_path))[0] == 0
    assert (await run("cp", "-rn", remote, "home/copies/copy"))[0] == 0
    assert (await run("sync", "-n", local, "home/copies/new"))[0] == 0
    assert await held_at(site, "home/copies") == before
    assert held(tmp_path / "tree") == held(local)


async def test_get_of_a_pattern_into_a_folder(run, remote, tmp_path):
    (tmp_path / "into").mkdir()
    assert await run("get", f"{remote}/*.csv", f"{remote}/sub/*", tmp_path / "into") == (0, "", "")
    assert sorted(held(tmp_path / "into")) == ["a.csv", "b.bin", "empty"]
    code, _, error = await run("get", f"{remote}/a.csv", f"{remote}/sub/b.bin", tmp_path / "none")
    assert code == 1
    assert "no folder here" in error


async def test_cp_knows_by_the_address_which_way(site, run, remote, local, tmp_path):
    assert (await run("cp", f"{remote}/a.csv", tmp_path / "down.csv"))[0] == 0
    assert (tmp_path / "down.csv").read_bytes() == TREE["a.csv"]
    assert (await run("cp", local / "a.csv", "home/copies/up.csv"))[0] == 0
    assert (await run("cp", f"{remote}/a.csv", "home/copies/across.csv"))[0] == 0
    found = await held_at(site, "home/copies")
    assert found["up.csv"] == found["across.csv"] == TREE["a.csv"]


async def test_cp_within_the_mesh(site, run, told, remote):
    document = await told("cp", "-r", remote, "home/copies/copy")
    assert actions(document) == ["folder"]
    assert await held_at(site, "home/copies/copy") == TREE
    code, _, error = await run("cp", f"{remote}/sub/b.bin", "home/copies/copy/a.csv")
    assert code == 1
    assert "--force" in error
    assert (await run("cp", "-f", f"{remote}/sub/b.bin", "home/copies/copy/a.csv"))[0] == 0
    async with site.client() as mesh:
        assert await mesh.read("home/copies/copy/a.csv") == TREE["sub/b.bin"]
        assert len(await mesh.versions("home/copies/copy/a.csv")) == 1
    code, _, error = await run("cp", "-rf", remote, "home/copies/copy/a.csv")
    assert code == 1
    assert "in the way" in error


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(["cp", "./a", "./b"], "both on this machine", id="both local"),
        pytest.param(["cp", "./a", "home/b", "home/c"], "two commands", id="mixed"),
        pytest.param(["sync", "./a", "./b"], "must be in the mesh", id="sync of local folders"),
        pytest.param(["sync", "home", "home"], "must be in the mesh", id="sync within the mesh"),
        pytest.param(
            ["get", "home/a", "cs3://alpine/home"], "no local place", id="get to the mesh"
        ),
    ],
)
async def test_what_makes_no_sense(run, signed_in, argv, says):
    code, out, error = await run(*argv)
    assert (code, out) == (1, "")
    assert says in error


async def test_sync_prints_what_it_does_and_does_it_once(site, run, told, remote, tmp_path):
    code, out, error = await run("sync", remote, tmp_path / "mine")
    assert (code, error) == (0, "")
    assert f"new           4 B  {tmp_path}/mine/a.csv" in out
    assert held(tmp_path / "mine") == TREE
    assert actions(await told("sync", remote, tmp_path / "mine")) == ["same"] * 3
    async with site.client() as mesh:
        await mesh.upload(f"{remote}/a.csv", b"changed there")
    assert actions(await told("sync", remote, tmp_path / "mine")) == ["changed", "same", "same"]


async def test_sync_overwrites_nothing_that_was_changed_on_its_own(site, run, remote, tmp_path):
    await run("sync", remote, tmp_path / "mine")
    (tmp_path / "mine" / "a.csv").write_bytes(b"changed here")
    async with site.client() as mesh:
        await mesh.upload(f"{remote}/a.csv", b"changed there")
    code, _, error = await run("sync", remote, tmp_path / "mine")
    assert code == 1
    assert "a.csv" in error
    assert (tmp_path / "mine" / "a.csv").read_bytes() == b"changed here"
    assert (await run("sync", "-f", remote, tmp_path / "mine"))[0] == 0
    assert (tmp_path / "mine" / "a.csv").read_bytes() == b"changed there"


async def test_sync_deletes_into_the_bin_when_told(site, run, told, remote, local):
    await run("sync", "-f", local, remote)
    (local / "a.csv").unlink()
    assert actions(await told("sync", local, remote)) == ["same", "same"]
    assert "a.csv" in await held_at(site, remote)
    code, out, _ = await run("sync", "--delete", local, remote)
    assert code == 0
    assert f"delete             {remote}/a.csv" in out
    assert "a.csv" not in await held_at(site, remote)
    assert (await run("bin", "restore", f"{remote}/a.csv"))[0] == 0


async def test_standard_input_and_output(site, program, remote):
    sent = await program("put", "-", "home/copies/stream.bin")
    out, error = await sent.communicate(b"through a pipe" * 100_000)
    assert (sent.returncode, out, error) == (0, b"home/copies/stream.bin\n", b"")
    came = await program("get", "home/copies/stream.bin", "-")
    out, error = await came.communicate()
    assert (came.returncode, out, error) == (0, b"through a pipe" * 100_000, b"")


async def test_standard_input_from_a_file(site, program, remote, local):
    with (local / "sub" / "b.bin").open("rb") as file:
        sent = await program("put", "-", "home/copies/file.bin", stdin=file)
        await sent.communicate()
    assert sent.returncode == 0
    assert (await held_at(site, "home/copies"))["file.bin"] == TREE["sub/b.bin"]


async def test_transfers_are_listed_and_forgotten(run, told, remote, tmp_path):
    await run("get", "-r", remote, tmp_path / "copy")
    last = (await told("transfers", "list"))[-1]
    assert (last["kind"], last["state"], last["local"]) == (
        *("download", "done"),
        f"{tmp_path}/copy",
    )
    code, out, _ = await run("transfers")
    assert code == 0
    assert last["id"] in out
    code, _, error = await run("transfers", "retry", last["id"])
    assert code == 1
    assert "cannot be retried" in error
    assert await run("transfers", "forget", last["id"]) == (0, "", "")
    code, _, error = await run("transfers", "cancel", last["id"])
    assert code == 1
    assert f'no transfer "{last["id"]}"' in error


async def test_a_copy_from_one_site_to_another(site, run, remote, tmp_path, monkeypatch, signed_in):
    """Through this machine, where nothing of it stays."""
    async with run_node(tmp_path / "coast", name="coast") as coast:
        user = coast.users[1]
        for name in ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        for there, who in ((site, site.users[0]), (coast, user)):
            code, _, error = await run(
                *("login", there.settings.name, "--gateway", there.gateway, "--username", who.name),
                stdin=f"{who.password}\n",
            )
            assert code == 0, error
        here = set(tmp_path.iterdir())
        code, _, error = await run("cp", "-r", f"cs3://alpine/{remote}", "cs3://coast/home")
        assert (code, error) == (0, "")
        async with coast.client(1) as mesh:
            assert await mesh.read("home/tree/sub/b.bin") == TREE["sub/b.bin"]
        assert set(tmp_path.iterdir()) == here
        code, _, error = await run("mv", f"cs3://alpine/{remote}", "cs3://coast/home/moved")
        assert code == 1
        assert "another site" in error
