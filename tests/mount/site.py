"""A node in a process of its own, with or without ranges: ``python site.py {options as JSON}``.

Prints one line of JSON when it answers, and ends with SIGTERM. While there is a file ``refuse`` beside its data,
bodies are answered with the status in it; while there is a file ``slow``, they are read for as long.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from jupyter_mesh.node import Node
from jupyter_mesh.testing.traps import no_ranges


def troubled(beside: Path):
    """Refuses or delays what is sent, as the files beside the data say."""

    @web.middleware
    async def answer(request, handler):
        if request.method in ("PUT", "PATCH"):
            (beside / "sent").touch()
            while (beside / "slow").exists():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)
            if (beside / "refuse").exists():
                return web.Response(status=int((beside / "refuse").read_text()))
        return await handler(request)

    return answer


async def serve(data: str, ranges: bool, **options) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    middlewares = [troubled(Path(data).parent), *([] if ranges else [no_ranges])]
    async with Node(name="alpine", data=Path(data), middlewares=middlewares, **options) as node:
        sys.stdout.write(json.dumps({"gateway": node.gateway, "url": node.url}) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(**json.loads(sys.argv[1])))
