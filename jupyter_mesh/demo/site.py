"""One site of the demo: a node, a hub, and the folder in which both keep what they know."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from jupyter_mesh.demo.people import SiteInfo, add_people
from jupyter_mesh.demo.programs import Program
from jupyter_mesh.demo.samples import put_sample
from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest
from jupyter_mesh.paths import join

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DemoSite"]

READY = 120.0
"""Seconds for a program to answer; usually it takes two to five."""

HUB_CONFIG = Path("hub-config", "local", "jupyterhub_config.py")


class DemoSite:
    """A node and a hub. ``start`` returns when both answer; whoever called it calls ``stop``."""

    def __init__(self, info: SiteInfo, folder: Path, *, node_port: int, hub_port: int) -> None:
        self.info = info
        self.folder = folder
        self._ports = (node_port, hub_port)
        self.node = Program(f"The node of {info.name}", folder / "node.log")
        self.hub = Program(f"The hub of {info.name}", folder / "hub.log")
        self.address: dict[str, str] = {}
        """What the node tells of itself: ``name``, ``gateway``, ``url``, ``domain``."""
        self.hub_url = f"http://127.0.0.1:{hub_port}"
        self.passwords: dict[str, str] = {}

    @property
    def peer(self) -> str:
        """What the other site is told of this one: domain and title."""
        return f"localhost:{self._ports[0]}={self.info.title}"

    async def start(self, lock: int, peers: Sequence[str]) -> None:
        """Start node and hub and seed the site the first time. ``lock`` is inherited by the programs.

        ``peers`` are the other sites, as they tell of themselves.

        Raises ProgramEnded when one of them stops, DeadlineExceeded when one does not answer.
        """
        data = self.folder / "data"
        await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True, mode=0o700)
        self.passwords = await asyncio.to_thread(
            add_people, self.info, data, self.folder / "users.json"
        )
        ready = self.folder / "node.json"
        await asyncio.to_thread(ready.unlink, missing_ok=True)
        command = [sys.executable, "-m", "jupyter_mesh.cli", "node", "--name", self.info.name]
        command += ["--data", str(data), "--ready-file", str(ready)]
        command += ["--http-port", str(self._ports[0]), "--title", self.info.title]
        command += ["--accept-url", f"{self.hub_url}/hub/user-redirect/mesh/accept"]
        # The sites of the demo are all on this machine.
        command += ["--allow-loopback", *(f"--peer={peer}" for peer in peers)]
        await self.node.start(command, {}, lock)
        self.address = await self._answer(self.node, self._node_address(ready))
        # The hub takes longest to start: seed meanwhile.
        await self._start_hub(lock)
        await asyncio.gather(self._seed(), self._answer(self.hub, self._hub_health()))

    async def stop(self) -> None:
        """Stop the hub, then the node: servers that the hub ends may still save to the site."""
        await self.hub.stop()
        await self.node.stop()

    @property
    def described(self) -> dict[str, Any]:
        """What ``ready.json`` tells of the site."""
        return {
            "name": self.info.name,
            "gateway": self.address["gateway"],
            "url": self.address["url"],
            "domain": self.address["domain"],
            "hub": self.hub_url,
            "users": [
                {"name": name, "password": password} for name, password in self.passwords.items()
            ],
        }

    async def _start_hub(self, lock: int) -> None:
        api_port, proxy_port = _free_ports(2)
        environment = {
            "MESH_SITE": self.info.name,
            "MESH_SITE_TITLE": self.info.title,
            "MESH_GATEWAY": self.address["gateway"],
            "MESH_HUB_STATE": str(self.folder / "hub"),
            "MESH_HUB_PORT": str(self._ports[1]),
            "MESH_HUB_API_PORT": str(api_port),
            "MESH_HUB_PROXY_PORT": str(proxy_port),
        }
        await self.hub.start(
            [sys.executable, "-m", "jupyterhub", "-f", str(_hub_config())], environment, lock
        )

    async def _seed(self) -> None:
        from jupyter_mesh.auth import StaticToken
        from jupyter_mesh.config import SiteSettings
        from jupyter_mesh.cs3 import MeshClient
        from jupyter_mesh.cs3.login import authenticate

        done = self.folder / "seeded"
        if done.exists():
            return
        gateway = self.address["gateway"]
        settings = SiteSettings(name=self.info.name, gateway=gateway)
        for person in self.info.people:
            login = await authenticate(gateway, "basic", person.name, self.passwords[person.name])
            async with MeshClient(settings, StaticToken(login.token)) as mesh:
                await put_sample(mesh, self.info.home_sample, join("home", self.info.home_sample))
                if person == self.info.people[0]:
                    folder = join("projects", self.info.project, self.info.project_sample)
                    await put_sample(mesh, self.info.project_sample, folder)
        done.touch()

    async def _answer(self, program: Program, answer: Any) -> Any:
        """Wait for ``answer``, for the end of ``program`` or for the deadline, whatever comes first."""
        waiting = [asyncio.ensure_future(answer), asyncio.ensure_future(program.ended())]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=READY, return_when=asyncio.FIRST_COMPLETED
            )
            if waiting[1] in done:
                raise waiting[1].result()
            if not done:
                raise DeadlineExceeded(
                    f"{program.label} does not answer after {READY:.0f} s. Look at {program.log}."
                )
            return waiting[0].result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _node_address(self, ready: Path) -> dict[str, str]:
        while True:
            try:
                address: dict[str, str] = json.loads(await asyncio.to_thread(ready.read_text))
                return address
            except FileNotFoundError:
                await asyncio.sleep(0.1)

    async def _hub_health(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                try:
                    async with session.get(f"{self.hub_url}/hub/health") as reply:
                        if reply.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # Not yet: the deadline is the caller's.
                await asyncio.sleep(0.2)


def _hub_config() -> Path:
    """The configuration of the hub: in the checkout, else where the package was installed."""
    for place in (Path(__file__).parents[2], Path(sys.prefix, "share", "jupyter-mesh")):
        if (place / HUB_CONFIG).exists():
            return place / HUB_CONFIG
    raise InvalidRequest(
        "The configuration of the demo's hub is missing: install jupyter-mesh again."
    )


def _free_ports(count: int) -> list[int]:
    """Different ports that were free just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
