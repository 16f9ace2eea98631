"""``jupyter_mesh.here()`` in a real kernel that the server started for a notebook, and where nothing is known."""

import json
import subprocess
import sys

import pytest

from jupyter_mesh.errors import NotFound
from jupyter_mesh.folder import Folder, find_folder
from jupyter_mesh.mount.folder import StateFolder

ASK = "import json, jupyter_mesh as m; h = m.here(); print(json.dumps([h.url, str(h.path), (h / 'a#b%.csv').url]))"


@pytest.fixture(autouse=True)
def no_blocking_calls():
    """Jupyter's own way to start programs blocks."""


@pytest.fixture
def run(jp_fetch, jp_serverapp, jp_asyncio_loop):
    """Starts a Python kernel for a document and runs code in it; gives what it prints."""
    kernels = []

    async def run(path, code):
        body = {
            "path": path,
            "name": path.rpartition("/")[2],
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        reply = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        kernel = jp_serverapp.kernel_manager.get_kernel(json.loads(reply.body)["kernel"]["id"])
        kernels.append(kernel)
        client = kernel.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=50)
            printed = []
            await client.execute_interactive(
                code, timeout=50, output_hook=lambda message: printed.append(message["content"])
            )
        finally:
            client.stop_channels()
        errors = [one for one in printed if "ename" in one]
        assert not errors, errors[0]["evalue"]
        return "".join(one["text"] for one in printed if "text" in one)

    yield run
    for kernel in kernels:
        jp_asyncio_loop.run_until_complete(kernel.shutdown_kernel(now=True))


async def test_a_notebook_of_the_mesh_knows_its_folder(run, monkeypatch):
    monkeypatch.delenv("MESH_MOUNT", raising=False)
    said = json.loads(await run("mesh/home/a b/n.ipynb", ASK))
    assert said == ["cs3://alpine/home/a%20b", "None", "cs3://alpine/home/a%20b/a%23b%25.csv"]


async def test_in_a_mount_it_knows_its_path_too(run, monkeypatch, jp_root_dir):
    mount = jp_root_dir / "mesh"
    (mount / "home" / "a b").mkdir(parents=True)
    monkeypatch.setenv("MESH_MOUNT", str(mount))
    monkeypatch.setenv("MESH_FOLDER", "cs3://alpine/home/of-the-server")
    path = str(mount / "home" / "a b")
    code = ASK + "; import os; print(os.getcwd())"
    said, folder = (await run("mesh/home/a b/n.ipynb", code)).splitlines()
    assert json.loads(said)[:2] == ["cs3://alpine/home/a%20b", path]
    assert folder == path


async def test_a_local_notebook_has_no_folder_in_the_mesh(run, monkeypatch):
    monkeypatch.delenv("MESH_MOUNT", raising=False)
    monkeypatch.setenv("MESH_FOLDER", "cs3://alpine/home/of-the-server")
    code = "import jupyter_mesh\ntry:\n    jupyter_mesh.here()\nexcept FileNotFoundError as e:\n    print(e)"
    assert "write the address: cs3://site/home/…" in await run("n.ipynb", code)


def test_without_our_sessions_the_name_of_the_session_tells_it(tmp_path):
    (tmp_path / "home" / "d").mkdir(parents=True)
    environment = {
        "MESH_SITE": "alpine",
        "MESH_MOUNT": str(tmp_path),
        "JPY_SESSION_NAME": str(tmp_path / "home" / "d" / "n.ipynb"),
    }
    assert find_folder(environment) == Folder("cs3://alpine/home/d", tmp_path / "home" / "d")


def test_a_program_in_the_mount_is_where_it_works(tmp_path, monkeypatch):
    (tmp_path / "projects" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "projects" / "x")
    environment = {"MESH_SITE": "alpine", "MESH_MOUNT": str(tmp_path)}
    found = find_folder(environment)
    assert found == Folder("cs3://alpine/projects/x", tmp_path / "projects" / "x")
    assert (found / "a::b").path == tmp_path / "projects" / "x" / "a::b"
    monkeypatch.chdir(tmp_path)
    assert find_folder(environment).url == "cs3://alpine/"


def test_a_program_in_a_mount_of_the_user_needs_no_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for site in ("alpine", "coast"):
        (tmp_path / site / "home" / "a b").mkdir(parents=True)
        state = StateFolder.of(site, "ann", tmp_path / site)
        state.make()
        state.tell(tmp_path / site, site, "ann")
    folder = tmp_path / "alpine" / "home" / "a b"
    monkeypatch.chdir(folder)
    assert find_folder({}) == Folder("cs3://alpine/home/a%20b", folder)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"JPY_SESSION_NAME": "0e5c-1b7f"},
        {"JPY_SESSION_NAME": "/elsewhere/n.ipynb", "MESH_MOUNT": "/mesh", "MESH_SITE": "alpine"},
        {"JPY_SESSION_NAME": "/mesh/../etc/n.ipynb", "MESH_MOUNT": "/mesh", "MESH_SITE": "alpine"},
        {"JPY_SESSION_NAME": "/mesh/home/n.ipynb", "MESH_MOUNT": "/mesh"},
    ],
    ids=["script", "editor", "outside the mount", "out of the mount", "no site"],
)
def test_where_nothing_is_known_one_sentence_tells_what_to_do(environment):
    with pytest.raises(NotFound, match="nbconvert") as caught:
        find_folder(environment)
    assert str(caught.value).count("\n") == 0


def test_a_mount_that_does_not_answer_is_no_path(tmp_path, monkeypatch):
    environment = {"MESH_FOLDER": "cs3://alpine/home/gone", "MESH_MOUNT": str(tmp_path)}
    assert find_folder(environment) == Folder("cs3://alpine/home/gone", None)


def test_it_costs_no_import_of_the_client():
    code = (
        "import os, sys, jupyter_mesh\n"
        "os.environ['MESH_FOLDER'] = 'cs3://alpine/home'\n"
        "jupyter_mesh.here()\n"
        "print([name for name in ('grpc', 'aiohttp', 'fsspec', 'traitlets') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"
