"""A server has the files of the site as a folder, and however it ends, nothing of the mount is left but its queue."""

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.errors import DeadlineExceeded, Unavailable
from jupyter_mesh_spawner.authenticator import ASK_AGAIN
from jupyter_mesh_spawner.mounts import LocalMount, _account, _programs
from tests.e2e.processes import Node
from tests.hub.hubs import Hub, until
from tests.mounts import mounted_below, needs_fuse, unmount

# One hub for all: they stay in one process, in this order.
pytestmark = [needs_fuse, pytest.mark.xdist_group("hub mounts"), pytest.mark.timeout(240)]

QUICK_SERVER = Path(__file__).with_name("quick_server.py")
USERS = ("ada", "bob", "eve", "fay", "gus", "hal", "ida", "jon")

MOUNTING = """
import os, sys
import jupyter_mesh_spawner.local as local

possible = local.why_not

async def why_not():
    return os.environ.get("TEST_WHY_NOT") or await possible()

local.why_not = why_not
c.MeshLocalSpawner.cmd = [sys.executable, {server!r}]
c.MeshLocalSpawner.args = []
c.MeshLocalSpawner.poll_interval = 1
c.MeshLocalSpawner.mesh_mount_grace = 10
# To stop the hub is not to stop the servers: that is for each test.
c.JupyterHub.cleanup_servers = False
"""


class MountingHub(Hub):
    """A hub over a site of its own, with a fake single-user server that is up at once."""

    def __init__(self, folder):
        self.node = Node(folder / "node", name="alpine", token_life=3600)
        self.node.data.parent.mkdir()
        for user in USERS:
            self.node.add_user(user, f"password of {user}")
        self.node.start()
        more = MOUNTING.format(server=str(QUICK_SERVER))
        super().__init__(folder, gateway=self.node.gateway, more=more)

    def home(self, user):
        return self.state / "home" / user

    def mesh(self, user):
        """Where the files of the site are mounted."""
        return self.home(user) / "mesh"

    def at_site(self, user):
        return self.node.data / "home" / user

    async def add(self, user):
        """A user who has logged in."""
        login = await authenticate(self.node.gateway, "basic", user, f"password of {user}")
        now = time.time()
        credential = {
            "token": login.token,
            "received": now,
            "expires": now + 3000,
            "username": user,
            "user": f"idp!{user}",
        }
        async with self.api() as api:
            async with api.post(f"users/{user}") as reply:
                assert reply.status == 201
            state = {"auth_state": {"mesh": credential}}
            async with api.patch(f"users/{user}", json=state) as reply:
                assert reply.status == 200

    async def serve(self, user):
        await self.add(user)
        return await self.start_server(user)

    async def nothing_is_left(self, user):
        """No program, no mount, no folder, no token."""
        await until(
            lambda: not self.mesh(user).exists() and not list(self.runtime.iterdir()), seconds=60
        )
        assert _programs(str(self.mesh(user))) == []
        assert mounted_below(self.home(user)) == []

    def mount_program(self, user):
        (pid,) = _programs(str(self.mesh(user)))
        return pid


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = MountingHub(tmp_path_factory.mktemp("mounting"))
    hub.start()
    yield hub
    hub.stop()
    for user in USERS:
        for pid in _programs(str(hub.mesh(user))):
            os.kill(pid, signal.SIGKILL)
        if mounted_below(hub.mesh(user)):
            unmount(hub.mesh(user))
    hub.node.stop()
    assert mounted_below(hub.state) == []


