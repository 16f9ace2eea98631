"""A node in a process of its own that counts what it is asked: ``python -m benchmarks.site FOLDER``.

It prints one line of JSON when it answers. ``GET /counts`` on its HTTP port tells the counts.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
from aiohttp import web

from jupyter_mesh.node import Node
from jupyter_mesh.node.users import add_user

USER, PASSWORD = "maya", "measured twice"


class _Counting(grpc.aio.ServerInterceptor):
    def __init__(self, counts: Counter[str], delay: float) -> None:
        self._counts = counts
        self._delay = delay

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self._counts[handler_call_details.method.rpartition("/")[2]] += 1
        await asyncio.sleep(self._delay)
        return await continuation(handler_call_details)


async def serve(
    folder: Path, gateway_port: int, http_port: int, flavour: str, delay: float
) -> None:
    """Serve ``folder`` until SIGTERM; ``delay`` seconds pass before each answer."""
    counts: Counter[str] = Counter()

    @web.middleware
    async def counting(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path == "/counts":
            return web.json_response(counts)
        counts[request.method] += 1
        await asyncio.sleep(delay)
        answer: web.StreamResponse = await handler(request)
        return answer

    if not folder.exists():
        add_user(folder, USER, PASSWORD)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with Node(
        name="alpine",
        data=folder,
        gateway_port=gateway_port,
        http_port=http_port,
        flavour=flavour,
        interceptors=[_Counting(counts, delay)],
        middlewares=[counting],
    ) as node:
        print(json.dumps({"gateway": node.gateway, "url": node.url}), flush=True)
        await ended.wait()


if __name__ == "__main__":
    where, gateway, http, kind, late = sys.argv[1:]
    asyncio.run(serve(Path(where), int(gateway), int(http), kind, float(late)))
