"""Sites and mounts as processes, driven by plain functions: whoever looks into a mount may hang, and no loop should."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.client import find_mount
from jupyter_mesh.node.users import add_project, add_user
from jupyter_mesh.testing.site import USERS, RunningSite

PATIENCE = 90.0
"""Seconds after which something that should happen has not happened: the machine may be busy."""


NODES = ["spaces", "paths without ranges"]
"""The sites of our own that tests mount."""


def wait_for(condition, seconds=PATIENCE):
    """Poll until ``condition()`` is true, and return what it gave."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"did not come true in {seconds:g} s"
        time.sleep(0.05)
    return value


def line_of(process):
    """The first line that a process prints."""
    line = process.stdout.readline()
    assert line, f"{process.args} ended with {process.wait()} and said nothing"
    return line


def end(process):
    """End a process that may have ended, and wait for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


@dataclass
class At:
    """A site as its users see it, each time with a client that is nobody's mount."""

    running: RunningSite | None = None

    def do(self, work, user=0):
        """Run ``await work(client)`` with a client of a user that is nobody's mount."""

        async def working():
            # Tokens belong to a loop.
            self.running._tokens.clear()
            async with self.running.client(user) as client:
                return await work(client)

        return asyncio.run(working())

    def read(self, path):
        return self.do(lambda client: client.read(path))

    def write(self, path, content, user=0):
        return self.do(lambda client: client.upload(path, content), user)

    def names(self, path):
        return {each.name for each in self.do(lambda client: client.list_folder(path))}

    def token(self, user=0):
        self.running._tokens.clear()
        return asyncio.run(self.running.tokens(user).token())


@dataclass(kw_only=True)
class Site(At):
    """A node that can be stopped and started again at the same address."""

    data: Path
    flavour: str = "spaces"
    ranges: bool = True
    options: dict = field(default_factory=dict)
    quota: int = 0
    process: subprocess.Popen | None = None
    gateway: str = ""

    def __str__(self):
        return f"{self.flavour}{'' if self.ranges else ', no ranges'}"

    def start(self):
        if not self.data.exists():
            for user in USERS:
                add_user(self.data, user.name, user.password, quota=self.quota)
            add_project(self.data, "dimuon", {"einstein": "owner", "marie": "viewer"})
        options = {"data": str(self.data), "flavour": self.flavour, "ranges": self.ranges}
        script = Path(__file__).with_name("site.py")
        self.process = subprocess.Popen(
            [sys.executable, script, json.dumps({**options, **self.options})],
            stdout=subprocess.PIPE,
            text=True,
        )
        facts = json.loads(line_of(self.process))
        self.gateway = facts["gateway"]
        for name, url in (("gateway_port", facts["gateway"]), ("http_port", facts["url"])):
            self.options[name] = int(url.rstrip("/").rpartition(":")[2])
        self.running = RunningSite(
            settings=SiteSettings(name="alpine", gateway=self.gateway, timeout=20),
            users=USERS,
            flavour=self.flavour,
        )
        return self

    def stop(self):
        end(self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextmanager
def site(data, **options):
    """A site that is stopped at the end."""
    started = Site(data=data, **options).start()
    try:
        yield started
    finally:
        started.stop()


@dataclass
class Mount:
    """``jupyter mesh mount`` in the foreground, in a process of its own."""

    site: At
    dir: Path
    folder: Path
    user: int = 0
    options: tuple = ()
    top: str = "home"
    """The folder of the site that tests work in."""
    process: subprocess.Popen | None = None

    @property
    def home(self):
        return self.dir / self.top

    @property
    def state(self):
        """Its state folder."""
        return asyncio.run(find_mount(self.dir)).folder.path

    def environment(self):
        settings = self.site.running.settings
        return {
            **os.environ,
            "MESH_SITE": settings.name,
            "MESH_GATEWAY": settings.gateway,
            "MESH_TOKEN_FILE": str(self.folder / "token"),
            "MESH_CA_FILE": str(settings.ca_file or ""),
            "MESH_DATA_HOSTS": ",".join(settings.data_hosts),
        }

    def write_token(self):
        write_token_file(self.folder / "token", self.site.token(self.user))

    def command(self, *words):
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", "jupyter_mesh.cli", *map(str, words)],
            env=self.environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_mesh.cli", "mount", self.dir, *self.options],
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert "is mounted on" in line_of(self.process), (self.folder / "log").read_text()
        return self

    def rclone(self):
        """The number of the rclone that serves now; None while there is none."""
        pid = self.process.pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            # Threads end while they are looked at, and so do processes.
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    if b"rcd" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return int(child)
        return None

    def ask(self, verb, *words):
        async def asking():
            mounted = await find_mount(self.dir)
            return await getattr(mounted, verb)(*words)

        return asyncio.run(asking())

    def status(self):
        return self.ask("status")

    def flush(self, path=""):
        """Bring everything to the site."""
        assert self.ask("flush", path) == []

    def stop(self):
        """As a terminal stops it; returns the exit code."""
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def sweep(self):
        """Leave nothing behind, however the test ended; rclone dies with its program."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        if self.process is not None:
            end(self.process)
        mountpoint.detach(self.dir)


@contextmanager
def mount(at, folder, **options):
    """A mount of a site that is taken away at the end; the folder keeps its token and its log."""
    folder.mkdir(exist_ok=True)
    mounted = Mount(at, folder / "mesh", folder, **options)
    mounted.write_token()
    try:
        yield mounted.start()
    finally:
        mounted.sweep()
