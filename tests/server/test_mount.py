"""``/api/mesh/mount``, and what the manager does first when something waits in the mount."""

import asyncio
import json
import os
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web

from jupyter_mesh.contents import mounted as room
from jupyter_mesh.mount.folder import StateFolder
from jupyter_mesh.paths import is_within


class Program:
    """The program of a mount as its control socket shows it, over a queue that the test fills."""

    def __init__(self, folder, directory):
        self.folder, self.directory = folder, directory
        self.state, self.message, self.failing_since = "ready", "", None
        self.queue = {}
        """What is to be uploaded: mesh path → an async function that does it, or None if that cannot be done."""
        self.conflicts = []
        self.calls = []
        self.answers = asyncio.Event()
        self.answers.set()
        application = web.Application(middlewares=[self._wait])
        application.router.add_get("/status", self._status)
        application.router.add_post("/flush", self._flush)
        application.router.add_post("/refresh", self._refresh)
        application.router.add_delete("/conflicts", self._seen)
        self.runner = web.AppRunner(application, shutdown_timeout=0.1)

    async def start(self):
        await self.runner.setup()
        with self.folder.opened() as short:
            await web.UnixSite(self.runner, str(short / "control.sock")).start()

    async def stop(self):
        self.answers.set()
        await self.runner.cleanup()

    def count(self, call):
        return sum(each == call for each in self.calls)

    @web.middleware
    async def _wait(self, request, handler):
        self.calls.append(request.path)
        await self.answers.wait()
        return await handler(request)

    async def _status(self, request):
        pending = [
            {
                "path": path,
                "size": 7,
                "uploading": False,
                "tries": 0,
                "since": "2026-11-21T14:02:00Z",
            }
            for path in self.queue
        ]
        return web.json_response(
            {
                "dir": str(self.directory),
                "site": "alpine",
                "state": self.state,
                "message": self.message,
                "pending": pending,
                "failing_since": self.failing_since,
                "conflicts": self.conflicts,
                "cache": {"used": 0, "files": 0},
            }
        )

    async def _flush(self, request):
        below = (await request.json())["path"]
        left = []
        for path, upload in list(self.queue.items()):
            if is_within(path, below):
                if upload is None:
                    left.append(path)
                else:
                    await upload()
                    del self.queue[path]
        return web.json_response({"left": left})

    async def _refresh(self, request):
        self.calls.append(("refreshed", (await request.json())["path"]))
        return web.json_response({})

    async def _seen(self, request):
        self.conflicts = []
        return web.json_response({})


@pytest.fixture
def mount(tmp_path, monkeypatch, jp_asyncio_loop):
    """A mount of this server whose program is here and whose folder answers."""
    directory = tmp_path / "mesh"
    directory.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MESH_MOUNT", str(directory))

    async def alive(directory):
        return True

    monkeypatch.setattr(room, "is_alive", alive)
    # Each question of a test shall see what the test has just put into the queue.
    monkeypatch.setattr(room, "FRESH_FOR", -1.0)
    folder = StateFolder.of("alpine", "maya", directory)
    folder.make()
    folder.tell(directory, "alpine", "maya")
    program = Program(folder, directory)
    jp_asyncio_loop.run_until_complete(program.start())
    yield program
    jp_asyncio_loop.run_until_complete(program.stop())


@pytest.fixture
def written(mount, client):
    """Code writes a file in the mount; it is at the site only when the queue was uploaded."""

    def write(path, content=b"by code", *, fails=False):
        async def upload():
            await client.upload(path, content)

        mount.queue[path] = None if fails else upload

    return write


@pytest.fixture
def contents(jp_fetch):
    """Asks for contents; gives status and JSON."""

    async def ask(method, path, body=None, **query):
        reply = await jp_fetch(
            "api",
            "contents",
            *path.split("/"),
            method=method,
            body=None if body is None else json.dumps(body),
            params=query,
            raise_error=False,
            allow_nonstandard_methods=True,
        )
        return reply.code, json.loads(reply.body) if reply.body else None

    return ask


def text(content, base=None):
    model = {"type": "file", "format": "text", "content": content}
    return model | ({"mesh": {"base": base}} if base else {})


async def test_without_a_mount_it_says_why(ask, monkeypatch):
    monkeypatch.delenv("MESH_MOUNT", raising=False)
    status, told = await ask("GET", "mount")
    assert status == 200
    assert told["state"] == "none"
    assert "cs3://" in told["message"]


async def test_tells_how_the_mount_is(ask, mount, written):
    written("home/a.csv")
    mount.conflicts = [
        {"path": "home/b.csv", "copy": "home/b (2).csv", "who": "Jan Novak", "when": "2026-11-21"}
    ]
    status, told = await ask("GET", "mount")
    assert status == 200
    assert told["state"] == "ready"
    assert told["waiting"] == 1
    assert [each["path"] for each in told["pending"]] == ["mesh/home/a.csv"]
    assert told["conflicts"][0]["path"] == "mesh/home/b.csv"
    assert told["conflicts"][0]["copy"] == "mesh/home/b (2).csv"


