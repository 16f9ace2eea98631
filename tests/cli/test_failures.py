"""What goes wrong before anything is done: one sentence that says what to do, and exit code 1 or 2."""

import pytest

from jupyter_mesh.testing.site import run_node

VERBS = [
    pytest.param(["ls", "home"], id="ls"),
    pytest.param(["tree", "home"], id="tree"),
    pytest.param(["stat", "home"], id="stat"),
    pytest.param(["cat", "home/a"], id="cat"),
    pytest.param(["get", "home/a"], id="get"),
    pytest.param(["put", __file__, "home"], id="put"),
    pytest.param(["cp", "home/a", "home/b"], id="cp"),
    pytest.param(["sync", "home/a", "./b"], id="sync"),
    pytest.param(["mv", "home/a", "home/b"], id="mv"),
    pytest.param(["rm", "home/a"], id="rm"),
    pytest.param(["mkdir", "home/a"], id="mkdir"),
    pytest.param(["versions", "home/a"], id="versions"),
    pytest.param(["restore", "home/a", "latest"], id="restore"),
    pytest.param(["bin", "list"], id="bin"),
    pytest.param(["quota"], id="quota"),
    pytest.param(["tag", "list", "home/a"], id="tag"),
    pytest.param(["open", "home/a", "--server", "http://x"], id="open"),
]


@pytest.fixture
def fails(run, tmp_path, monkeypatch):
    """Runs what must fail; gives the sentence. Nothing is printed, nothing is left here."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    async def fails(*argv):
        code, out, error = await run(*argv)
        assert (code, out) == (1, "")
        assert error.startswith(f"jupyter mesh {argv[0]}: ")
        assert error.count("\n") == 1
        assert "Traceback" not in error
        assert list(here.iterdir()) == []
        return error

    return fails


@pytest.mark.parametrize("argv", VERBS)
async def test_no_site_is_known(fails, argv, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert "jupyter mesh login" in await fails(*argv)


@pytest.mark.parametrize("argv", VERBS[::4])
async def test_a_login_that_has_ended(fails, argv, signed_in):
    signed_in.write_text("not.a.token\n")
    assert "login" in (await fails(*argv)).lower()


async def test_no_token_file(fails, signed_in):
    signed_in.unlink()
    assert "jupyter mesh login" in await fails("versions", "home/a")


async def test_an_unknown_site(fails, signed_in):
    for verb in ("ls", "rm", "get"):
        error = await fails(verb, "cs3://elsewhere/home/a")
        assert '"elsewhere" is not known here' in error
        assert "alpine" in error


async def test_a_site_that_is_away(fails, signed_in, monkeypatch):
    monkeypatch.setenv("MESH_GATEWAY", "127.0.0.1:1")
    for argv in (["ls", "home"], ["put", __file__, "home"], ["rm", "home/a", "home/b"]):
        error = await fails(*argv)
        assert "alpine" in error
        assert "answer" in error


async def test_what_one_may_not_do(fails, tmp_path, run, monkeypatch):
    """A viewer of a project reads, and changes nothing."""
    from jupyter_mesh.node.users import add_project, add_user

    data = tmp_path / "data"
    add_user(data, "viewer", "a password")
    async with run_node(data) as site:
        add_project(data, "dimuon", {"viewer": "viewer"})
        async with site.client() as mesh:
            await mesh.upload("projects/dimuon/a.txt", b"x")
        monkeypatch.setenv("MESH_SITE", "alpine")
        monkeypatch.setenv("MESH_GATEWAY", site.gateway)
        monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "token"))
        login = ("login", "--gateway", site.gateway, "--username", "viewer")
        await run(*login, "--token-file", tmp_path / "token", stdin="a password\n")
        assert await run("cat", "projects/dimuon/a.txt") == (0, "x", "")
        for argv in (
            ["put", __file__, "projects/dimuon"],
            ["rm", "projects/dimuon/a.txt"],
            ["mkdir", "projects/dimuon/new"],
            ["mv", "projects/dimuon/a.txt", "projects/dimuon/b.txt"],
        ):
            error = await fails(*argv)
            assert "projects/dimuon" in error
        async with site.client() as mesh:
            assert [entry.name for entry in await mesh.list_folder("projects/dimuon")] == ["a.txt"]


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["ls", "--nothing"], id="unknown option"),
        pytest.param(["rm"], id="missing argument"),
        pytest.param(["tree", "-L", "0"], id="bad number"),
        pytest.param(["nothing"], id="unknown verb"),
        pytest.param(["bin", "nothing"], id="unknown part"),
        pytest.param([], id="no verb"),
    ],
)
async def test_wrong_usage(run, argv):
    code, out, error = await run(*argv)
    assert (code, out) == (2, "")
    assert "Usage: jupyter mesh" in error
