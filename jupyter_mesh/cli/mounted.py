"""What ``jupyter mesh doctor`` finds of mounts: whether they can be, and how those are that there are."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_mesh.cli.checks import Finding
from jupyter_mesh.errors import MeshError, Unavailable

if TYPE_CHECKING:
    from jupyter_mesh.mount.client import Mounted

__all__ = ["mounts"]

WITHOUT = "JupyterLab and cs3:// addresses work without."


async def mounts() -> list[Finding]:
    """Whether this machine can mount, and how each mount of this user is. Takes seconds where one hangs."""
    from jupyter_mesh.mount.client import is_alive, list_mounts
    from jupyter_mesh.mount.possible import why_not

    wanted = os.environ.get("MESH_MOUNT", "")
    problem = await why_not()
    found = [await _mount(each) for each in await list_mounts()]
    if problem:
        # Where a mount is not expected it is no fault that there can be none.
        return [Finding("mount", False if wanted else None, f"{problem} {WITHOUT}"), *found]
    if found:
        return found
    if not wanted:
        return [
            Finding("mount", None, "nothing is mounted; it can be: jupyter mesh mount DIR --daemon")
        ]
    if await is_alive(wanted):
        return [Finding("mount", True, f"{wanted} answers; another program has mounted it")]
    text = f"Nothing is mounted on {wanted}. Restart your server, or run: jupyter mesh mount {wanted} --daemon"
    return [Finding("mount", False, text)]


async def _mount(mounted: Mounted) -> Finding:
    from jupyter_mesh.mount.client import is_alive

    again = f"jupyter mesh unmount {mounted.dir}; jupyter mesh mount {mounted.dir} --daemon"
    try:
        status = await mounted.status()
    except Unavailable:
        return Finding(
            "mount",
            False,
            f"{mounted.dir} is dead: its program has ended. What waited is kept. Run: {again}",
        )
    except MeshError as error:
        return Finding("mount", False, f"{error} Or run: {again}")
    if status["state"] == "ready" and not await is_alive(mounted.dir):
        text = f"{mounted.dir} does not answer, and programs that use it wait. Run: {again}"
        return Finding("mount", False, text)
    return Finding("mount", not (status["failing_since"] or status["conflicts"]), _told(status))


def _told(status: dict[str, Any]) -> str:
    waiting = len(status["pending"])
    queue = f"{waiting} {'file waits' if waiting == 1 else 'files wait'} to be uploaded"
    told = [f"{status['dir']} answers, {queue if waiting else 'nothing waits to be uploaded'}."]
    if status["failing_since"]:
        since = datetime.fromisoformat(status["failing_since"]).astimezone()
        why = f" {status['message'].rstrip('.')}." if status["message"] else ""
        trouble = f"does not get through to {status['site']} since {since:%Y-%m-%d %H:%M}.{why}"
        told = [f"{status['dir']} {trouble} {queue}, kept, and tried again by itself."]
    told += [
        f"{each['path']} was changed by {each['who'] or 'somebody else'} while you wrote it: "
        f"compare it with {each['copy']}, which is yours, and delete one."
        for each in status["conflicts"]
    ]
    return " ".join(told)
