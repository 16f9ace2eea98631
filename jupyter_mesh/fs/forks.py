"""Forks: a child can connect only if its parent had no connection open at that moment.

gRPC keeps threads for open channels, which a fork does not copy: a child that connects then waits for ever. So
idle connections are closed before each fork, and open again with the next call. Where that cannot be, because
something is under way, a child that connects is told if gRPC lives long enough (``cs3/gateway.py``): documented, not mended.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["close_before_forks"]

AT_MOST = 3.0
"""Seconds for which a fork waits for connections to close."""

_clients: weakref.WeakKeyDictionary[MeshClient, asyncio.AbstractEventLoop] = (
    weakref.WeakKeyDictionary()
)


def close_before_forks(client: MeshClient, loop: asyncio.AbstractEventLoop) -> None:
    """Have a client, used in ``loop`` alone, disconnected before each fork of another thread."""
    _clients[client] = loop


def _before_fork() -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[MeshClient]] = {}
    for client, loop in list(_clients.items()):
        if loop.is_running():
            by_loop.setdefault(loop, []).append(client)
    for loop, clients in by_loop.items():
        if threading.get_ident() == getattr(loop, "_thread_id", None):
            continue  # It would wait for itself.
        work = asyncio.run_coroutine_threadsafe(_disconnect(clients), loop)
        try:
            work.result(AT_MOST)
        except TimeoutError:
            work.cancel()


async def _disconnect(clients: list[MeshClient]) -> None:
    if asyncio.all_tasks() == {asyncio.current_task()}:
        await asyncio.gather(*(client.disconnect() for client in clients))


os.register_at_fork(before=_before_fork)
