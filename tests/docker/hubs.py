"""A hub on this machine whose servers are containers, over a site of its own."""

import asyncio
import json
import subprocess
from pathlib import Path

from tests.docker.engine import IMAGE, NETWORK
from tests.e2e.processes import Node
from tests.hub.hubs import Browser, Hub, until
from tests.mounts import mounted_below

QUICK_SERVER = Path(__file__).parents[1] / "hub" / "quick_server.py"

# Some users' servers have troubles of their own.
CONFIG = """
import asyncio, sys
from jupyter_mesh_spawner import mounter
from jupyter_mesh_spawner.docker import MeshDockerMixin
from jupyter_mesh_spawner.failures import SpawnException
from dockerspawner import DockerSpawner

class Fateful(DockerSpawner):
    async def start_object(self):
        if self.user.name == "starting":
            await asyncio.Event().wait()
        await super().start_object()
        if self.user.name == "refused":
            raise SpawnException("No room for you.", reason="no_room", status_code=409)
        if self.user.name == "slow":
            await asyncio.Event().wait()

class Testing(MeshDockerMixin, Fateful):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        name = self.user.name
        if name != "maya":
            self.cmd = ["python3", "-c", {quick!r}]
            self.mesh_contents_manager = ""
        if name == "slow":
            self.start_timeout = 15
        if name == "private":
            self.mesh_host_folder = {private!r}
        if name == "imageless":
            self.image = "nowhere/nothing:1"
        if name == "mounterless":
            self.mesh_mounter_image = "nowhere/nothing:1"
        if name == "plain":
            self.mesh_mount_mode = "none"

    async def _mesh_mount(self, one):
        mounter.DEVICE = "/dev/no-fuse" if self.user.name == "fuseless" else "/dev/fuse"
        await super()._mesh_mount(one)

    def get_args(self):
        return super().get_args() if self.user.name == "maya" else []

c.JupyterHub.spawner_class = Testing
c.JupyterHub.hub_bind_url = "http://{address}:{api_port}"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.cleanup_servers = False
# An answer says how the start went.
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 120}}
c.JupyterHub.log_level = "DEBUG"
# A choice: so browsers get the start form.
c.MeshPlacement.environments = {{"lab": dict(title="Lab", override=dict(image={image!r}))}}
c.Testing.client_kwargs = dict(base_url={url!r})
c.Testing.image = {image!r}
c.Testing.pull_policy = "never"
c.Testing.network_name = {network!r}
c.Testing.use_internal_ip = True
c.Testing.mesh_mount_mode = "host"
c.Testing.mesh_host_folder = {shared!r}
c.Testing.extra_host_config = dict(cap_drop=["ALL"], security_opt=["no-new-privileges"])
c.Testing.poll_interval = 2
c.Testing.http_timeout = 120
c.Testing.start_timeout = 120
"""


class DockerHub(Hub):
    """A hub and its site. ``start`` and ``stop`` the hub; ``close`` ends both."""

    TOKEN_LIFE = 30

    def __init__(self, engine, folder):
        self.engine = engine
        self.node = Node(
            folder / "node", name="alpine", token_life=self.TOKEN_LIFE, host=engine.address
        )
        self.node.data.parent.mkdir()
        self.node.start()
        self.shared, self.private = folder / "shared", folder / "private"
        self.shared.mkdir()
        subprocess.run(["mount", "--bind", self.shared, self.shared], check=True)
        subprocess.run(["mount", "--make-rshared", self.shared], check=True)
        super().__init__(folder, gateway=f"grpc://{self.node.gateway}")
        more = CONFIG.format(
            # Where it is process 1, nothing ends it by default.
            quick=QUICK_SERVER.read_text().replace(
                "signal.alarm(120)", "signal.signal(signal.SIGTERM, lambda *_: os._exit(0))"
            ),
            private=str(self.private),
            shared=str(self.shared),
            address=engine.address,
            api_port=self.ports[1],
            url=engine.url,
            image=IMAGE,
            network=NETWORK,
        )
        with self.config.open("a") as file:
            file.write(more)

    def close(self):
        self.stop()
        self.node.stop()
        subprocess.run(["umount", "--lazy", self.shared], check=True)

    def at_site(self, user):
        """The user's personal files, as files on the disk of the site."""
        return self.node.data / "home" / user

    async def add(self, user):
        """A user who logs in."""
        self.node.add_user(user, f"marker-PASSWORD-of-{user}")
        async with Browser(self) as browser:
            status, page = await browser.login(user, f"marker-PASSWORD-of-{user}")
            assert status == 200, page

    async def serve(self, user):
        await self.add(user)
        return await self.start_server(user)

    async def credential(self, user):
        """What the hub keeps of a login, encrypted."""
        async with self.api() as api, api.get(f"users/{user}") as reply:
            return (await reply.json())["auth_state"]["mesh"]

    async def refused(self, user):
        """Ask for a server that does not start; status and sentence."""
        async with self.api() as api, api.post(f"users/{user}/server") as reply:
            return reply.status, (await reply.json())["message"]

    async def told(self, user):
        """Start a server; what its page says meanwhile."""
        starting = asyncio.create_task(self.start_server(user))
        async with self.api() as api:

            async def begun():
                async with api.get(f"users/{user}") as reply:
                    return "" in (await reply.json())["servers"]

            await until(begun)
            async with api.get(f"users/{user}/server/progress") as stream:
                lines = [line async for line in stream.content if line.startswith(b"data: ")]
        await starting
        return [json.loads(line.removeprefix(b"data: "))["message"] for line in lines]

    def container(self, user, server=""):
        """Names of the container of a server, and of the one that mounts for it."""
        found = [each for each in self.engine.containers() if user in each and server in each]
        ours = [each for each in found if each.endswith(".mesh")]
        return next(each for each in found if each not in ours), ours[0]

    def pid(self, container):
        return self.engine.client.inspect_container(container)["State"]["Pid"]

    def left(self):
        """What servers have left behind: containers, volumes, folders, mounts."""
        return [
            *self.engine.containers(),
            *self.engine.volumes(),
            *(path.name for path in self.shared.iterdir()),
            *(point for point in mounted_below(self.shared) if point != str(self.shared)),
        ]

    async def nothing_is_left(self):
        await until(lambda: self.left() == [] or None, seconds=90)
