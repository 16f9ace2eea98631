"""A real provider, a site that takes its tokens, and hubs that log in there. Each is started once."""

import asyncio
import base64
import json
import re
import socket
import subprocess
import sys
import threading
import time
from html import unescape

import aiohttp
import pytest
from yarl import URL

from jupyter_mesh.node.users import add_user
from tests.hub.hubs import Hub
from tests.hub.versions import ours
from tests.oidc.keycloak import Keycloak, why_not

PEOPLE = ("ada", "bob", "cleo", "dora", "emil")
"""Those whom the site knows; the provider knows a stranger, too."""

LIFE = 300
"""Seconds that an access token lives."""
NEAR_ITS_END, ENDED_LONG_AGO = 200, 1000
"""Ages of a token that is replaced and would still be accepted, and of one that would not."""

SERVICE = "Alpine ID"
ENDED = f"Your session at {SERVICE} has ended. Log in again to get to your files."
AWAY = f"{SERVICE} does not answer."
REFUSED = "alpine did not accept your sign-in."

HUB = """
from pathlib import Path
from jupyter_mesh_spawner.oidc import MeshOIDCAuthenticator

c.JupyterHub.authenticator_class = "mesh-oidc"
A = c.MeshOIDCAuthenticator
A.mesh_site, A.mesh_gateway = "alpine", {gateway!r}
A.login_service = {service!r}
A.client_id, A.client_secret = "hub", "marker-SECRET-of-hub"
A.oauth_callback_url = {url!r} + "/hub/oauth_callback"
A.authorize_url = {provider!r} + "/auth"
A.token_url, A.userdata_url = {way!r} + "/token", {way!r} + "/userinfo"
A.scope, A.username_claim = ["openid", "profile", "email"], "preferred_username"
A.manage_groups, A.auth_state_groups_key = True, "oauth_user.groups"
A.mesh_audience = A.mesh_exchange_scope = "storage"
A.auth_refresh_age, A.allow_all = 1, True

def quick(spawner):
    # One user gets a real server; those of the others only have to run.
    if spawner.user.name != "ada":
        spawner.cmd = [{python!r}, {quick!r}]
        spawner.args = []
        spawner.mesh_contents_manager = ""

c.Spawner.pre_spawn_hook = quick
c.MeshLocalSpawner.mesh_mount_mode = "none"
{more}
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/oidc" in str(item.path):
            # The first waits for the provider, and a busy machine takes minutes to start it.
            item.add_marker(pytest.mark.timeout(900))


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory):
    if problem := why_not():
        pytest.skip(f"no Keycloak: {problem}")
    server = Keycloak(tmp_path_factory.mktemp("keycloak"))
    try:
        server.start()
        # Nothing ends while a busy machine is at it: tests turn the clock instead (Person.be_old).
        for client in ("hub", "plain-hub"):
            server.set_client(client, attributes={"access.token.lifespan": str(LIFE)})
        yield server
    finally:
        server.stop()


class Way:
    """The way from the hub to the provider: it can be cut, and it can swallow what is sent."""

    def __init__(self, port):
        self.target = port
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.open_ways = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.silent = False
        self.restore()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def restore(self):
        """Let all through."""
        self.silent = False
        self._do(self._listen())

    def cut(self):
        """Refuse connections, and end those that are open."""
        self._do(self._close())

    def swallow(self):
        """Accept what comes from now on, and answer nothing."""
        self.cut()
        self.silent = True
        self._do(self._listen())

    def close(self):
        self.cut()
        self._do(self._finish())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self):
        self.server.close()
        for writer in list(self.open_ways):
            writer.close()
        await self.server.wait_closed()

    async def _finish(self):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=30)

    async def _serve(self, reader, writer):
        self.open_ways.add(writer)
        try:
            if self.silent:
                await reader.read()
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self.open_ways.add(back)
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
            self.open_ways.discard(back)
        except OSError:
            pass
        finally:
            self.open_ways.discard(writer)
            writer.close()

    async def _carry(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture(scope="session")
def way(keycloak):
    way = Way(keycloak.port)
    yield way
    way.close()


class Site:
    """A node in a process of its own that takes tokens for the audience ``storage`` alone."""

    def __init__(self, folder, issuer):
        self.data, self.log_file = folder / "data", folder / "node.log"
        for name in PEOPLE:
            add_user(self.data, name, f"local password of {name}")
        ready = folder / "ready.json"
        command = [sys.executable, "-m", "jupyter_mesh.cli", "node", "--name", "alpine"]
        command += ["--data", str(self.data), "--ready-file", str(ready)]
        command += ["--oidc-issuer", issuer, "--oidc-audience", "storage"]
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not ready.exists():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.gateway = json.loads(ready.read_text())["gateway"]

    @property
    def log(self):
        return self.log_file.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="session")
def site(keycloak, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"), keycloak.issuer)
    yield site
    site.stop()


@pytest.fixture(scope="session")
def start_hub(keycloak, way, site, tmp_path_factory):
    """Starts hubs; ``more`` is appended to their configuration. The provider knows where they are."""
    hubs = []

    def start(more="", python=sys.executable):
        hub = Hub(tmp_path_factory.mktemp("hub"), gateway=site.gateway)
        hub.python = python
        if python != sys.executable:
            hub.environment["PYTHONPATH"] = str(ours(tmp_path_factory.mktemp("ours")))
        quick = str(hub_quick_server())
        realm = "realms/mesh/protocol/openid-connect"
        with hub.config.open("a") as config:
            config.write(
                HUB.format(
                    gateway=site.gateway,
                    service=SERVICE,
                    url=hub.url,
                    provider=keycloak.at("auth").removesuffix("/auth"),
                    way=f"http://127.0.0.1:{way.port}/{realm}",
                    python=sys.executable,
                    quick=quick,
                    more=more.format(logout=keycloak.at("logout")),
                )
            )
        keycloak.add_redirects("hub", f"{hub.url}/hub/oauth_callback", f"{hub.url}/hub/logout")
        hub.provider = keycloak.url
        hub.start()
        hubs.append(hub)
        return hub

    yield start
    for hub in hubs:
        hub.stop()


def hub_quick_server():
    from tests.hub import hubs

    return hubs.ROOT / "tests" / "hub" / "quick_server.py"


@pytest.fixture(scope="session")
def hub(start_hub):
    """The hub of most tests: users press a button to get to the provider."""
    return start_hub()


class Person:
    """Somebody with a browser that reads forms and keeps cookies; ``async with`` it."""

    def __init__(self, hub, name):
        self.hub, self.name = hub, name

    async def __aenter__(self):
        # Browsers send secure cookies to this machine without encryption, too.
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(self.hub.provider))
        timeout = aiohttp.ClientTimeout(total=120)
        self.session = aiohttp.ClientSession(cookie_jar=jar, timeout=timeout)
        return self

    async def __aexit__(self, *exc):
        await self.session.close()

    async def get(self, path="/hub/home"):
        """Status and text of a page, after all redirects."""
        async with self.session.get(self.hub.url + path) as reply:
            return reply.status, await reply.text()

    async def log_in(self):
        """By the form of the provider; status and text of where it leads."""
        async with self.session.get(f"{self.hub.url}/hub/oauth_login?next=/hub/home") as reply:
            page = await reply.text()
            if reply.url.path == "/hub/home":
                return reply.status, page
        action = unescape(re.search(r'id="kc-form-login"[^>]*action="([^"]+)"', page)[1])
        form = {"username": self.name, "password": f"password of {self.name}"}
        async with self.session.post(action, data=form) as reply:
            return reply.status, await reply.text()

    async def post(self, path):
        """Status and text of what a button of a page leads to."""
        xsrf = next(
            cookie.value
            for cookie in self.session.cookie_jar
            if cookie.key == "_xsrf" and cookie["path"] == "/hub/"
        )
        address = f"{self.hub.url}{path}?_xsrf={xsrf}"
        async with self.session.post(address, json={}) as reply:
            return reply.status, await reply.text()

    async def state(self):
        """What the hub keeps, encrypted, about this login."""
        async with self.hub.api() as api, api.get(f"users/{self.name}") as reply:
            return (await reply.json()).get("auth_state")

    async def put_state(self, state):
        async with (
            self.hub.api() as api,
            api.patch(f"users/{self.name}", json={"auth_state": state}) as reply,
        ):
            assert reply.status == 200, await reply.text()

    async def be_old(self, seconds=ENDED_LONG_AGO):
        """Let all of this login be so old, by the clock of the hub; what its tokens say is the same."""
        state = await self.state()
        received = time.time() - seconds
        state["token_response"]["mesh_received"] = received
        for lasting in [state.get("mesh"), *state.get("mesh_exchanged", {}).values()]:
            if lasting:
                lasting["expires"] += received - lasting["received"]
                lasting["received"] = received
        await self.put_state(state)
