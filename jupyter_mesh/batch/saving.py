"""Saves a notebook again and again while it grows, and the last state for certain."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_mesh.auth import write_secret_file
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    LoginEnded,
    MeshError,
    TransferFailed,
    Unavailable,
)
from jupyter_mesh.mount.folder import mounts_folder

if TYPE_CHECKING:
    from jupyter_mesh.batch.places import Place

__all__ = ["Saver", "create"]

EVERY = 10.0
"""Seconds between two saves: each may be a version at the site."""

PATIENCE = 120.0
"""Seconds for which the last save is tried while the site is away."""

PAUSE = 2.0
NAMES = 50

PASSING = (DeadlineExceeded, LoginEnded, TransferFailed, Unavailable)

log = logging.getLogger(__name__)


async def create(place: Place, content: bytes) -> Place:
    """Make the file under its name, or under that with a number where it is taken; where it is then."""
    stem = place.name.removesuffix(".ipynb")
    for count in range(1, NAMES):
        chosen = place if count == 1 else place.beside(f"{stem} {count}.ipynb")
        with suppress(AlreadyExists):
            await chosen.create(content)
            return chosen
    raise AlreadyExists(f'There are too many files like "{place.name}" already: choose a name.')


class Saver:
    """Keeps ``place``, which was made already, as new as what was put in. ``finish()`` it."""

    def __init__(self, place: Place, *, every: float = EVERY, patience: float = PATIENCE) -> None:
        self.place = place
        """Where it is saved: another one than at first once somebody else has changed that."""
        self._every = every
        self._patience = patience
        self._latest: bytes | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def put(self, content: bytes) -> None:
        """This is the latest state."""
        self._latest = content
        self._wake.set()

    async def finish(self) -> None:
        """Save the latest state, also if the site is away for a while.

        Raises MeshError with the path of a copy on this machine if that cannot be done.
        """
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        content, deadline = self._latest, time.monotonic() + self._patience
        while content is not None:
            try:
                await self._save(content)
                return
            except MeshError as error:
                if not isinstance(error, PASSING) or time.monotonic() > deadline:
                    raise await self._rescued(content, error) from error
                await asyncio.sleep(PAUSE)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            content = self._latest
            try:
                # Shielded: what has begun is ended, so that the next save knows what is there.
                if content is not None:
                    await asyncio.shield(self._save(content))
                    if content is self._latest:
                        self._latest = None
            except MeshError as error:
                log.warning("%s is not saved now, and will be later. %s", self.place, error)
            await asyncio.sleep(self._every)

    async def _save(self, content: bytes) -> None:
        try:
            await self.place.save(content)
        except Conflict:
            # Somebody works on it: theirs stays.
            self.place = await create(self.place, content)

    async def _rescued(self, content: bytes, error: MeshError) -> MeshError:
        path = mounts_folder().parent / "runs" / self.place.name
        try:
            await asyncio.to_thread(write_secret_file, path, content.decode())
        except OSError:
            return error
        return type(error)(f"{error} The notebook is kept on this machine: {path}")
