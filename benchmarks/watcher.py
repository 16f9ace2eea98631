"""A Jupyter server extension that watches the event loop it runs in. Measured servers load it, nobody else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado import web

TICK = 0.002


class Watch:
    """Wakes up every two milliseconds and remembers the longest time that it overslept."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            self.longest = max(self.longest, time.perf_counter() - before - TICK)


class StallHandler(APIHandler):
    """The longest stall since the last question, and what this process holds at the moment."""

    @web.authenticated
    async def get(self) -> None:
        """Answers in JSON and forgets."""
        watch: Watch = self.settings["benchmark_watch"]
        longest, watch.longest = watch.longest, 0.0
        tasks = len(asyncio.all_tasks())
        self.finish({"stall_ms": 1000 * longest, "tasks": tasks})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "benchmarks.watcher"}]


def _load_jupyter_server_extension(app: Any) -> None:
    base = app.web_app.settings["base_url"]
    app.web_app.add_handlers(".*$", [(base + "benchmark/stall", StallHandler)])


async def _start_jupyter_server_extension(app: Any) -> None:
    app.web_app.settings["benchmark_watch"] = Watch()