async def test_of_a_long_queue_the_first_are_named_and_all_are_counted(ask, mount):
    mount.queue = {f"home/{number}": None for number in range(2000)}
    _, told = await ask("GET", "mount")
    assert told["waiting"] == 2000
    assert len(told["pending"]) == 100


async def test_uploads_now_what_waits_below_a_path(ask, mount, written, client, folder):
    written(f"{folder}/a.csv", b"1,2\n")
    written(f"{folder}/b.csv", fails=True)
    status, told = await ask("POST", "mount", "flush", json_body={"path": f"mesh/{folder}"})
    assert (status, told) == (200, {"left": [f"mesh/{folder}/b.csv"]})
    assert (await client.stat(f"{folder}/a.csv")).size == 4


async def test_conflicts_are_forgotten_once_seen(ask, jp_fetch, mount):
    mount.conflicts = [{"path": "home/b", "copy": "home/b2", "who": "", "when": ""}]
    reply = await jp_fetch("api", "mesh", "mount", "conflicts", method="DELETE")
    assert reply.code == 204
    assert (await ask("GET", "mount"))[1]["conflicts"] == []


async def test_a_program_that_is_gone(ask, mount, monkeypatch):
    await mount.stop()
    _, told = await ask("GET", "mount")
    assert told["state"] == "gone"
    assert told["message"]
    status, told = await ask("POST", "mount", "flush", json_body={"path": "mesh/home"})
    assert status == 503


async def test_a_folder_that_does_not_answer(ask, mount, monkeypatch):
    async def alive(directory):
        return False

    monkeypatch.setattr(room, "is_alive", alive)
    assert (await ask("GET", "mount"))[1]["state"] == "hung"


async def test_a_program_that_does_not_answer_holds_up_nobody(ask, mount, contents, folder, client):
    """While one question waits for it, others are answered; an action waits once, and then goes on."""
    await client.upload(f"{folder}/a.txt", b"old")
    mount.answers.clear()
    hung = asyncio.create_task(ask("GET", "mount"))
    asked = asyncio.get_running_loop().time()
    status, _ = await ask("GET", "transfers")
    assert status == 200
    assert not hung.done(), asyncio.get_running_loop().time() - asked
    assert (await hung)[1]["state"] == "hung"
    status, _ = await contents("PUT", f"mesh/{folder}/a.txt", text("new"))
    assert status == 200
    before = len(mount.calls)
    for content in ("newer", "newest"):
        status, _ = await contents("PUT", f"mesh/{folder}/a.txt", text(content))
        assert status == 200
    assert len(mount.calls) == before


# What waits goes first


async def test_a_save_over_what_code_has_written_is_a_conflict(
    contents, mount, written, client, folder
):
    path = f"{folder}/data.csv"
    await client.upload(path, b"old")
    _, opened = await contents("GET", f"mesh/{path}", content="1")
    written(path, b"by code")
    status, told = await contents("PUT", f"mesh/{path}", text("by hand", opened.get("hash")))
    assert status == 412, told
    async with client.download(path) as download:
        assert await download.read() == b"by code"


ACTIONS = {
    "save": ("PUT", "{folder}/data.csv", text("by hand")),
    "rename": ("PATCH", "{folder}/data.csv", {"path": "mesh/{folder}/b.csv"}),
    "rename over it": ("PATCH", "{folder}/other.csv", {"path": "mesh/{folder}/data.csv"}),
    "delete": ("DELETE", "{folder}/data.csv", None),
    "delete its folder": ("DELETE", "{folder}", None),
    "copy": ("POST", "{folder}", {"copy_from": "mesh/{folder}/data.csv"}),
    "copy its folder": ("POST", "", {"copy_from": "mesh/{folder}"}),
    "checkpoint": ("POST", "{folder}/data.csv/checkpoints", None),
    "to local files": ("PATCH", "{folder}/data.csv", {"path": "moved.csv"}),
}


def filled(action, folder):
    method, path, body = ACTIONS[action]
    filled = json.loads(json.dumps(body).replace("{folder}", folder))
    place = path.replace("{folder}", folder)
    return method, f"mesh/{place}" if place else "mesh/home", filled


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_cannot_be_uploaded_keeps_it_from_being_changed(
    contents, mount, written, client, folder, action
):
    await client.upload(f"{folder}/data.csv", b"old")
    await client.upload(f"{folder}/other.csv", b"other")
    written(f"{folder}/data.csv", fails=True)
    mount.message = "No room is left."
    mount.failing_since = datetime.now(UTC).isoformat()
    status, told = await contents(*filled(action, folder))
    assert status == 503, told
    assert '"data.csv"' in told["message"]
    assert "No room is left" in told["message"]
    assert sorted(child.name for child in await client.children(folder)) == [
        "data.csv",
        "other.csv",
    ]
    async with client.download(f"{folder}/data.csv") as download:
        assert await download.read() == b"old"