def environment_of(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


async def write(path, text):
    await asyncio.to_thread(path.write_text, text)


async def test_from_start_to_stop(hub):
    server = await hub.serve("ada")
    mesh = hub.mesh("ada")
    assert mounted_below(hub.home("ada")) == [str(mesh)]
    environment = environment_of(server)
    assert environment["MESH_MOUNT"] == str(mesh)
    assert sorted(os.listdir(mesh)) == ["home", "projects", "shares"]
    await write(mesh / "home" / "note.txt", "written in the last second")
    await hub.stop_server("ada")
    assert (hub.at_site("ada") / "note.txt").read_text() == "written in the last second"
    await hub.nothing_is_left("ada")
    assert "Unmounting" not in hub.log


async def test_a_server_that_is_killed(hub):
    server = await hub.serve("bob")
    await write(hub.mesh("bob") / "home" / "note.txt", "kept")
    os.kill(server["state"]["pid"], signal.SIGKILL)
    await hub.nothing_is_left("bob")
    assert (hub.at_site("bob") / "note.txt").read_text() == "kept"


async def test_a_program_that_is_killed_blocks_neither_the_end_nor_the_next_start(hub):
    await hub.serve("eve")
    os.kill(hub.mount_program("eve"), signal.SIGKILL)
    await hub.stop_server("eve")
    await hub.nothing_is_left("eve")
    await hub.start_server("eve")
    assert sorted(os.listdir(hub.mesh("eve"))) == ["home", "projects", "shares"]
    await hub.stop_server("eve")
    await hub.nothing_is_left("eve")


async def test_a_hub_that_is_killed(hub):
    await hub.serve("fay")
    dying = await hub.serve("gus")
    hub.kill()
    os.kill(dying["state"]["pid"], signal.SIGKILL)
    assert mounted_below(hub.home("fay")) != []
    hub.start()
    await until(lambda: not hub.mesh("gus").exists(), seconds=60)
    assert sorted(os.listdir(hub.mesh("fay"))) == ["home", "projects", "shares"]
    await write(hub.mesh("fay") / "home" / "note.txt", "after the fall")
    await hub.stop_server("fay")
    assert (hub.at_site("fay") / "note.txt").read_text() == "after the fall"
    await hub.nothing_is_left("fay")


async def test_what_is_left_is_told_and_comes_with_the_next_start(hub):
    await hub.serve("hal")
    # The mount knows the folder, and goes on with it while the site is away.
    assert await asyncio.to_thread(os.listdir, hub.mesh("hal") / "home") == []
    hub.node.stop()
    await write(hub.mesh("hal") / "home" / "late.txt", "late")
    await hub.stop_server("hal")
    await hub.nothing_is_left("hal")
    told = "Unmounting the files of hal: Not at the site yet: 1 home/late.txt They are kept"
    assert told in " ".join(hub.log.split())
    hub.node.start()
    # A site that was away is asked again after that long.
    await asyncio.sleep(ASK_AGAIN)
    await hub.start_server("hal")
    await until(lambda: (hub.at_site("hal") / "late.txt").exists(), seconds=90)
    assert (hub.at_site("hal") / "late.txt").read_text() == "late"
    await hub.stop_server("hal")
    await hub.nothing_is_left("hal")


async def test_a_mount_that_fails_is_no_failed_start(hub):
    await hub.add("ida")
    hub.mesh("ida").mkdir(parents=True)
    (hub.mesh("ida") / "mine.txt").write_text("local")
    await hub.start_server("ida")
    assert f"runs without a mount on {hub.mesh('ida')}" in hub.log
    assert "is not empty" in hub.log
    await hub.stop_server("ida")
    assert (hub.mesh("ida") / "mine.txt").read_text() == "local"
    assert mounted_below(hub.home("ida")) == []


async def test_a_machine_that_cannot_mount(hub):
    hub.stop()
    hub.environment["TEST_WHY_NOT"] = "rclone is on holiday."
    hub.start()
    server = await hub.serve("jon")
    assert "MESH_MOUNT" not in environment_of(server)
    told = "runs without a mount, with JupyterLab and cs3:// addresses alone. rclone is on holiday."
    assert told in hub.log
    await hub.stop_server("jon")


@pytest.fixture
async def mount(hub, tmp_path):
    """A mount without a server."""
    login = await authenticate(hub.node.gateway, "basic", "ada", "password of ada")
    write_token_file(tmp_path / "token", login.token)
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "MESH_SITE": "alpine",
        "MESH_GATEWAY": hub.node.gateway,
        "MESH_TOKEN_FILE": str(tmp_path / "token"),
        "JUPYTERHUB_API_TOKEN": "secret",
    }
    mount = LocalMount.beside(environment, "~/work")
    yield mount
    await mount.unmount(0)
    assert _programs(mount.folder) == []
    assert mounted_below(tmp_path) == []


async def test_links_in_the_way_to_a_home_are_followed(mount, tmp_path):
    """The program does so, too, and is found again by the name of its folder."""
    (tmp_path / "link").symlink_to(tmp_path / "work")
    assert LocalMount.beside(mount.environment, "~/link").folder == mount.folder


async def test_the_note_of_a_mount_holds_no_secret(mount, tmp_path):
    assert mount.folder == str(tmp_path / "work" / "mesh")
    assert LocalMount.from_note(mount.note()) == mount
    assert "secret" not in str(mount.note())


async def test_a_mount_that_takes_too_long_is_given_up(mount):
    with pytest.raises(DeadlineExceeded):
        await mount.mount(0.01)
    assert _programs(mount.folder) == []
    await mount.mount(60)


async def test_a_cancelled_mount_leaves_nothing(mount):
    making = asyncio.create_task(mount.mount(60))
    await until(lambda: _programs(mount.folder))
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert _programs(mount.folder) == []


async def test_why_it_fails_is_said_in_the_words_of_the_program(mount):
    mount.environment["MESH_GATEWAY"] = "127.0.0.1:1"
    with pytest.raises(Unavailable, match="alpine does not answer") as caught:
        await mount.mount(60)
    assert "jupyter mesh mount:" not in str(caught.value)


@pytest.fixture
def home_of_nobody():
    """A folder that another account of this machine owns."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another account")
    account = pwd.getpwnam("nobody")
    look = [sys.executable, "-c", "import jupyter_mesh"]
    try:
        subprocess.run(look, check=True, **_account("nobody"), cwd="/", capture_output=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("other accounts of this machine may not run this Python")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, account.pw_uid, account.pw_gid)
        yield Path(folder)


async def test_servers_of_system_users_have_mounts_of_their_own(hub, home_of_nobody):
    account = pwd.getpwnam("nobody")
    token_file = home_of_nobody / "token"
    login = await authenticate(hub.node.gateway, "basic", "ada", "password of ada")
    write_token_file(token_file, login.token)
    os.chown(token_file, account.pw_uid, account.pw_gid)
    environment = {
        "HOME": str(home_of_nobody),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "MESH_SITE": "alpine",
        "MESH_GATEWAY": hub.node.gateway,
        "MESH_TOKEN_FILE": str(token_file),
    }
    mount = LocalMount.beside(environment, "", user="nobody")
    file = Path(mount.folder) / "home" / "of-nobody.txt"
    try:
        await mount.mount(60)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in _programs(mount.folder)} == {
            account.pw_uid
        }
        write = [sys.executable, "-c", f"open({str(file)!r}, 'w').write('mine')"]
        writing = await asyncio.create_subprocess_exec(*write, **_account("nobody"), cwd="/")
        assert await writing.wait() == 0
        with pytest.raises(PermissionError):
            os.listdir(mount.folder)
    finally:
        assert await mount.unmount(20) == ""
    assert (hub.at_site("ada") / "of-nobody.txt").read_text() == "mine"
    assert _programs(mount.folder) == []
    assert mounted_below(home_of_nobody) == []
