"""A node whose data comes through a connection that can be cut."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite, run_node
from jupyter_mesh.transfers.notes import Notes
from jupyter_mesh.transfers.terms import Terms

Cut = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient, "Wire"]]]


@dataclass
class Wire:
    """A TCP proxy. ``cuts`` holds after how many bytes, of either way, a connection is cut, one after the other.

    With ``holds`` they are not cut there: nothing more comes through, and ``held`` is set.
    """

    host: str
    port: int
    cuts: list[int] = field(default_factory=list)
    done: int = 0
    """Cuts that were made."""
    address: str = ""
    holds: bool = False
    held: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Wire"]:
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())  # type: ignore[arg-type]
            with suppress(OSError, asyncio.CancelledError):
                theirs = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._pass_on(reader, theirs[1]))
                        group.create_task(self._pass_on(theirs[0], writer))
                except* ConnectionError:
                    pass
                finally:
                    for each in (writer, theirs[1]):
                        each.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 18):
            if self.cuts and len(piece) >= self.cuts[0]:
                writer.write(piece[: self.cuts.pop(0)])
                with suppress(ConnectionError):
                    await writer.drain()
                self.done += 1
                if self.holds:
                    self.held.set()
                    # Until whoever is held gives up.
                    while await reader.read(1 << 18):
                        pass
                raise ConnectionResetError
            if self.cuts:
                self.cuts[0] -= len(piece)
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    """Starts a node, a client of its first user, and the wire between them that its data takes."""

    @asynccontextmanager
    async def start(*around, flavour: str = "spaces", middlewares=()):
        trap = traps.OtherDataHost("")
        async with run_node(
            tmp_path / "data",
            flavour=flavour,
            interceptors=[trap, *around],
            middlewares=middlewares,
        ) as site:
            host, _, port = site.url.removeprefix("http://").partition(":")
            async with Wire(host, int(port)).serving() as wire, site.client() as mesh:
                trap.url = f"http://{wire.address}/data"
                yield site, mesh, wire

    return start


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Breaks are not waited out, and nothing is noted in the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("jupyter_mesh.cs3.tus.PAUSE", 0.01)
    monkeypatch.setattr("jupyter_mesh.transfers.terms.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("jupyter_mesh.transfers.terms.LONGEST_PAUSE", 0.2)


@pytest.fixture
def terms(tmp_path: Path) -> Terms:
    """Terms whose notes lie in this test's folder."""
    state = tmp_path / "state"
    return Terms(notes=Notes(state / "resume"), memory=state / "sync", patience=90)


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that no other part of the file has."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - not secret, but the same every time


def anywhere(seed: str, count: int, stop: int) -> list[int]:
    """Different places below ``stop``, the same every time."""
    return random.Random(seed).sample(range(100, stop), count)  # noqa: S311