@pytest.mark.parametrize(
    "action", [each for each in ACTIONS if each not in ("save", "rename over it")]
)
async def test_what_waits_is_part_of_it(contents, mount, written, client, folder, action):
    await client.upload(f"{folder}/data.csv", b"old")
    written(f"{folder}/data.csv", b"by code")
    uploads = mount.queue[f"{folder}/data.csv"]
    seen = []

    async def upload():
        await uploads()
        seen.append((await client.stat(f"{folder}/data.csv")).size)

    mount.queue[f"{folder}/data.csv"] = upload
    status, told = await contents(*filled(action, folder))
    assert status < 300, told
    assert seen == [len(b"by code")]
    assert not mount.queue


async def test_a_download_and_an_open_have_what_code_wrote(
    contents, mount, written, client, folder, jp_fetch
):
    path = f"{folder}/data.txt"
    await client.upload(path, b"old")
    written(path, b"first")
    reply = await jp_fetch("files", "mesh", *path.split("/"))
    assert reply.body == b"first"
    written(path, b"second")
    _, model = await contents("GET", f"mesh/{path}", content="1")
    assert model["content"] == "second"
    written(path, b"third")
    reply = await jp_fetch("mesh", "download", params={"path": f"mesh/{folder}"})
    assert b"third" in reply.body


async def test_a_file_opens_as_it_is_at_the_site_but_is_not_downloaded_so(
    contents, mount, written, client, folder, jp_fetch
):
    path = f"{folder}/data.txt"
    await client.upload(path, b"old")
    written(path, fails=True)
    _, model = await contents("GET", f"mesh/{path}", content="1")
    assert model["content"] == "old"
    reply = await jp_fetch("files", "mesh", *path.split("/"), raise_error=False)
    assert reply.code == 503


async def test_what_waits_elsewhere_is_left_alone(contents, mount, written, folder):
    written(f"{folder}/other.csv", fails=True)
    status, _ = await contents("PUT", f"mesh/{folder}/data.csv", text("x"))
    assert status == 201
    assert mount.count("/flush") == 0


async def test_nothing_waits_costs_one_local_question_and_no_call_of_the_site(
    contents, mount, folder, client, site, monkeypatch
):
    await client.upload(f"{folder}/a.txt", b"old")
    path = f"mesh/{folder}/a.txt"

    async def save(content):
        await contents("GET", path, content="1")
        site.calls.clear()
        status, _ = await contents("PUT", path, text(content))
        assert status == 200
        return dict(site.calls)

    await save("the first one also finds out what the site can")
    with_mount = await save("one")
    monkeypatch.setattr(room, "FRESH_FOR", 60.0)
    await save("two")
    asked = mount.count("/status")
    await save("three")
    assert mount.count("/status") == asked
    monkeypatch.delenv("MESH_MOUNT")
    assert await save("four") == with_mount


async def test_code_sees_what_was_done_here(contents, mount, folder):
    def refreshed(path):
        return ("refreshed", path) in mount.calls

    async def until(path):
        deadline = time.monotonic() + 30
        while not refreshed(path):
            assert time.monotonic() < deadline, mount.calls
            await asyncio.sleep(0.02)

    await contents("PUT", f"mesh/{folder}/sub", {"type": "directory"})
    await until(folder)
    mount.calls.clear()
    await contents("PUT", f"mesh/{folder}/a.txt", text("x"))
    await until(folder)
    mount.calls.clear()
    await contents("PATCH", f"mesh/{folder}/a.txt", {"path": f"mesh/{folder}/sub/a.txt"})
    await until(folder)
    await until(f"{folder}/sub")
    assert os.environ["MESH_MOUNT"]


async def test_code_sees_what_others_did_where_somebody_looks(contents, mount, client, folder):
    def times():
        return mount.calls.count(("refreshed", folder))

    async def told(number):
        deadline = time.monotonic() + 30
        while times() < number:
            assert time.monotonic() < deadline, mount.calls
            await asyncio.sleep(0.02)

    async def look():
        status, _ = await contents("GET", f"mesh/{folder}", type="directory", content="1")
        assert status == 200

    await client.upload(f"{folder}/a.txt", b"made elsewhere")
    await look()
    await told(1)
    for _ in range(3):
        await look()
    await client.upload(f"{folder}/a.txt", b"changed elsewhere")
    await look()
    # What the first looks have asked for would have come before it.
    await told(2)
    assert times() == 2


async def test_the_mount_is_asked_to_read_a_folder_of_others_once_a_second(
    contents, mount, client, folder, monkeypatch
):
    monkeypatch.setattr(room, "PAUSE", 3600.0)
    for number in range(5):
        await client.upload(f"{folder}/{number}.txt", b"made elsewhere")
        await contents("GET", f"mesh/{folder}", type="directory", content="1")
    await client.mkdir(f"{folder}/other")
    await contents("GET", f"mesh/{folder}/other", type="directory", content="1")
    deadline = time.monotonic() + 30
    while ("refreshed", f"{folder}/other") not in mount.calls:
        assert time.monotonic() < deadline, mount.calls
        await asyncio.sleep(0.02)
    assert mount.calls.count(("refreshed", folder)) == 1
    # What is done here does not wait for that.
    await contents("PUT", f"mesh/{folder}/mine.txt", text("x"))
    while mount.calls.count(("refreshed", folder)) < 2:
        assert time.monotonic() < deadline, mount.calls
        await asyncio.sleep(0.02)
