"""docs/operators.md: its lines make a mesh hub of a plain one, and a spawner of one's own keeps all that it does."""

import sys
from pathlib import Path

import pytest

from jupyter_mesh.testing.site import in_thread, run_node
from tests.docs.blocks import blocks
from tests.hub.hubs import PLAIN, Browser, Hub

pytestmark = [pytest.mark.xdist_group("hub operators"), pytest.mark.timeout(400)]

CRYPT_KEY = "1f" * 32

EXISTING = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.notebook_dir = "~"
c.Spawner.environment = {{"OF_THE_OPERATOR": "stays"}}
c.Spawner.http_timeout = 120
c.JupyterHub.load_groups = {{"astronomers": {{"users": ["einstein"]}}}}
"""


def environment_of(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with in_thread(lambda: run_node(tmp_path_factory.mktemp("site"))) as site:
        yield site


@pytest.fixture
def hub(tmp_path):
    existing = EXISTING.format(home=str(tmp_path / "home" / "{username}"), python=sys.executable)
    hub = Hub(tmp_path, more=existing, config=PLAIN)
    hub.environment["JUPYTERHUB_CRYPT_KEY"] = CRYPT_KEY
    yield hub
    hub.stop()


def lines(site):
    """The block of the page, at the site of the test."""
    block = blocks("operators", "python")[0]
    assert len(block.strip().splitlines()) <= 10
    return block.replace("mesh.example.org:9142", site.gateway)


async def test_ten_lines_make_a_mesh_hub_of_a_plain_one(hub, site):
    user = site.users[0]
    hub.start()
    async with Browser(hub) as browser:
        status, _ = await browser.login(user.name, "any password")
        assert status == 200
    hub.stop()
    with hub.config.open("a") as file:
        file.write("\n" + lines(site))
    hub.start()
    async with Browser(hub) as browser:
        status, _ = await browser.login(user.name, "any password")
        assert status == 403
        status, _ = await browser.login(user.name, user.password)
        assert status == 200
    server = await hub.start_server(user.name)
    note = {"type": "file", "format": "text", "content": "from a hub that was plain"}
    contents = hub.at(f"user/{user.name}/api/contents/")
    async with contents, contents.put("mesh/home/note.txt", json=note) as reply:
        assert reply.status == 201, await reply.text()
    async with site.client() as mesh:
        assert await mesh.read("home/note.txt") == b"from a hub that was plain"
    assert environment_of(server)["OF_THE_OPERATOR"] == "stays"
    async with hub.api() as api, api.get(f"users/{user.name}") as reply:
        assert (await reply.json())["groups"] == ["astronomers"]
    await hub.stop_server(user.name)
