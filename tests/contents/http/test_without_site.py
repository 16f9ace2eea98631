"""What works while no site is configured, or none answers."""

import json
import secrets
import socket

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.testing.contents import text


@pytest.fixture
def layout():
    return "composite"


@pytest.fixture
def ask(jp_fetch):
    async def send(path, method="GET", body=None, door="api/contents/"):
        data = None if body is None else json.dumps(body)
        try:
            answer = await jp_fetch(door + path, method=method, body=data)
        except HTTPClientError as error:
            if error.response is None:
                raise
            answer = error.response
        return answer.code, json.loads(answer.body or "null")

    return send


@pytest.fixture
def no_settings(monkeypatch):
    """A server that knows no site."""
    for name in ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE", "MESH_MOUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nobody_there(monkeypatch, tmp_path):
    """A server whose site does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_token_file(tmp_path / "token", secrets.token_hex(20))
    monkeypatch.setenv("MESH_SITE", "alpine")
    monkeypatch.setenv("MESH_GATEWAY", f"127.0.0.1:{port}")
    monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "token"))


@pytest.fixture
def bad_token(site, monkeypatch, tmp_path):
    """A server whose token the site does not know."""
    write_token_file(tmp_path / "bad", secrets.token_hex(20))
    monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "bad"))


@pytest.fixture
def closed(jp_serverapp, jp_asyncio_loop):
    """Closes the manager at the end."""
    yield
    jp_asyncio_loop.run_until_complete(jp_serverapp.contents_manager.close())


async def test_local_files_work_without_a_site(no_settings, ask, jp_root_dir, closed):
    (jp_root_dir / "a.txt").write_text("local")
    status, listing = await ask("")
    assert (status, [entry["name"] for entry in listing["content"]]) == (200, ["a.txt", "mesh"])
    assert (await ask("b.txt", "PUT", text("x")))[0] == 201
    status, said = await ask("mesh/home")
    assert status == 400
    assert "No site is known here" in said["message"]


async def test_an_outage_is_a_503_and_never_a_404(nobody_there, ask, jp_root_dir, closed):
    (jp_root_dir / "a.txt").write_text("local")
    status, listing = await ask("")
    assert (status, [entry["name"] for entry in listing["content"]]) == (200, ["a.txt", "mesh"])
    status, listing = await ask("mesh")
    assert (status, [entry["name"] for entry in listing["content"]]) == (
        200,
        ["home", "projects", "shares"],
    )
    for request in (
        ("mesh/home",),
        ("mesh/home/a.txt",),
        ("mesh/home/a.txt", "PUT", text("x")),
        ("mesh/home", "POST", {"type": "notebook"}),
        ("mesh/home/a.txt", "PATCH", {"path": "mesh/home/b.txt"}),
        ("mesh/home/a.txt", "PATCH", {"path": "b.txt"}),
        ("mesh/home/a.txt", "DELETE"),
        ("mesh/home/a.txt/checkpoints",),
    ):
        status, said = await ask(*request)
        assert status == 503, (request, said)
        assert "alpine" in said["message"]
        assert "127.0.0.1" not in said["message"]
    assert (jp_root_dir / "a.txt").read_text() == "local"


async def test_a_refused_login_is_a_401_and_never_a_404(bad_token, ask, closed):
    for request in (
        ("mesh/home",),
        ("mesh/home/a.txt",),
        ("mesh/home/a.txt", "PUT", text("x")),
        ("mesh/home/a.txt", "DELETE"),
    ):
        status, said = await ask(*request)
        assert status == 401, (request, said)
        assert "og in again" in said["message"]


async def test_a_mistake_of_ours_is_one_500(site, ask, jp_serverapp, closed, monkeypatch):
    calls = []

    async def mistaken(path):
        calls.append(path)
        raise TypeError("'NoneType' object is not subscriptable")

    manager = jp_serverapp.contents_manager
    monkeypatch.setattr(manager.client, "stat", mistaken)
    status, said = await ask("mesh/home/a.txt")
    assert (status, calls) == (500, ["home/a.txt"])
    assert "NoneType" not in said["message"]
