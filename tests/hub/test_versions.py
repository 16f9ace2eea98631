"""The same packages on other versions of JupyterHub, and servers that run through an upgrade of hub and package."""

import asyncio
import json
import os
import secrets
import socket
import sqlite3
import sys
from pathlib import Path

import pytest

from jupyter_mesh.testing.site import in_thread, run_node
from tests.hub.hubs import Browser, Hub, free_ports, until
from tests.hub.versions import VERSIONS, ours, python_of

pytestmark = [pytest.mark.xdist_group("hub versions"), pytest.mark.timeout(300)]

HERE = Path(__file__).parent
QUICK_SERVER = HERE / "quick_server.py"
QUICK = f"""
import sys
c.MeshLocalSpawner.cmd = [sys.executable, {str(QUICK_SERVER)!r}]
c.MeshLocalSpawner.args = []
c.MeshLocalSpawner.mesh_mount_mode = "none"
c.JupyterHub.cleanup_servers = False
"""
KEPT_KEYS = """
c.CryptKeeper.keys = ["5e" * 32]
c.JupyterHub.cookie_secret = bytes.fromhex("5e" * 32)
"""
OLD_TOKEN = "b325d25eeb33443da82f0a198beb6b89"
"""The API token of the server in previous_release.sql."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with in_thread(lambda: run_node(tmp_path_factory.mktemp("site"))) as site:
        yield site


@pytest.fixture
def hub_of(site, tmp_path):
    """Makes a hub that runs on another version; all hubs of a test have one folder and one database."""
    made = []

    def hub_of(version, more=""):
        hub = made[0] if made else Hub(tmp_path, gateway=site.gateway, more=QUICK + more)
        if version is None:
            hub.python = sys.executable
            hub.environment.pop("PYTHONPATH", None)
        else:
            hub.python = python_of(version)
            if hub.python is None:
                pytest.skip(f"no JupyterHub {version} in the cache: make .venv/.hubs says why")
            hub.environment["PYTHONPATH"] = str(ours(tmp_path / "ours"))
        made.append(hub)
        return hub

    yield hub_of
    for hub in made[:1]:
        hub.stop()


def environment_of(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


async def token_for(hub, user, api_token):
    """What a server of the user gets from the hub."""
    async with hub.api(api_token) as api, api.get(f"mesh/users/{user}/token") as reply:
        assert reply.status == 200, await reply.text()
        return (await reply.json())["token"]


async def test_the_installed_hub_is_of_the_newest_line(hub_of):
    """The other tests run on it; this one asks nothing of the cache."""
    import jupyterhub

    assert jupyterhub.version_info[:2] >= (6, 1)
    assert f"{jupyterhub.version_info[0]}.{jupyterhub.version_info[1]}" not in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
async def test_from_login_to_stop(hub_of, site, version):
    hub = hub_of(version)
    hub.start()
    assert f"Running JupyterHub version {version}." in hub.log
    user = site.users[0]
    async with Browser(hub) as browser:
        status, page = await browser.login(user.name, "wrong")
        assert status == 403
        assert "Invalid username or password" in page
        status, _ = await browser.login(user.name, user.password)
        assert status == 200
    server = await hub.start_server(user.name)
    environment = environment_of(server)
    assert environment["MESH_SITE"] == "alpine"
    held = Path(environment["MESH_TOKEN_FILE"]).read_text().strip()
    assert await token_for(hub, user.name, environment["JUPYTERHUB_API_TOKEN"]) == held
    api = hub.api(environment["JUPYTERHUB_API_TOKEN"])
    async with api, api.get("mesh/users/nobody/token") as reply:
        assert reply.status == 404
    async with hub.api() as api:
        async with api.post("users/stranger"):
            pass
        async with api.post("users/stranger/server") as reply:
            said = (await reply.json())["message"]
    assert (reply.status, said) == (
        403,
        "Your login at alpine has ended. Log in again to get to your files.",
    )
    await hub.stop_server(user.name)
    await until(lambda: not list(hub.runtime.iterdir()))


async def test_a_server_runs_through_the_upgrade_of_jupyterhub(hub_of, site):
    hub = hub_of("5.5")
    hub.start()
    user = site.users[0]
    async with Browser(hub) as browser:
        await browser.login(user.name, user.password)
    server = await hub.start_server(user.name)
    environment = environment_of(server)
    hub.kill()
    hub_of(None)
    upgrade = [sys.executable, "-m", "jupyterhub", "upgrade-db", "-f", str(hub.config)]
    upgrading = await asyncio.create_subprocess_exec(*upgrade, env=hub.environment, cwd=hub.state)
    assert await upgrading.wait() == 0
    hub.start()
    assert "Running JupyterHub version 6." in hub.log
    kept = await hub.start_server(user.name)
    assert kept["state"]["pid"] == server["state"]["pid"]
    assert await token_for(hub, user.name, environment["JUPYTERHUB_API_TOKEN"])
    await hub.stop_server(user.name)
    await until(lambda: not list(hub.runtime.iterdir()))


async def test_a_server_runs_through_the_upgrade_of_our_package(hub_of):
    """previous_release.sql is what jupyter-mesh-spawner of 2026-11-22 wrote for one that ran (JupyterHub 6.1.1)."""
    hub = hub_of(None, more=KEPT_KEYS)
    (port,) = free_ports(1)
    folder = hub.runtime / f"jupyter-mesh-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    (folder / "token").write_text("token-of-before\n")
    environment = {**os.environ, "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/ada/"}
    running = await asyncio.create_subprocess_exec(
        sys.executable, str(QUICK_SERVER), env=environment
    )
    try:
        await until(lambda: listens(port))
        written = (HERE / "previous_release.sql").read_text()
        for name, value in (("port", port), ("pid", running.pid), ("folder", folder)):
            written = written.replace(f"{{{name}}}", str(value))
        hub.state.mkdir()
        with sqlite3.connect(hub.state / "jupyterhub.sqlite") as database:
            database.executescript(written)
        hub.start()
        async with hub.api() as api, api.get("users/ada") as reply:
            server = (await reply.json())["servers"][""]
        assert server["ready"], json.dumps(server)
        assert server["state"]["pid"] == running.pid
        assert await token_for(hub, "ada", OLD_TOKEN) == "token-of-before"
        assert folder.exists()
        async with hub.api() as api, api.delete("users/ada/server") as reply:
            assert reply.status in (202, 204)
        # A child of this test, not of the hub, and ended by it.
        await asyncio.wait_for(running.wait(), 60)
        await until(lambda: not folder.exists())
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
