"""The program that serves one mount: adapter, rclone, the control socket, and the sequence that ends them.

::

    site  <- CS3 + HTTP -  adapter  <- WebDAV on a socket -  rclone  <- FUSE -  everybody's programs
          ------------- this process -------------         - child -

Each of them may be killed at any time. rclone ends with us and is started again by us; a folder that was left
dead is cleared at the next start; what waits for its upload lies in the state folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.errors import MeshError
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.adapter import Adapter, Conflict
from jupyter_mesh.mount.beside import answering
from jupyter_mesh.mount.client import FLUSH_WITHIN
from jupyter_mesh.mount.control import control
from jupyter_mesh.mount.engine import Engine
from jupyter_mesh.mount.folder import StateFolder, check_directory, claimed
from jupyter_mesh.mount.rclone import find_rclone
from jupyter_mesh.paths import HOME, PROJECTS, SHARES, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.mount.queue import Pending

__all__ = ["GRACE", "Program", "running"]

log = logging.getLogger(__name__)

GRACE = 30.0
"""Seconds that a stop waits for uploads where nobody says how long."""
LOOK_AT_SPACES_EVERY = 60.0
"""Seconds between two looks at the projects and shares: those without write permission are read-only."""
LOOK_AT_SITE_EVERY = 3.0
STATUS_WITHIN = 1.0
"""Seconds that rclone has to say what waits, before what was seen last is told."""


@asynccontextmanager
async def running(
    directory: Path,
    settings: SiteSettings,
    tokens: TokenSource,
    *,
    read_only: bool = False,
    owner: tuple[int, int] | None = None,
) -> AsyncIterator[Program]:
    """Mount a site on ``directory`` (as ``folder.absolute`` gives it); the block runs while it can be used.

    The files are for the account that runs this, or for ``owner``, its user and group id: root alone can do that. An
    owner in another container finds the socket of the program beside the folder.

    The end of the block is the stop sequence: what waits is uploaded for at most ``Program.grace`` seconds,
    then the folder is unmounted, rclone ended, and the adapter last. ``Program.left`` says what remains.

    Raises InvalidRequest where something is not installed or the folder is no place for a mount, AlreadyExists
    when it is mounted already, Unavailable and LoginEnded when the site cannot be used.
    """
    mountpoint.fusermount()
    rclone = await find_rclone()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(claimed(directory))
        await mountpoint.clear(directory)
        await asyncio.to_thread(check_directory, directory)
        client = await stack.enter_async_context(MeshClient(settings, tokens))
        user = await client.whoami()
        folder = StateFolder.of(settings.name, user.id, directory)
        await asyncio.to_thread(folder.make)
        short = stack.enter_context(folder.opened())
        adapter = Adapter(client, folder.path)
        engine = Engine(rclone, folder, directory, settings.name, read_only, owner)
        program = Program(client, folder, adapter, engine)
        await adapter.start(short / "dav.sock")
        stack.push_async_callback(adapter.stop)
        await asyncio.to_thread(folder.tell, directory, settings.name, user.id)
        stack.push_async_callback(asyncio.to_thread, folder.untell)
        await stack.enter_async_context(control(program, short / "control.sock"))
        if owner is not None:
            told = answering(program, directory, settings.name, user.id, owner)
            await stack.enter_async_context(told)
        async with program.mounted():
            yield program


class Program:
    """A mount that runs: what the control socket asks, and what happens by itself."""

    def __init__(
        self, client: MeshClient, folder: StateFolder, adapter: Adapter, engine: Engine
    ) -> None:
        self.folder = folder
        self.engine = engine
        self.adapter = adapter
        self.grace = GRACE
        self.left: list[str] = []
        self._client = client
        self._state = "starting"
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._unmounted = asyncio.Event()
        self._unwell = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._conflicts: list[dict[str, Any]] = folder.read("conflicts.json") or []

    @asynccontextmanager
    async def mounted(self) -> AsyncIterator[None]:
        """Mounted in the block, with all that keeps it so; the stop sequence at its end."""
        self.engine.on_unmounted = self.stop
        self.adapter.on_conflict = self._note_conflict
        self.adapter.on_changed = self._look_again
        await self.engine.start()
        try:
            await self._lock_spaces()
            self._state = "ready"
            workers = [asyncio.create_task(work) for work in (self.engine.run(), self._watch())]
            try:
                yield
            finally:
                self._state = "stopping"
                # A drain needs an rclone that is kept alive.
                await self._drain()
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, *self._tasks, return_exceptions=True)
        finally:
            await self.engine.stop()
            self._unmounted.set()

    def stop(self, grace: float | None = None) -> None:
        """Begin to stop. A second call ends the wait for uploads."""
        if self._stopping.is_set():
            self._hurry.set()
        else:
            self.grace = self.grace if grace is None else grace
            self._stopping.set()

    async def stopped(self) -> None:
        """Wait until somebody wants it to stop."""
        await self._stopping.wait()

    async def status(self) -> dict[str, Any]:
        """How it is: what rclone says if it does at once, else what it said last."""
        with contextlib.suppress(MeshError, TimeoutError):
            async with asyncio.timeout(STATUS_WITHIN):
                await self.engine.look()
        failing = [each for each in self.engine.pending if each.failing_since]
        since = [each.failing_since for each in failing if each.failing_since]
        if self.engine.trouble_since:
            since.append(self.engine.trouble_since)
        if self.adapter.failing_since and self.engine.pending:
            since.append(self.adapter.failing_since)
        state = "failing" if self._state == "ready" and since else self._state
        return {
            "dir": str(self.engine.directory),
            "site": self.engine.site,
            "state": state,
            "message": self._why(failing) if since else "",
            "pending": [
                {**asdict(each), "since": each.since.isoformat(), "failing_since": None}
                for each in self.engine.pending
            ],
            "failing_since": min(since).isoformat() if since else None,
            "conflicts": self._conflicts,
            "cache": self.engine.cache,
        }

    def _why(self, failing: list[Pending]) -> str:
        """Why files wait: what is known best."""
        told = next((why for each in failing if (why := self.adapter.why(each.path))), "")
        known = self.engine.trouble or told or self.adapter.message or self._unwell
        if known or not failing:
            return known
        return (
            f"{failing[0].path} was refused. It is tried again; the reason is in {self.folder.log}."
        )

    def _note_conflict(self, conflict: Conflict) -> None:
        self._conflicts.append({**asdict(conflict), "when": conflict.when.isoformat()})
        self._begin(asyncio.to_thread(self.folder.write, "conflicts.json", self._conflicts))
        self._look_again(conflict.path)

    def _look_again(self, path: str) -> None:
        self._begin(self._refresh(path))

    async def _refresh(self, path: str) -> None:
        try:
            await self.engine.refresh(path)
        except MeshError as error:
            # rclone lists the folder again by itself before long.
            log.warning("%s is not looked at again: %s", path, error)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def flush(self, path: str) -> list[str]:
        """Upload what is at or below a mesh path now; what is left after a minute."""
        return await self.engine.flush(path, FLUSH_WITHIN)

    async def refresh(self, path: str) -> None:
        """Look again at a mesh path."""
        if path in ("", PROJECTS, SHARES) or parent_of(path) in (PROJECTS, SHARES):
            await self._lock_spaces()
        await self.engine.refresh(path)

    async def finish(self, grace: float) -> list[str]:
        """Stop, and wait until the folder is unmounted; what is left."""
        self.stop(grace)
        await self._unmounted.wait()
        return self.left

    async def seen(self) -> None:
        """Forget the conflicts."""
        self._conflicts = []
        await asyncio.to_thread(self.folder.write, "conflicts.json", self._conflicts)

    async def _drain(self) -> None:
        """Upload what waits, until the grace period is over or somebody asks again to stop."""
        flush = asyncio.create_task(self.engine.flush("", self.grace))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({flush, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not flush.done():
            flush.cancel()
            await asyncio.wait({flush})
            flush = asyncio.create_task(self.engine.flush("", 0.0))
        try:
            self.left = await flush
        except MeshError as error:
            log.warning("It is not known what is left: %s", error)
            self.left = sorted(each.path for each in self.engine.pending)

    async def _watch(self) -> None:
        """Look at the spaces now and then, and at the site while it refuses what it is sent."""
        passed = 0.0
        while True:
            await asyncio.sleep(LOOK_AT_SITE_EVERY)
            passed += LOOK_AT_SITE_EVERY
            if passed >= LOOK_AT_SPACES_EVERY:
                passed = 0.0
                await self._lock_spaces()
            self._unwell = ""
            if any(each.failing_since for each in self.engine.pending):
                try:
                    await self._client.stat(HOME)
                except MeshError as error:
                    self._unwell = str(error)

    async def _lock_spaces(self) -> None:
        """Make the projects and shares read-only in which the user may not write."""
        if self.engine.read_only:
            return
        try:
            spaces = [
                resource
                for area in (PROJECTS, SHARES)
                for resource in await self._client.list_folder(area)
            ]
            await self.engine.lock(
                resource.path
                for resource in spaces
                if resource.is_directory
                and not (resource.permissions.write or resource.permissions.create)
            )
        except MeshError as error:
            log.warning("It is not known which spaces are read-only: %s", error)
