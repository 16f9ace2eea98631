"""The programs that the browser tests run against: the demo, and a site that can be killed."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_mesh.auth import StaticToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.cs3.login import authenticate
from tests.hub.hubs import Hub

MODULE = [sys.executable, "-m", "jupyter_mesh.cli"]
QUIET = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"


def wait_for(look, what, *, seconds=30.0):
    """Poll ``look`` until it is true and return what it says."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.05)
    return found


@dataclass
class Account:
    """Somebody who can log in at a hub."""

    name: str
    password: str
    site: "Site"

    @property
    def files(self):
        """The personal files, as ordinary files on the disk of the site."""
        return self.site.data / "home" / self.name

    @property
    def local(self):
        """The home folder on the machine where the user's server runs."""
        return self.site.homes / self.name

    def ask_site(self, question):
        """What a coroutine function, given a client of the site, answers.

        It runs in a thread of its own: the one of the test holds the event loop of the browser.
        """

        async def ask():
            login = await authenticate(self.site.gateway, "basic", self.name, self.password)
            settings = SiteSettings(name=self.site.name, gateway=self.site.gateway)
            async with MeshClient(settings, StaticToken(login.token)) as mesh:
                return await question(mesh)

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, ask()).result()

    def versions(self, path):
        """Sizes of the earlier contents of a file, latest first."""
        return [version.size for version in self.ask_site(lambda mesh: mesh.versions(path))]

    def bin(self):
        """Paths of what lies in the bin."""
        return [item.path for item in self.ask_site(lambda mesh: mesh.bin())]


@dataclass
class Site:
    """A node and a hub, as a test sees them."""

    name: str
    gateway: str
    hub: str
    data: Path
    homes: Path
    accounts: dict[str, Account] = field(default_factory=dict)

    def add(self, name, password):
        """Make an account known here; its Lab asks no question about news of the Jupyter project."""
        account = self.accounts[name] = Account(name, password, self)
        setting = account.local / ".jupyter/lab/user-settings" / QUIET
        setting.parent.mkdir(parents=True, exist_ok=True)
        setting.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        return account


class Demo:
    """``jupyter mesh demo`` as a newcomer starts it. Whoever calls ``start`` calls ``stop``."""

    def __init__(self, folder):
        self.folder = folder / "demo"
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.log = folder / "demo.log"
        self.sites = {}

    def start(self):
        # A folder for the token files, so that tests find them and nobody else's.
        environment = os.environ | {"XDG_RUNTIME_DIR": str(self.runtime)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*MODULE, "demo", "--dir", str(self.folder)],
                env=environment,
                stdout=log,
                stderr=log,
            )
        ready = self.folder / "ready.json"
        wait_for(lambda: ready.exists() or self.process.poll() is not None, "the demo", seconds=90)
        assert self.process.poll() is None, self.log.read_text()
        for told in json.loads(ready.read_text())["sites"]:
            folder = self.folder / told["name"]
            site = Site(
                told["name"], told["gateway"], told["hub"], folder / "data", folder / "hub" / "home"
            )
            for user in told["users"]:
                site.add(user["name"], user["password"])
            self.sites[site.name] = site

    def stop(self):
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)


class Node:
    """A node in a process of its own: ``start``, ``stop`` and ``kill`` it; its ports stay the same."""

    def __init__(self, folder, *, name, token_life, host="127.0.0.1"):
        self.name, self.token_life, self.host = name, token_life, host
        self.data = folder / "data"
        self.ready = folder / "ready.json"
        self.log = folder / "node.log"
        self.ports = ("0", "0")
        self.gateway = ""

    def add_user(self, name, password):
        command = [*MODULE, "node", "user", "add", name, "--data", str(self.data)]
        subprocess.run(command, input=f"{password}\n", text=True, check=True, capture_output=True)

    def start(self):
        self.ready.unlink(missing_ok=True)
        options = ["--gateway-port", self.ports[0], "--http-port", self.ports[1]]
        options += ["--token-life", str(self.token_life), "--ready-file", str(self.ready)]
        options += ["--host", self.host, "--allow-remote"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*MODULE, "node", "--name", self.name, "--data", str(self.data), *options],
                stdout=log,
                stderr=log,
            )
        wait_for(
            lambda: self.ready.exists() or self.process.poll() is not None, "the node", seconds=90
        )
        assert self.process.poll() is None, self.log.read_text()
        told = json.loads(self.ready.read_text())
        self.gateway = told["gateway"]
        self.ports = tuple(told[key].rpartition(":")[2] for key in ("gateway", "url"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait(20)


def family(pid):
    """A process and all that descend from it, living ones only."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name) state ppid …": the name may hold anything, so read from its end.
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found & parents.keys()


class Harbour:
    """A site of our own with a hub, to be stopped and killed. Its tokens live for some seconds only."""

    TOKEN_LIFE = 10

    def __init__(self, folder):
        self.folder = folder
        self.node = Node(folder, name="harbour", token_life=self.TOKEN_LIFE)
        self.passwords = {name: f"marker-PASSWORD-of-{name}" for name in ("ada", "bob")}

    def start(self):
        for name, password in self.passwords.items():
            self.node.add_user(name, password)
        members = [word for name in self.passwords for word in ("--member", f"{name}:editor")]
        command = ["node", "project", "add", "pier", "--data", str(self.node.data), *members]
        subprocess.run([*MODULE, *command], check=True, capture_output=True)
        self.node.start()
        # Verbose logs: what may be told is told.
        self.hub = Hub(
            self.folder,
            site=self.node.name,
            gateway=self.node.gateway,
            more="c.Authenticator.auth_refresh_age = 2\n"
            "c.JupyterHub.log_level = 'DEBUG'\n"
            "c.Spawner.debug = True\n",
        )
        self.hub.start()
        homes = self.hub.state / "home"
        self.site = Site("harbour", self.node.gateway, self.hub.url, self.node.data, homes)
        for name, password in self.passwords.items():
            # The site makes a home with the first look into it.
            self.site.add(name, password).ask_site(lambda mesh: mesh.stat("home"))

    @property
    def token_files(self):
        """Those of the servers that run now."""
        return sorted(self.hub.runtime.glob("jupyter-mesh-*/token"))

    def logins(self):
        """What the hub keeps, encrypted, of each user who is logged in at the site."""
        connection = http.client.HTTPConnection("127.0.0.1", self.hub.port, timeout=10)
        headers = {"Authorization": f"token {self.hub.token}"}
        states = {}
        try:
            for name in self.passwords:
                connection.request("GET", f"/hub/api/users/{name}", headers=headers)
                user = json.loads(connection.getresponse().read())
                states[name] = (user.get("auth_state") or {}).get("mesh")
        finally:
            connection.close()
        return {name: state for name, state in states.items() if state}

    def stop(self):
        self.hub.stop()
        self.node.stop()
