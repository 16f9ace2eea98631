"""A platform's own spawner with our mixin before it: theirs works on, a restart keeps all servers, faults are one sentence."""

import asyncio
import importlib.util
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyterhub.spawner import Spawner

from jupyter_mesh_spawner.local import LocalTokenMixin
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from tests.hub.hubs import Browser, Hub, until

# One hub for all: they stay in one process, in this order.
pytestmark = [pytest.mark.xdist_group("hub chain"), pytest.mark.timeout(300)]

PLATFORM = Path(__file__).with_name("platform_spawner.py")
QUICK_SERVER = Path(__file__).with_name("quick_server.py")

CONFIG = """
import os, runpy, sys

c.JupyterHub.allow_named_servers = True
os.environ["TEST_CALLS"] = {calls!r}
platform = runpy.run_path({platform!r})
PlatformSpawner, called = platform["PlatformSpawner"], platform["called"]
from jupyter_mesh_spawner.local import LocalTokenMixin

class MeshPlatformSpawner(LocalTokenMixin, PlatformSpawner):
    def mesh_owner(self):
        return None

def pre_spawn_hook(spawner):
    called("pre_spawn_hook", spawner)

def auth_state_hook(spawner, auth_state):
    spawner.user_uid = 4711

def post_stop_hook(spawner):
    called("post_stop_hook", spawner)

def modify_pod_hook(spawner, pod):
    called("modify_pod_hook", spawner)
    pod["theirs"] = True
    return pod

c.JupyterHub.spawner_class = MeshPlatformSpawner
c.Spawner.pre_spawn_hook = pre_spawn_hook
c.Spawner.auth_state_hook = auth_state_hook
c.Spawner.post_stop_hook = post_stop_hook
c.PlatformSpawner.modify_pod_hook = modify_pod_hook
c.PlatformSpawner.lcg_view_path = "/of/the/operator"
c.Spawner.environment = {{"MESH_SITE": "as the operator says", "CODE_WORKING_DIRECTORY": "/work"}}
c.Spawner.cmd = [sys.executable, {server!r}]
c.PlatformSpawner.home_dir_template = os.environ["MESH_HUB_STATE"] + "/home/{{username}}"
c.Spawner.poll_interval = 2
c.MeshPlatformSpawner.mesh_mount_mode = "none"
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = False
"""


