"""A hub with placements and environments over a site of its own."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

from jupyter_mesh.node.users import add_project, add_user
from tests.e2e.processes import Node
from tests.hub.hubs import Browser, Hub, until

QUICK_SERVER = Path(__file__).with_name("quick_server.py")

QUICK = """
import sys
c.MeshLocalSpawner.cmd = [sys.executable, {server!r}]
c.MeshLocalSpawner.args = []
"""

CONFIG = """
c.MeshLocalSpawner.poll_interval = 1
c.MeshLocalSpawner.mesh_mount_mode = "none"
c.JupyterHub.allow_named_servers = True
c.MeshPlacement.here = "Alpine University"
c.MeshPlacement.placements = {
    "here": {"has": "8 GB"},
    "coast": {
        "title": "Coast Institute",
        "has": "16 GB, GPU",
        "match": {"path": "projects/lofar*"},
        "override": {"environment": {"WHERE": "coast"}},
    },
    "broken": {"title": "Nowhere", "override": {"no_such_trait": 1}},
    "vault": {"title": "Vault", "groups": ["staff"], "override": {"environment": {"WHERE": "vault"}}},
}
c.MeshPlacement.environments = {
    "data": {"title": "Data analysis <Python>", "override": {"environment": {"WHAT": "data"}}},
    "empty": {"title": "Nothing"},
}
"""


class ChoosingHub(Hub):
    """``start`` it, and ``stop``. Users log in with ``password_of`` their name; ``quick`` servers are no JupyterLab."""

    def __init__(self, folder, *, users, projects=(), more="", quick=True):
        self.node = Node(folder / "node", name="alpine", token_life=3600)
        self.node.data.parent.mkdir(parents=True)
        for user in users:
            add_user(self.node.data, user, password_of(user))
        for project, member in projects:
            add_project(self.node.data, project, {member: "editor"})
        self.node.start()
        servers = QUICK.format(server=str(QUICK_SERVER)) if quick else ""
        super().__init__(folder, gateway=self.node.gateway, more=servers + CONFIG + more)

    def stop(self):
        super().stop()
        self.node.stop()

    async def model(self, user, server=""):
        async with self.api() as api, api.get(f"users/{user}") as reply:
            return (await reply.json()).get("servers", {}).get(server)

    async def ready(self, user, server=""):
        """Wait for a server that was asked for; the environment of its process."""

        async def look():
            model = await self.model(user, server)
            return model if model and model["ready"] else None

        return environment_of(await until(look, seconds=60))

    async def start_with(self, user, options, server=""):
        """Start over the API; the environment of the server, and what the user has read meanwhile."""
        way = f"users/{user}/servers/{server}" if server else f"users/{user}/server"
        # JupyterHub 5 takes nothing else; 6 takes this, too.
        async with self.api() as api, api.post(way, json=options) as reply:
            assert reply.status in (201, 202), await reply.text()
        return await self.ready(user, server)

    async def options_kept(self, user):
        """What the hub would start the next server with."""
        async with self.api() as api, api.get(f"users/{user}?include_stopped_servers") as reply:
            return (await reply.json())["servers"][""]["user_options"]


def password_of(user):
    return f"password of {user}"


def environment_of(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


class Form(HTMLParser):
    """The form of a page: its address, and its fields as a browser would send them untouched."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.texts, self._select = "", {}, [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "form" and at.get("method") == "post":
            self.action = at["action"]
        elif tag == "input" and at.get("name") and at.get("type") not in ("submit", "button"):
            if at.get("type") not in ("radio", "checkbox") or "checked" in at:
                self.fields[at["name"]] = at.get("value", "")
        elif tag == "select":
            self._select = at["name"]
        elif (
            tag == "option"
            and self._select
            and ("selected" in at or self._select not in self.fields)
        ):
            self.fields[self._select] = at["value"]

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = ""

    def handle_data(self, data):
        self.texts.append(data.strip())


class Window(Browser):
    """A browser without JavaScript that fills in forms."""

    async def sign_in(self, user, *, next_page="/hub/home"):
        return await self.login(user, password_of(user), next_page=next_page)

    async def send(self, form, **fields):
        """Press the button of a form; status, address and text of where it leads."""
        body = {**form.fields, **fields}
        async with self.session.post(
            self.hub.url + form.action,
            data=urlencode(body),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Mode": "navigate",
            },
        ) as reply:
            return reply.status, str(reply.url), await reply.text()

    async def ask(self, path, **headers):
        """What the script of a page is answered, as JSON."""
        _, page = await self.get("/hub/home")
        token = re.search(r'xsrf_token: "([^"]+)"', page).group(1)
        headers = {"X-XSRFToken": token, "Sec-Fetch-Mode": "cors", **headers}
        async with self.session.get(self.hub.url + path, headers=headers) as reply:
            return reply.status, json.loads(await reply.text())
