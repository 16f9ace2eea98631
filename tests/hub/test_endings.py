"""However a server ends, what was made for it is removed exactly once."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.hub.hubs import Hub, until

# One hub for all: they stay in one process, in this order.
pytestmark = [pytest.mark.xdist_group("hub endings"), pytest.mark.timeout(150)]

QUICK_SERVER = Path(__file__).with_name("quick_server.py")

# What our class makes and removes is written down. Some users' servers have an ending of their own.
RECORDING = """
import asyncio, os, sys
from pathlib import Path
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.local import LocalTokenMixin

def record(what, spawner):
    with open({record!r}, "a") as file:
        print(what, spawner.user.name, file=file)

class Fateful(SimpleLocalProcessSpawner):
    async def start(self):
        if self.user.name == "refused":
            raise SpawnException("No room for you.", reason="no_room", status_code=409)
        if self.user.name == "mistaken":
            raise ZeroDivisionError("marker-CAUSE")
        if self.user.name in ("slow", "starting"):
            await asyncio.Event().wait()
        return await super().start()

class Recording(LocalTokenMixin, Fateful):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.user.name == "slow":
            self.start_timeout = 1

    def mesh_owner(self):
        return None

    async def mesh_create(self, credential):
        await super().mesh_create(credential)
        record("made", self)

    async def mesh_remove(self, name, value):
        await super().mesh_remove(name, value)
        record("removed", self)

c.JupyterHub.spawner_class = Recording
c.Recording.home_dir_template = os.environ["MESH_HUB_STATE"] + "/home/{{username}}"
c.Recording.cmd = [sys.executable, {server!r}]
c.Recording.poll_interval = 1
# The site is away; tests/hub/test_mount.py is about mounts.
c.Recording.mesh_mount_mode = "none"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 2}}
"""


class RecordingHub(Hub):
    def __init__(self, folder):
        self.record = folder / "record"
        self.record.touch()
        more = RECORDING.format(record=str(self.record), server=str(QUICK_SERVER))
        super().__init__(folder, more=more)

    def history(self, user):
        return [
            line.split()[0]
            for line in self.record.read_text().splitlines()
            if line.split()[1] == user
        ]

    def folders(self):
        return list(self.runtime.iterdir())

    async def add(self, user):
        """A user who has logged in at a site that is away now."""
        now = time.time()
        credential = {
            "token": "t0ken",
            "received": now,
            "expires": now + 9999,
            "username": user,
            "user": f"idp!{user}",
        }
        async with self.api() as api:
            async with api.post(f"users/{user}") as reply:
                assert reply.status == 201
            async with api.patch(
                f"users/{user}", json={"auth_state": {"mesh": credential}}
            ) as reply:
                assert reply.status == 200


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = RecordingHub(tmp_path_factory.mktemp("endings"))
    hub.start()
    yield hub
    hub.stop()


async def test_stopped(hub):
    await hub.add("stopped")
    await hub.start_server("stopped")
    (folder,) = hub.folders()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    assert (folder / "token").read_text() == "t0ken\n"
    await hub.stop_server("stopped")
    assert hub.history("stopped") == ["made", "removed"]
    assert hub.folders() == []


async def test_killed(hub):
    await hub.add("killed")
    server = await hub.start_server("killed")
    os.kill(server["state"]["pid"], signal.SIGKILL)
    await until(lambda: "removed" in hub.history("killed"))
    assert hub.history("killed") == ["made", "removed"]
    assert hub.folders() == []


async def test_a_mistake_names_the_step_and_leaves_the_cause_to_the_log(hub):
    await hub.add("mistaken")
    async with hub.api() as api, api.post("users/mistaken/server") as reply:
        told = (await reply.json())["message"]
        assert reply.status == 500
    assert told == (
        '"Starting Jupyter" failed. Try again; if it happens again, tell the operator of this hub.'
    )
    assert "ZeroDivisionError: marker-CAUSE" in hub.log
    assert hub.history("mistaken") == ["made", "removed"]


async def test_refused(hub):
    await hub.add("refused")
    async with hub.api() as api, api.post("users/refused/server") as reply:
        assert (reply.status, (await reply.json())["message"]) == (409, "No room for you.")
    assert hub.history("refused") == ["made", "removed"]
    assert hub.folders() == []


async def test_start_timed_out(hub):
    await hub.add("slow")
    async with hub.api() as api, api.post("users/slow/server") as reply:
        assert reply.status == 500
    assert hub.history("slow") == ["made", "removed"]
    assert hub.folders() == []


async def first_events(stream, count):
    async for line in stream.content:
        if line.startswith(b"data: "):
            yield line
            count -= 1
            if not count:
                return


async def test_hub_killed_while_running_and_while_starting(hub):
    for user in ("surviving", "dying", "starting"):
        await hub.add(user)
    await hub.start_server("surviving")
    dying = await hub.start_server("dying")
    async with hub.api() as api:
        async with api.post("users/starting/server") as reply:
            assert reply.status == 202
        async with api.get("users/starting/server/progress") as stream:
            told = [
                json.loads(line.removeprefix(b"data: ")) async for line in first_events(stream, 3)
            ]
    assert [event["message"] for event in told] == [
        "Server requested",
        "Signing in to alpine",
        "Starting Jupyter",
    ]
    assert len(hub.folders()) == 3

    hub.kill()
    os.kill(dying["state"]["pid"], signal.SIGKILL)
    hub.start()
    await until(lambda: len(hub.folders()) == 1)

    assert hub.history("dying") == ["made", "removed"]
    assert hub.history("starting") == ["made", "removed"]
    assert hub.history("surviving") == ["made"]
    await hub.stop_server("surviving")
    assert hub.history("surviving") == ["made", "removed"]
    assert hub.folders() == []


async def test_no_login_no_server(hub):
    async with hub.api() as api:
        async with api.post("users/stranger"):
            pass
        async with api.post("users/stranger/server") as reply:
            assert reply.status == 403
            assert (await reply.json())["message"] == (
                "Your login at alpine has ended. Log in again to get to your files."
            )
    assert hub.history("stranger") == []


async def test_clean_stop_leaves_nothing_running(hub):
    await hub.add("last")
    server = await hub.start_server("last")
    hub.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(server["state"]["pid"], 0)
    for port in hub.ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)
    assert hub.history("last") == ["made", "removed"]
    assert hub.folders() == []