def load_platform():
    os.environ.setdefault("TEST_CALLS", os.devnull)
    spec = importlib.util.spec_from_file_location("platform_spawner", PLATFORM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PlatformHub(Hub):
    def __init__(self, folder):
        self.calls = folder / "calls"
        self.calls.touch()
        more = CONFIG.format(
            calls=str(self.calls), platform=str(PLATFORM), server=str(QUICK_SERVER)
        )
        super().__init__(folder, more=more)

    def called(self, user):
        """What was called for a user, in order."""
        lines = (line.split() for line in self.calls.read_text().splitlines())
        return [line[0] for line in lines if line[1] == user]

    async def add(self, user):
        """Somebody who has logged in at a site that is away now."""
        now = time.time()
        credential = {"token": f"token-of-{user}", "received": now, "expires": now + 9999}
        credential |= {"username": user, "user": f"idp!{user}"}
        async with self.api() as api:
            async with api.post(f"users/{user}") as reply:
                assert reply.status == 201
            state = {"auth_state": {"mesh": credential, "theirs": "kept"}}
            async with api.patch(f"users/{user}", json=state) as reply:
                assert reply.status == 200


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = PlatformHub(tmp_path_factory.mktemp("chain"))
    hub.start()
    yield hub
    hub.stop()


def environment_of(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


async def test_all_of_theirs_is_called_and_their_words_win(hub):
    await hub.add("swan")
    server = await hub.start_server("swan")
    environment = environment_of(server)
    # Theirs, from their get_env, which needs what their hook has set.
    assert environment["ROOT_LCG_VIEW_PATH"] == "/of/the/operator"
    assert environment["USER_ID"] == "4711"
    # The operator's, which win.
    assert environment["MESH_SITE"] == "as the operator says"
    assert environment["CODE_WORKING_DIRECTORY"] == "/work"
    # Ours.
    assert Path(environment["MESH_TOKEN_FILE"]).read_text().strip() == "token-of-swan"
    await hub.stop_server("swan")
    called = hub.called("swan")
    order = ["pre_spawn_hook", "start", "get_env", "modify_pod_hook", "stop", "post_stop_hook"]
    assert [called.index(name) for name in order] == sorted(called.index(name) for name in order)
    assert "poll" in called
    # Once each: not in vain, and not twice.
    for name in ("pre_spawn_hook", "start", "modify_pod_hook", "post_stop_hook"):
        assert called.count(name) == 1
    assert not list(hub.runtime.iterdir())
    async with hub.api() as api, api.get("users/swan") as reply:
        assert (await reply.json())["auth_state"]["theirs"] == "kept"


async def test_their_form_is_read_by_them(hub):
    """Fields of both in one request: theirs are made what they want, and ours do not reach them twice."""
    await hub.add("former")
    spawner = load_platform().PlatformSpawner
    kinds = type("X", (LocalTokenMixin, spawner), {})
    made = kinds.options_from_form(kinds.__new__(kinds), {"cores": ["4"], "memory": ["8"]})
    made = await made if asyncio.iscoroutine(made) else made
    assert (made["cores"], made["memory"]) == (4, "8G")


def kinds_of_spawners():
    """Our mixins, with what they go before, and the one trait of theirs that has another default with us."""
    from dockerspawner import DockerSpawner
    from kubespawner import KubeSpawner

    from jupyter_mesh_spawner.docker import MeshDockerMixin
    from jupyter_mesh_spawner.kube import MeshKubeMixin

    platform = load_platform().PlatformSpawner
    return [
        (MeshSpawnerMixin, platform, set()),
        (LocalTokenMixin, platform, set()),
        (MeshDockerMixin, DockerSpawner, {"remove"}),
        (MeshKubeMixin, KubeSpawner, set()),
    ]


@pytest.mark.parametrize(
    ("mixin", "platform", "besides"),
    kinds_of_spawners(),
    ids=lambda kind: getattr(kind, "__name__", ""),
)
def test_no_trait_of_theirs_is_taken(mixin, platform, besides):
    """All that we add begins with mesh_, but for defaults that an operator's setting overrides."""
    ours = {
        name
        for kind in mixin.__mro__
        if kind.__module__.startswith("jupyter_mesh")
        for name in kind.class_own_traits()
    }
    assert ours
    assert {name for name in ours if not name.startswith("mesh_")} == besides
    whole = type("Whole", (mixin, platform), {})
    for name, trait in platform.class_traits(config=True).items():
        assert name in besides or whole.class_traits()[name] is trait, name
    for hook in ("pre_spawn_hook", "post_stop_hook", "auth_state_hook", "apply_user_options"):
        assert hook in Spawner.class_traits()


async def test_a_restart_keeps_twenty_servers(hub):
    users = [f"user-{number:02}" for number in range(20)]
    for user in users:
        await hub.add(user)
    servers = dict(zip(users, await asyncio.gather(*map(hub.start_server, users)), strict=True))
    folders = set(hub.runtime.iterdir())
    assert len(folders) == 20
    hub.kill()
    hub.start()
    async with hub.api() as api:
        for user in users:
            async with api.get(f"users/{user}") as reply:
                server = (await reply.json())["servers"][""]
            assert server["ready"], user
            assert server["state"]["pid"] == servers[user]["state"]["pid"]
    assert set(hub.runtime.iterdir()) == folders
    for user in users:
        token = environment_of(servers[user])["JUPYTERHUB_API_TOKEN"]
        async with hub.api(token) as api, api.get(f"mesh/users/{user}/token") as reply:
            assert (await reply.json())["token"] == f"token-of-{user}"
    await asyncio.gather(*map(hub.stop_server, users))
    await until(lambda: not list(hub.runtime.iterdir()))
    assert [user for user in users if hub.called(user).count("start") != 1] == []
    assert [user for user in users if hub.called(user).count("post_stop_hook") != 1] == []


async def test_two_servers_of_one_user_have_each_their_own(hub):
    await hub.add("two")
    first = await hub.start_server("two")
    async with hub.api() as api:
        async with api.post("users/two/servers/second") as reply:
            assert reply.status in (201, 202), await reply.text()

        async def second():
            async with api.get("users/two") as reply:
                server = (await reply.json())["servers"].get("second", {})
            return server if server.get("ready") else None

        other = await until(second, seconds=90)
        files = {environment_of(each)["MESH_TOKEN_FILE"] for each in (first, other)}
        assert len(files) == 2
        await hub.stop_server("two")
        (left,) = hub.runtime.iterdir()
        assert str(left / "token") == environment_of(other)["MESH_TOKEN_FILE"]
        async with api.delete("users/two/servers/second") as reply:
            assert reply.status in (202, 204)
    await until(lambda: not list(hub.runtime.iterdir()))


async def test_a_hub_whose_disk_is_full_says_so_and_leaves_nothing(hub):
    await hub.add("full")
    async with hub.api() as api, api.post("users/full/server") as reply:
        said = (await reply.json())["message"]
    assert reply.status == 507
    assert said == (
        "The disk of this hub is full, so your server cannot be started. Tell the operator of this hub."
    )
    assert "No space left on device" in hub.log
    assert not list(hub.runtime.iterdir())


def test_a_hub_without_a_crypt_key_does_not_start_and_says_what_to_do(hub, tmp_path):
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(hub.config.read_text() + "\nc.CryptKeeper.keys = []\n")
    environment = {**hub.environment, "MESH_HUB_STATE": str(tmp_path / "state")}
    environment.pop("JUPYTERHUB_CRYPT_KEY", None)
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "-f", str(config)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if "auth_state is enabled" in line]
    assert len(said) == 1
    assert "JUPYTERHUB_CRYPT_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_that_was_given_is_readable_in_the_database(hub):
    database = hub.state / "jupyterhub.sqlite"
    with sqlite3.connect(database) as connection:
        text = "\n".join(connection.iterdump())
    assert "swan" in text
    assert "token-of-swan" not in text
    assert "token-of-user-07" not in text
    assert "token-of-swan" not in hub.log


async def test_pages_of_the_hub_are_up_after_all_of_it(hub):
    async with Browser(hub) as browser:
        status, _ = await browser.get("/hub/login")
    assert status == 200
