"""The processes that are measured: Jupyter servers, and the site behind one of them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks.site import PASSWORD, USER
from jupyter_mesh.auth import PasswordToken, write_token_file
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.cs3.login import authenticate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "measured"  # noqa: S105 - of a server that lives for one run, on loopback
ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 180.0


@dataclass(slots=True)
class Running:
    """A process that runs, and what it has used so far."""

    process: Process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def cpu(self) -> float:
        """Seconds of CPU time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str = "VmRSS") -> float:
        """MiB that it holds; ``VmHWM`` is the most it held since ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0

    def forget_peak(self) -> None:
        """Begin to watch for the peak anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def threads(self) -> int:
        """Threads."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def files(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@dataclass(slots=True)
class Site(Running):
    """A node in its own process."""

    folder: Path
    gateway: str
    url: str

    @property
    def home(self) -> Path:
        """Where it keeps the user's files: what is written here has not gone through the measured server."""
        return self.folder / "home" / USER

    @property
    def settings(self) -> SiteSettings:
        """How a client reaches it."""
        return SiteSettings(name="alpine", gateway=self.gateway)

    async def token(self, user: str = USER) -> str:
        """A fresh access token."""
        return (await authenticate(self.settings, "basic", user, PASSWORD)).token

    def client(self, user: str = USER) -> MeshClient:
        """Another program, of the same user or of somebody else; use it as a context manager."""
        return MeshClient(self.settings, PasswordToken(partial(self.token, user)))

    async def counts(self) -> dict[str, int]:
        """How often it was asked what."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/counts") as reply:
            counts: dict[str, int] = await reply.json()
            return counts


@dataclass(slots=True)
class Jupyter(Running):
    """A Jupyter server in its own process, asked over REST as a browser asks it."""

    url: str
    top: str
    """What stands before every path: "" or "home/"."""
    disk: Path
    """Where files lie that were not written through it."""
    session: aiohttp.ClientSession = field(repr=False)

    async def ask(self, method: str, address: str, **options: Any) -> bytes:
        """One request; returns the body, and raises for every status that is an error."""
        async with self.session.request(method, f"{self.url}/{address}", **options) as reply:
            body = await reply.read()
            if reply.status >= 400:
                raise RuntimeError(f"{method} {address}: {reply.status} {body[:500]!r}")
            return body

    async def get(self, path: str, query: str = "content=1") -> bytes:
        """A model of the contents REST, as it came."""
        return await self.ask("GET", f"api/contents/{self.top}{path}?{query}")

    async def put(self, path: str, body: bytes) -> bytes:
        """Save."""
        headers = {"Content-Type": "application/json"}
        return await self.ask("PUT", f"api/contents/{self.top}{path}", data=body, headers=headers)

    async def stream(self, path: str, **headers: str) -> int:
        """Read ``/files`` piece by piece; returns how many bytes came."""
        return await drain(self.session, f"{self.url}/files/{self.top}{path}", headers)

    async def stall(self) -> dict[str, float]:
        """What the watcher saw since the last question."""
        found: dict[str, float] = json.loads(await self.ask("GET", "benchmark/stall"))
        return found


async def drain(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    """Read a body and throw it away, in pieces; returns its length."""
    count = 0
    async with session.get(url, headers=headers) as reply:
        reply.raise_for_status()
        async for piece in reply.content.iter_any():
            count += len(piece)
    return count


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def end(process: Process) -> None:
    """Ask it to end, and make it."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


async def start_site(
    folder: Path,
    gateway_port: int = 0,
    http_port: int = 0,
    flavour: str = "spaces",
    delay: float = 0,
) -> Site:
    """A node over ``folder`` that answers, each time ``delay`` seconds late; whoever asks ends its process."""
    command = ["-m", "benchmarks.site", str(folder), str(gateway_port), str(http_port), flavour]
    command.append(str(delay))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN)
        facts = json.loads(line)
    except BaseException:
        await end(process)
        raise
    started = Site(process, folder, facts["gateway"], facts["url"])
    started.home.mkdir(parents=True, exist_ok=True)
    return started


@asynccontextmanager
async def site(folder: Path, gateway_port: int = 0, http_port: int = 0) -> AsyncIterator[Site]:
    """A node over ``folder``, ended at the end."""
    started = await start_site(folder, gateway_port, http_port)
    try:
        yield started
    finally:
        await end(started.process)


@asynccontextmanager
async def jupyter(
    folder: Path, manager: str, options: list[str], environment: dict[str, str], **facts: Any
) -> AsyncIterator[Jupyter]:
    """A Jupyter server with settings of its own; ``folder`` holds what it writes beside contents."""
    port = free_port()
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.contents_manager_class={manager}", "--ServerApp.log_level=ERROR"]
    command += ["--ServerApp.jpserver_extensions=benchmarks.watcher=True", *options]
    folder.mkdir()
    environment = {**os.environ, **own, **environment, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=DEVNULL, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(
            headers={"Authorization": f"token {TOKEN}"},
            timeout=aiohttp.ClientTimeout(total=600),
            read_bufsize=1 << 20,
        ) as session:
            server = Jupyter(process, url, session=session, **facts)
            give_up = time.monotonic() + READY_WITHIN
            while True:
                try:
                    await server.ask("GET", f"api/contents/{server.top}?content=0")
                    break
                except (aiohttp.ClientError, RuntimeError):
                    if process.returncode is not None or time.monotonic() > give_up:
                        raise RuntimeError((folder / "log").read_text()) from None
                    await asyncio.sleep(0.1)
            await server.stall()
            yield server
    finally:
        await end(process)


def stock(folder: Path) -> Any:
    """jupyter-server with its own manager on a local disk."""
    disk = folder / "stock-files"
    disk.mkdir()
    manager = "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager"
    options = [f"--ServerApp.root_dir={disk}", "--ServerApp.jpserver_extensions=jupyter_mesh=False"]
    return jupyter(folder / "stock", manager, options, {}, top="", disk=disk)


async def mesh_environment(folder: Path, at: Site, gateway: str = "") -> dict[str, str]:
    """What a server of ours needs to know, with a token of its own."""
    token_file = folder / "token"
    write_token_file(token_file, await at.token())
    return {
        "MESH_SITE": "alpine",
        "MESH_GATEWAY": gateway or at.gateway,
        "MESH_TOKEN_FILE": str(token_file),
    }


async def mesh(folder: Path, name: str, at: Site, gateway: str = "") -> Any:
    """jupyter-server with our manager on a site; ``gateway`` is another way to it."""
    manager = "jupyter_mesh.contents.MeshContentsManager"
    environment = await mesh_environment(folder, at, gateway)
    return jupyter(folder / name, manager, [], environment, top="home/", disk=at.home)
