"""The hubs that are measured: with our login and spawner, or as they come. Their configuration calls ``settle``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner
from tornado.web import RequestHandler

from benchmarks.watcher import Watch
from jupyter_mesh_spawner import apply_defaults
from jupyter_mesh_spawner.local import LocalTokenMixin, MeshLocalSpawner

if TYPE_CHECKING:
    from traitlets.config import Config

TOKEN = "measured" * 4


class StallHandler(RequestHandler):
    """The longest stall of the hub since the last question."""

    watch: Watch

    async def get(self) -> None:
        """Answers in JSON and forgets."""
        longest, StallHandler.watch.longest = StallHandler.watch.longest, 0.0
        self.finish({"stall_ms": 1000 * longest})


class StandIn(Spawner):
    """Stands for pods: all servers are one that runs already, so that only the hub works."""

    runs = False

    async def start(self) -> str:
        """Leave the server's own token where the measuring client finds it."""
        self.get_env()
        Path(os.environ["BENCH_TOKENS"], self.user.name).write_text(self.api_token)
        self.runs = True
        return os.environ["BENCH_SERVER"]

    async def stop(self, now: bool = False) -> None:
        """Nothing to end."""
        self.runs = False

    async def poll(self) -> int | None:
        """As long as nobody stopped it."""
        return None if self.runs else 0


class MeshStandIn(LocalTokenMixin, StandIn):
    """The same with all that we do for a server."""

    def mesh_owner(self) -> tuple[int, int] | None:
        """The hub's own account."""
        return None


class ByUser(MeshLocalSpawner):
    """Real servers; a user whose name ends with -mount has a mount."""

    async def start(self) -> Any:
        """Choose by the name."""
        self.mesh_mount_mode = "auto" if self.user.name.endswith("-mount") else "none"
        return await super().start()


SPAWNERS = {
    ("plain", "real"): SimpleLocalProcessSpawner,
    ("mesh", "real"): ByUser,
    ("plain", "stand-in"): StandIn,
    ("mesh", "stand-in"): MeshStandIn,
}


def settle(
    c: Config, folder: Path, kind: str, servers: str, ports: list[int], gateway: str
) -> None:
    """Configure a hub in ``folder``; ``kind`` is plain or mesh, ``servers`` real or stand-in."""
    if kind == "mesh":
        apply_defaults(c)
        c.JupyterHub.authenticator_class = "mesh-cs3"
        c.CS3Authenticator.mesh_site, c.CS3Authenticator.mesh_gateway = "alpine", gateway
    else:
        c.JupyterHub.authenticator_class = "dummy"
    c.Authenticator.allow_all = True
    c.CryptKeeper.keys = [os.urandom(32)]
    port, api_port, proxy_port = ports
    c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{api_port}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy_port}"
    c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
    c.JupyterHub.db_url = f"sqlite:///{folder / 'hub.sqlite'}"
    c.JupyterHub.cookie_secret = os.urandom(32)
    c.JupyterHub.log_level = "ERROR"
    c.JupyterHub.concurrent_spawn_limit = 0
    c.JupyterHub.services = [{"name": "bench", "api_token": TOKEN}]
    scopes = ["admin:users", "admin:servers", "admin:auth_state", "access:servers", "proxy"]
    c.JupyterHub.load_roles.append({"name": "bench", "scopes": scopes, "services": ["bench"]})
    c.JupyterHub.spawner_class = SPAWNERS[kind, servers]
    c.Spawner.http_timeout = c.Spawner.start_timeout = 180
    c.LocalTokenMixin.mesh_runtime_dir = str(folder)
    if servers == "stand-in":
        c.LocalTokenMixin.mesh_mount_mode = "none"
    else:
        c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
        c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
        c.Spawner.notebook_dir, c.Spawner.default_url = "~", "/lab"
        c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
    StallHandler.watch = Watch()
    c.JupyterHub.extra_handlers = [(r"/benchmark/stall", StallHandler)]
