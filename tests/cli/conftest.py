import asyncio
import io

import pytest

from jupyter_mesh import cli
from jupyter_mesh.testing.site import run_node


@pytest.fixture(scope="module")
async def site(tmp_path_factory):
    """A node with two users."""
    async with run_node(tmp_path_factory.mktemp("site") / "data") as site:
        yield site


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the program as a terminal would, in a thread; gives exit code, output and errors."""

    async def run(*argv, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = await asyncio.to_thread(cli.main, [str(word) for word in argv])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
async def signed_in(site, run, tmp_path, monkeypatch):
    """The environment of a user's server, for the first user; gives the token file."""
    user = site.users[0]
    token_file = tmp_path / "token"
    login = (
        "login",
        "--gateway",
        site.gateway,
        "--username",
        user.name,
        "--token-file",
        token_file,
    )
    code, _, error = await run(*login, stdin=user.password + "\n")
    assert (code, error) == (0, "")
    monkeypatch.setenv("MESH_SITE", site.settings.name)
    monkeypatch.setenv("MESH_GATEWAY", site.gateway)
    monkeypatch.setenv("MESH_TOKEN_FILE", str(token_file))
    return token_file
