"""Servers in pods that run: files by relative path, side-cars that are killed, pods that fail, hubs that are killed."""

import base64
import json
import os
import signal
import uuid
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.hub.hubs import Browser, until
from tests.kubernetes.clusters import wait_for
from tests.kubernetes.hubs import HOME, ODD, PASSWORD, processes
from tests.kubernetes.nodes import HERE
from tests.mounts import mounted_below

# Whatever a loaded machine takes.
PATIENCE = 180

pytestmark = pytest.mark.usefixtures("node")


class Kernel:
    """One in a user's server, in the folder of a notebook."""

    def __init__(self, hub, user):
        self.hub, self.user = hub, user

    async def __aenter__(self):
        self.server = self.hub.at(f"user/{self.user}/")
        model = {
            "path": "mesh/home/fit.ipynb",
            "name": "fit.ipynb",
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        async with self.server.post("api/sessions", json=model) as reply:
            assert reply.status == 201, await reply.text()
            session = await reply.json()
        self.id, self.session = session["kernel"]["id"], session["id"]
        self.socket = await self.server.ws_connect(f"api/kernels/{self.id}/channels")
        return self

    async def __aexit__(self, *exc):
        await self.socket.close()
        async with self.server.delete(f"api/sessions/{self.session}"):
            pass
        await self.server.close()

    async def run(self, code):
        """Run code; what it prints."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": number, "username": self.user, "date": "2026-11-22T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
        await self.socket.send_json(
            {
                "channel": "shell",
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content | {"user_expressions": {}, "allow_stdin": False},
            }
        )
        printed = ""
        while True:
            message = await self.socket.receive(timeout=PATIENCE)
            assert message.type == aiohttp.WSMsgType.TEXT, message
            told = json.loads(message.data)
            if told["parent_header"].get("msg_id") != number:
                continue
            assert told["msg_type"] != "error", told["content"]["traceback"]
            if told["msg_type"] == "stream":
                printed += told["content"]["text"]
            if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                return printed.strip()


@pytest.fixture(scope="module")
async def ada(hub, node):
    """Her server, a JupyterLab with a side-car, started after a login in the form of the hub."""
    async with Browser(hub) as browser:
        await browser.login("ada", PASSWORD.format("ada"))
    await hub.begin("ada")
    told = [event async for event in hub.events("ada")]
    assert told[-1].get("ready"), (told, hub.log, hub.cluster.log("kubelet")[-5000:])
    yield told
    async with hub.api() as api, api.delete("users/ada/server") as reply:
        assert reply.status in (202, 204, 400)


def sidecar(pod):
    (status,) = pod["status"]["initContainerStatuses"]
    return status


def mount_programs():
    return processes("jupyter_mesh.cli", "mount", "/mesh/files", "--health")


async def written(hub, kernel, name):
    """Have a kernel write by a relative path until that works again, and wait for the file at the site."""

    async def write():
        with suppress(AssertionError):
            await kernel.run(f"with open({name!r}, 'w') as file: file.write({name!r})")
            return True

    await until(write, seconds=PATIENCE)
    path = hub.site.home("ada") / name
    await until(lambda: path.exists() and path.read_text() == name, seconds=PATIENCE)


async def test_what_those_who_wait_are_told(ada):
    told = [event["message"] for event in ada]
    assert "Signing in to alpine" in told
    assert "Starting Jupyter" in told
    assert "The program that mounts your files has started" in told
    assert not any("Normal" in message or "kubelet" in message for message in told), told


async def test_files_by_relative_path(hub, ada):
    async with Kernel(hub, "ada") as kernel:
        await written(hub, kernel, "by-kernel.txt")
        facts = await kernel.run(
            "import os\n"
            "status = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
            "print(os.getuid(), status['CapEff'].strip(), os.getcwd(), os.stat('by-kernel.txt').st_uid)"
        )
        assert facts == f"1000 {0:016x} /mesh/files/home 1000"
        # The server cannot put anything in the way of the side-car.
        refused = (
            "try:\n    os.mkdir('/mesh/other')\nexcept OSError as error:\n    print(error.errno)"
        )
        assert await kernel.run(refused) == "30"
        # The same folder is beside the local files.
        assert await kernel.run(f"print(os.listdir('{HOME}/mesh/home'))") == "['by-kernel.txt']"
    async with hub.at("user/ada/api/contents/") as contents, contents.get("mesh/home") as reply:
        assert [each["name"] for each in (await reply.json())["content"]] == ["by-kernel.txt"]
    async with hub.at("user/ada/api/mesh/") as mesh, mesh.get("mount") as reply:
        # The server asks the side-car.
        assert (await reply.json())["state"] == "ready"


def _of(pid, what):
    try:
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace")
    except OSError:
        return ""


def secret_of(hub, pod):
    """What is in the Secret that a pod owns."""
    (secret,) = [
        each
        for each in hub.secrets()
        if each["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
    ]
    return {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}


async def test_no_secret_is_where_somebody_looks(hub, ada):
    (pod,) = hub.pods("ada")
    assert "mesh-token" in pod["metadata"]["annotations"]["operator"]
    secret = secret_of(hub, pod)
    assert set(secret) == {"api-token", "token", "hub-token"}
    async with hub.api() as api, api.get("users/ada") as reply:
        state = (await reply.json())["auth_state"]["mesh"]
    hidden = [*secret.values(), state["token"], state["app_password"], PASSWORD.format("ada")]
    assert all(len(each) > 10 for each in hidden)
    events = hub.cluster.request("/api/v1/namespaces/hub/events")
    lines = [_of(pid, "cmdline") for pid in processes("jupyter_mesh.cli")]
    environments = [_of(pid, "environ") for pid in mount_programs()]
    assert any(environments)
    async with hub.api() as api, api.get("users/ada/server/progress") as reply:
        progress = await reply.text()
    database = b"".join(path.read_bytes() for path in hub.state.glob("jupyterhub.sqlite*"))
    places = {
        "pods": json.dumps(hub.cluster.objects("/api/v1/pods")),
        "events": events,
        "log of the hub": hub.log,
        "log of the kubelet": hub.cluster.log("kubelet"),
        "log of containerd": hub.cluster.log("containerd"),
        "command lines": "\n".join(lines),
        "environment of the side-car": "\n".join(environments),
        "progress": progress,
        "database": database.decode(errors="replace"),
    }
    found = {place for place, text in places.items() if any(each in text for each in hidden)}
    assert found == set()


async def test_narrow_token_gets_the_token_of_its_user_and_nothing_else(hub, ada):
    (pod,) = hub.pods("ada")
    narrow = secret_of(hub, pod)["hub-token"]
    async with hub.api(narrow) as api:
        async with api.get("mesh/users/ada/token") as reply:
            assert reply.status == 200
        async with api.get("users/ada") as reply:
            # JupyterHub tells every token whose it is.
            told = await reply.json()
            assert told["name"] == "ada"
            assert not {"auth_state", "servers", "server", "roles", "scopes"} & set(told)
        for path in ("users/bob", "mesh/users/bob/token", "users"):
            async with api.get(path) as reply:
                assert reply.status in (403, 404), path
        async with api.post("users/ada/servers/more") as reply:
            assert reply.status in (403, 404)


async def test_side_car_is_killed(hub, ada):
    """The kernel that runs sees the files again, in the folder it is in."""
    async with Kernel(hub, "ada") as kernel:
        (before,) = hub.pods("ada")
        (program,) = mount_programs()
        os.kill(program, signal.SIGKILL)
        count = sidecar(before)["restartCount"]
        await until(lambda: sidecar(hub.pods("ada")[0])["restartCount"] > count, seconds=PATIENCE)
        await until(lambda: sidecar(hub.pods("ada")[0])["ready"], seconds=PATIENCE)
        await kernel.run("import os; os.chdir('/mesh/files/home')")
        await written(hub, kernel, "after-kill.txt")
    (after,) = hub.pods("ada")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_side_car_hangs(hub, ada):
    """The kubelet finds out, and has it made again."""
    async with Kernel(hub, "ada") as kernel:
        (before,) = hub.pods("ada")
        (program,) = mount_programs()
        os.kill(program, signal.SIGSTOP)
        count = sidecar(before)["restartCount"]
        await until(lambda: sidecar(hub.pods("ada")[0])["restartCount"] > count, seconds=PATIENCE)
        await until(lambda: sidecar(hub.pods("ada")[0])["ready"], seconds=PATIENCE)
        await kernel.run("import os; os.chdir('/mesh/files/home')")
        await written(hub, kernel, "after-hang.txt")


async def no_mount_is_left():
    await until(lambda: not mount_programs(), seconds=60)
    await until(
        lambda: not [each for each in mounted_below(HERE) if "mesh-files" in each], seconds=60
    )


async def test_stop_uploads_and_leaves_nothing(hub, ada):
    narrow = secret_of(hub, hub.pods("ada")[0])["hub-token"]
    async with Kernel(hub, "ada") as kernel:
        await kernel.run("open('/mesh/files/home/last.txt', 'w').write('last words')")
    await hub.stop_server("ada")
    assert (hub.site.home("ada") / "last.txt").read_text() == "last words"
    await hub.nothing_is_left("ada")
    assert hub.history("ada") == ["made", "removed"]
    await no_mount_is_left()
    async with hub.api(narrow) as api, api.get("mesh/users/ada/token") as reply:
        assert reply.status == 403


FAILURES = {
    "absent": "The cluster cannot get the environment mesh.test/absent:1. Choose another one",
    "crash": "Your server ended while it started (exit code 3).",
    "hungry": "Your server needs more memory than it may have, and was ended.",
    "unmounted": "Your files cannot be mounted.",
    "sidecarless": "The cluster cannot get mesh.test/absent:2, which your server needs.",
}


@pytest.mark.parametrize(("user", "sentence"), FAILURES.items(), ids=FAILURES)
async def test_failed_pod_is_told_at_once(hub, user, sentence):
    """start_timeout is 300 s; this test would wait for longer than it has."""
    await hub.add(user)
    await hub.begin(user)
    outcome = await hub.outcome(user)
    assert outcome.get("failed"), outcome
    assert sentence in outcome["message"]
    await hub.nothing_is_left(user)
    assert hub.history(user) in (["made", "removed"], [])


async def test_stopped(hub):
    await hub.add("stopped")
    await hub.start_server("stopped")
    await hub.stop_server("stopped")
    await hub.nothing_is_left("stopped")
    assert hub.history("stopped") == ["made", "removed"]


async def test_user_name_with_everything(hub):
    await hub.add(ODD)
    await hub.start_server(ODD)
    (pod,) = hub.pods(ODD)
    assert pod["status"]["phase"] == "Running"
    await hub.stop_server(ODD)
    await hub.nothing_is_left(ODD)


async def test_died(hub):
    """With all that is in it, at once: the kubelet takes away what the side-car cannot any more."""
    await hub.add("died")
    await hub.start_server("died")
    (pod,) = hub.pods("died")
    path = f"/api/v1/namespaces/hub/pods/{pod['metadata']['name']}?gracePeriodSeconds=0"
    assert hub.cluster.ask("DELETE", path)[0] == 200
    await until(lambda: "removed" in hub.history("died"), seconds=PATIENCE)
    await hub.nothing_is_left("died")
    assert hub.history("died") == ["made", "removed"]
    await no_mount_is_left()


async def test_hub_killed_while_servers_run_and_start(hub):
    for user in ("surviving", "starting"):
        await hub.add(user)
    await hub.start_server("surviving")
    await hub.begin("starting")
    await until(lambda: hub.history("starting") == ["made"], seconds=PATIENCE)
    (before,) = hub.pods("surviving")

    hub.kill()
    hub.start()

    await until(lambda: hub.history("starting") == ["made", "removed"], seconds=PATIENCE)
    assert hub.history("surviving") == ["made"]
    async with hub.at("user/surviving/") as server, server.get("api") as reply:
        assert reply.status == 200
    (after,) = hub.pods("surviving")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    await hub.stop_server("surviving")
    await hub.nothing_is_left("surviving")
    assert hub.history("surviving") == ["made", "removed"]
    wait_for(lambda: not hub.pods("starting"), "the end of a pod whose start was forgotten")
