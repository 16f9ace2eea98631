"""The clients of the sites that one command speaks to, and what ends a command of many parts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self, TypeVar

from jupyter_mesh.cli.terminal import complain
from jupyter_mesh.errors import LoginEnded, MeshError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType

    from jupyter_mesh.cs3 import MeshClient

__all__ = ["Session", "run"]

T = TypeVar("T")


class Session:
    """Opens a client per site when it is asked for, and closes all of them at the end."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.failed = False
        """True once a part of the command has failed and the others went on."""
        self._clients: dict[str, MeshClient] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def client(self, site: str = "") -> MeshClient:
        """The client of a site by its name, "" for the default one. Raises InvalidRequest for an unknown one."""
        from jupyter_mesh.cs3 import connect

        if site not in self._clients:
            mesh = await self._stack.enter_async_context(connect(site))
            # The default site has a name, too: one client for both.
            self._clients[site] = self._clients.setdefault(mesh.site, mesh)
        return self._clients[site]

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[object]]) -> None:
        """Do ``work`` for all; what one of them raises is told, and the others go on.

        A login that has ended and a site that is away end the rest.
        """
        for item in items:
            try:
                await work(item)
            except (LoginEnded, Unavailable):
                raise
            except MeshError as error:
                self.fail(error)

    def fail(self, error: MeshError) -> None:
        """Tell of a failure of one part; the exit code of the command will be 1."""
        complain(self.verb, error)
        self.failed = True


def run(verb: str, work: Callable[[Session], Awaitable[object]]) -> int:
    """Run a command and return its exit code. What ``work`` raises passes through."""

    async def within() -> int:
        async with Session(verb) as session:
            await work(session)
            return int(session.failed)

    return asyncio.run(within())
