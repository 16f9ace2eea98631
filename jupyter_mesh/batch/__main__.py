"""One run for a server: the task comes as JSON on standard input, word of it goes to standard output, in lines.

    {"notebook": "home/fit.ipynb", "output": "", "parameters": {"year": 2026}}
    {"output": "home/fit (run …).ipynb", "done": 3, "total": 12}
    {"output": "home/fit (run …).ipynb", "state": "failed", "message": "In [4] failed: …", "status": 0}

Paths are mesh paths of the site of the environment. The task is no argument: those can be read by everybody on the
machine. SIGTERM stops the notebook and saves it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO

from jupyter_mesh.batch.places import MeshPlace
from jupyter_mesh.batch.run import Progress, Task, run_notebook
from jupyter_mesh.cs3 import connect
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Mapping


async def work(task: Mapping[str, Any], out: TextIO) -> None:
    """Do the task; what keeps it from being done is told, not raised."""

    def tell(**facts: Any) -> None:
        print(json.dumps(facts), file=out, flush=True)

    def progress(now: Progress) -> None:
        tell(output=str(now.output), done=now.done, total=now.total)

    running = asyncio.current_task()
    if running is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        async with connect() as mesh:
            result = await run_notebook(
                Task(
                    notebook=MeshPlace(mesh, task["notebook"]),
                    output=MeshPlace(mesh, task["output"]) if task["output"] else None,
                    parameters=task["parameters"],
                ),
                progress,
            )
    except MeshError as error:
        tell(output="", state="failed", message=str(error), status=error.status)
    except asyncio.CancelledError:
        tell(output="", state="cancelled", message="", status=0)
    else:
        tell(output=str(result.output), state=result.state, message=result.message, status=0)


def main() -> None:
    """Read the task and do it. Whatever else writes to standard output goes to the log of the server."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        asyncio.run(work(json.load(sys.stdin), out))


main()
