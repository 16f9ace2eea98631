"""A node in a process of its own, with or without ranges: ``python site.py {options as JSON}``.

Prints one line of JSON when it answers, and ends with SIGTERM.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from jupyter_mesh.node import Node
from jupyter_mesh.testing.traps import no_ranges


async def serve(data: str, ranges: bool, **options) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    middlewares = [] if ranges else [no_ranges]
    async with Node(name="alpine", data=Path(data), middlewares=middlewares, **options) as node:
        sys.stdout.write(json.dumps({"gateway": node.gateway, "url": node.url}) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(**json.loads(sys.argv[1])))
