"""A login on the workers of a Dask cluster, in a file of each: no home that is shared, nothing to set up there."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from distributed.diagnostics.plugin import WorkerPlugin

from jupyter_mesh.auth import write_secret_file
from jupyter_mesh.config import is_loopback
from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from distributed import Client, Worker

__all__ = ["send_login", "take_login_back"]

ENCRYPTED = ("gateway", "inproc", "tls")
"""Schemes of schedulers that nobody can listen to. That of Dask Gateway is TLS."""


class LoginFile(WorkerPlugin):
    """Writes a login into the folder of each worker, and its path into a variable of the worker's process.

    Workers that come later get it from the scheduler, which keeps it in memory.
    """

    def __init__(self, variable: str, login: str) -> None:
        self.name = variable
        self._login = login

    def __repr__(self) -> str:
        return f"LoginFile({self.name!r})"

    async def setup(self, worker: Worker) -> None:
        """Called by Dask when a worker has started, and at once on those that run."""
        if self.name in os.environ:
            return  # A worker in the process of the client, which has the login already.
        path = Path(worker.local_directory, self.name.lower())
        await asyncio.to_thread(write_secret_file, path, self._login)
        os.environ[self.name] = str(path)

    def teardown(self, worker: Worker) -> None:
        """Called by Dask when the worker ends or the login is taken back."""
        path = Path(worker.local_directory, self.name.lower())
        if os.environ.get(self.name) == str(path):
            del os.environ[self.name]
            path.unlink(missing_ok=True)


def send_login(client: Client, variable: str, path: Path) -> None:
    """Put the login in ``path`` on all workers of a cluster, now and later; ``variable`` names it there and here.

    Raises InvalidRequest if others could listen on the way there.
    """
    scheduler = urlsplit(str(client.scheduler.address) if client.scheduler else "")
    if scheduler.scheme not in ENCRYPTED and not is_loopback(scheduler.hostname or ""):
        raise InvalidRequest(
            "The connections of this cluster are not encrypted: a login is not sent over them. Start it with TLS, "
            "or bring the file of the login to its workers by other means (docs/data.md)."
        )
    os.environ[variable] = str(path)
    client.register_plugin(LoginFile(variable, path.read_text()), name=variable)


def take_login_back(client: Client, variable: str) -> None:
    """Delete the login on all workers of a cluster that still runs; one that has ended has deleted it itself."""
    os.environ.pop(variable, None)
    if client.status == "running":
        with suppress(OSError, TimeoutError):
            client.unregister_worker_plugin(variable)  # type: ignore[no-untyped-call]
