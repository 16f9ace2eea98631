"""A real JupyterHub process with its proxy, and a browser-like client for it."""

import asyncio
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
LOCAL_CONFIG = ROOT / "hub-config" / "local" / "jupyterhub_config.py"

PLAIN = """
import os

c.JupyterHub.bind_url = "http://127.0.0.1:" + os.environ["MESH_HUB_PORT"]
c.JupyterHub.hub_bind_url = "http://127.0.0.1:" + os.environ["MESH_HUB_API_PORT"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:" + os.environ["MESH_HUB_PROXY_PORT"]
os.makedirs(os.environ["MESH_HUB_STATE"], exist_ok=True)
c.ConfigurableHTTPProxy.pid_file = os.environ["MESH_HUB_STATE"] + "/proxy.pid"
c.JupyterHub.db_url = "sqlite:///" + os.environ["MESH_HUB_STATE"] + "/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = os.environ["MESH_HUB_STATE"] + "/cookie_secret"
"""
"""A hub without anything of ours, in place of the one for a site."""

TESTER_CONFIG = """
{config}
c.JupyterHub.services.append(dict(name="tester", api_token={token!r}))
c.JupyterHub.load_roles.append(dict(
    name="tester",
    scopes=["admin:users", "admin:servers", "admin:auth_state", "proxy", "access:servers"],
    services=["tester"],
))
{more}
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Hub:
    """``start``, ``kill`` and ``stop`` one hub; its state, ports and log stay the same."""

    def __init__(self, folder, *, site="alpine", gateway="127.0.0.1:1", more="", config=""):
        self.state = folder / "state"
        self.token = secrets.token_hex(16)
        self.ports = self.port, api_port, proxy_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "hub.log"
        self.config = folder / "jupyterhub_config.py"
        self.config.write_text(
            TESTER_CONFIG.format(
                config=config or f"load_subconfig({str(LOCAL_CONFIG)!r})",
                token=self.token,
                more=more,
            )
        )
        self.environment = os.environ | {
            "MESH_SITE": site,
            "MESH_GATEWAY": gateway,
            "MESH_HUB_STATE": str(self.state),
            "MESH_HUB_PORT": str(self.port),
            "MESH_HUB_API_PORT": str(api_port),
            "MESH_HUB_PROXY_PORT": str(proxy_port),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            # The proxy and the servers beside this Python, whatever a configuration does.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        (folder / "run").mkdir(exist_ok=True)
        self.runtime = folder / "run"
        self.process = None
        self.python = sys.executable

    @property
    def log(self):
        return self.log_file.read_text()

    def start(self):
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [str(self.python), "-m", "jupyterhub", "-f", str(self.config)],
                env=self.environment,
                cwd=self.state.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/hub/health")
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
                time.sleep(0.2)
        raise AssertionError(f"no hub after 150 s\n{self.log}")

    def kill(self):
        """kill -9 for the hub alone; its proxy and servers live on."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def api(self, token=None):
        """A client of the hub with the service's token, or another."""
        return self.at("hub/api/", token)

    def at(self, path, token=None):
        """A client of what lies at a path, such as a user's server."""
        return aiohttp.ClientSession(
            f"{self.url}/{path}", headers={"Authorization": f"token {token or self.token}"}
        )

    async def start_server(self, user):
        """Ask for a server unless there is one, and wait until it is ready; returns its model."""
        async with self.api() as api:
            if running := await self._ready(api, user):
                return running
            async with api.post(f"users/{user}/server") as reply:
                assert reply.status in (201, 202), await reply.text()
            # A Lab, on a machine with much else to do.
            return await until(lambda: self._ready(api, user), seconds=120)

    async def _ready(self, api, user):
        async with api.get(f"users/{user}") as reply:
            server = (await reply.json())["servers"].get("", {})
            return server if server.get("ready") else None

    async def stop_server(self, user):
        async with self.api() as api:
            async with api.delete(f"users/{user}/server") as reply:
                assert reply.status in (202, 204), await reply.text()
            await until(lambda: self._gone(api, user), seconds=60)

    async def _gone(self, api, user):
        async with api.get(f"users/{user}") as reply:
            return "" not in (await reply.json())["servers"]


class Browser:
    """Cookies and the login form; ``async with`` it."""

    def __init__(self, hub):
        self.hub = hub
        # Servers and hub are told apart by the paths of their cookies, on an address without a name.
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        await self.session.close()

    async def get(self, path):
        """Status and text of a page, after all redirects."""
        async with self.session.get(self.hub.url + path) as reply:
            return reply.status, await reply.text()

    async def login(self, name, password, *, next_page="/hub/home"):
        """Fill in the login form; status and text of where it leads."""
        await self.get("/hub/login")
        xsrf = next(c.value for c in self.session.cookie_jar if c.key == "_xsrf")
        form = {"username": name, "password": password, "_xsrf": xsrf}
        async with self.session.post(
            f"{self.hub.url}/hub/login?next={next_page}",
            data=form,
            headers={"Sec-Fetch-Mode": "navigate"},
        ) as reply:
            return reply.status, await reply.text()


async def until(look, *, seconds=30):
    """Await ``look()`` until it is true, and return what it says."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not true after {seconds} s")
