"""A mount that root serves to a server in another container: what both of them need to know of it.

::

    container of the mount (root)                 container of the server (the user, no capability)
    jupyter mesh mount /mesh/files --owner 1000:100
        /mesh/files           FUSE      ------->  /mesh/files
        /mesh/.files.control  socket    ------->  what ``jupyter_mesh.mount.client`` asks
        tokens                                    none of these
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.control import control
from jupyter_mesh.mount.folder import StateFolder, shared_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from jupyter_mesh.mount.control import Controlled

__all__ = ["FIRST_TOKEN_FILE", "answering", "health", "take_first_token"]

FIRST_TOKEN_FILE = "MESH_FIRST_TOKEN_FILE"  # noqa: S105  the name of a variable
"""Names a file that nobody renews with the first token, for where the token file cannot be there from the start."""


def take_first_token(environ: Mapping[str, str] = os.environ) -> None:
    """Make the token file of the first token, unless there is one: after a restart that is newer.

    Does nothing where no first token is named. Raises InvalidRequest when it cannot be read. Blocks on the disk.
    """
    first, path = environ.get(FIRST_TOKEN_FILE, ""), environ.get("MESH_TOKEN_FILE", "")
    if not first or not path or Path(path).exists():
        return
    try:
        token = Path(first).read_text().strip()
    except OSError as error:
        raise InvalidRequest(
            f"The first token cannot be read in {first}: {error.strerror}."
        ) from error
    write_token_file(path, token)


@asynccontextmanager
async def answering(
    mount: Controlled, directory: Path, site: str, user: str, owner: tuple[int, int]
) -> AsyncIterator[None]:
    """Let the owner, in another container, ask the program of the mount; until the end of the block."""
    folder = StateFolder(shared_folder(directory))
    await asyncio.to_thread(folder.path.mkdir, 0o755, exist_ok=True)
    with folder.opened() as short:
        socket = short / "control.sock"
        await asyncio.to_thread(socket.unlink, missing_ok=True)
        async with control(mount, socket):
            await asyncio.to_thread(socket.chmod, 0o600)
            await asyncio.to_thread(os.chown, socket, *owner)
            await asyncio.to_thread(folder.tell, directory, site, user)
            try:
                yield
            finally:
                await asyncio.to_thread(folder.untell)


@asynccontextmanager
async def health(directory: Path, port: int) -> AsyncIterator[None]:
    """Answer every GET at ``port`` until the end of the block: 200 while the mount can be used, else 503."""

    async def answer(request: web.Request) -> web.Response:
        alive = await mountpoint.is_alive(directory)
        return web.Response(
            status=200 if alive else 503, text="mounted" if alive else "not mounted"
        )

    application = web.Application()
    application.add_routes([web.get("/", answer)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, None, port).start()
        yield
    finally:
        await runner.cleanup()
