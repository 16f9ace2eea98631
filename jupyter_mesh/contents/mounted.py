"""MountedFiles: what waits in the mount of this server comes before what the server does itself."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import MeshError, Unavailable
from jupyter_mesh.mount.client import find_mount, is_alive
from jupyter_mesh.paths import is_within, name_of, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.mount.client import Mounted

__all__ = ["MountedFiles"]

FRESH_FOR = 0.5
"""Seconds for which the queue is believed: what code writes shows up in it a moment later anyway."""

ANSWER_WITHIN = 2.0
"""Seconds in which the program of the mount must tell how it is."""

FLUSH_WITHIN, FAILING_WITHIN = 30.0, 5.0
"""Seconds that an action of the user waits for an upload, and for one that failed before."""

QUIET = 10.0
"""Seconds for which a program that did not answer is not asked again by an action."""

PAUSE = 1.0
"""Seconds until the mount has to read a folder again because of what others did there."""

LISTINGS = 4096
"""Folders of which it is remembered what they held when the mount was told last."""

NOT_MOUNTED = "The files of the site are not mounted on this server. Code reads and writes them by their cs3:// URLs."

log = logging.getLogger(__name__)

State = dict[str, Any]
"""How the mount is, as ``api/mesh/mount`` tells it, with mesh paths."""


class MountedFiles:
    """The mount that ``MESH_MOUNT`` names, seen from a contents manager. Whoever builds it awaits ``close()``.

    ``close()`` of a file returns before its upload. So what changes a file at the site, or reads it there, first
    lets the mount upload what code wrote: ``flush``. Without a mount, and while nothing waits, that asks nobody or
    one socket of this machine. The mounted folder itself is never touched here: it may hang.
    """

    def __init__(self) -> None:
        self._mounted: Mounted | None = None
        self._known: State | None = None
        """The last answer of the program."""
        self._asked = self._silent = float("-inf")
        """When it gave it, and when it did not answer."""
        self._asking: asyncio.Task[State] | None = None
        self._stale: dict[str, float] = {}
        """Folders that the mount has to read again, and when."""
        self._told: dict[str, float] = {}
        """When it has been asked to read a folder; forgotten after a pause."""
        self._held: OrderedDict[str, str] = OrderedDict()
        """Digests of the folders as they were listed last."""
        self._refreshing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Give up what is asked of the mount. The mount goes on."""
        tasks = [task for task in (self._asking, self._refreshing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def dir(self) -> str | None:
        """The mounted folder, as the environment names it; None without a mount."""
        return os.environ.get("MESH_MOUNT") or None

    async def state(self) -> State:
        """How the mount is, in about two seconds and without raising MeshError.

        Beside the states of the program there are ``none``, ``gone`` (the program has ended) and ``hung`` (it, or
        the folder, does not answer).
        """
        if self.dir is None:
            return _told("none", NOT_MOUNTED)
        alive = asyncio.create_task(is_alive(self.dir))
        try:
            try:
                state = await self._ask()
            except TimeoutError:
                return self._last("hung", "The program of the mount does not answer.")
            except MeshError as error:
                return self._last("gone", str(error))
            if state["state"] in ("ready", "failing") and not await alive:
                return state | {"state": "hung", "message": "The mounted folder does not answer."}
            return state
        finally:
            alive.cancel()

    async def folder(self) -> str | None:
        """The mounted folder, if it can be used now."""
        state = await self.state()
        return state["dir"] if state["state"] in ("ready", "failing") else None

    async def flush(self, *paths: str, must: bool = True) -> None:
        """Bring what code wrote at or below these mesh paths to the site.

        Raises Unavailable if that cannot be done in time: the mount holds newer content than the site. With
        ``must`` unset that is accepted.
        """
        if self.dir is None:
            return
        waiting = await self._waiting(paths)
        if waiting and self._mounted is not None and self._known is not None:
            failing = self._known.get("failing_since") is not None
            within = FAILING_WITHIN if failing else FLUSH_WITHIN
            ways = [each for each in paths if any(is_within(path, each) for path in waiting)]
            with suppress(TimeoutError, MeshError):
                async with asyncio.timeout(within):
                    left = [await self._mounted.flush(way) for way in ways]
                waiting = [path for each in left for path in each]
            self._asked = float("-inf")
            if waiting and must:
                raise self._newer(waiting)

    async def bring(self, path: str) -> list[str]:
        """Upload what waits at or below a mesh path now; what is still left. Raises MeshError without a mount."""
        mounted = await self._find()
        left = await mounted.flush(path)
        self._asked = float("-inf")
        return left

    async def seen(self) -> None:
        """The user knows the conflicts."""
        await (await self._find()).seen()
        self._asked = float("-inf")

    def changed(self, path: str) -> None:
        """Something was done at a mesh path by this server: code shall see it soon, and this does not wait for it."""
        self._read_again(parent_of(path))

    def listed(self, folder: str, digest: str) -> None:
        """A folder was found to hold this. If that is new here, code shall see it soon; this does not wait for it.

        It may have come from anywhere: sites do not tell of changes, and the mount believes for a while what it saw.
        """
        if self.dir is None or self._held.get(folder) == digest:
            return
        self._held[folder] = digest
        self._held.move_to_end(folder)
        if len(self._held) > LISTINGS:
            self._held.popitem(last=False)
        self._read_again(folder, pause=PAUSE)

    async def look_again(self, path: str) -> None:
        """Have the mount look at a mesh path now, if it answers in about two seconds. Raises no MeshError."""
        if self.dir is not None and time.monotonic() - self._silent > QUIET:
            with suppress(TimeoutError, MeshError):
                async with asyncio.timeout(ANSWER_WITHIN):
                    await (await self._find()).refresh(path)

    def _read_again(self, folder: str, *, pause: float = 0.0) -> None:
        """Have the mount read a folder: at once, or when a pause since the last time is over."""
        if self.dir is None:
            return
        due = self._told.get(folder, float("-inf")) + pause
        self._stale[folder] = min(due, self._stale.get(folder, due))
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            while self._stale:
                folder, due = min(self._stale.items(), key=lambda each: each[1])
                now = time.monotonic()
                if due > now:
                    # What comes meanwhile may be due before it.
                    await asyncio.sleep(min(due - now, 0.05))
                    continue
                del self._stale[folder]
                self._told = {each: at for each, at in self._told.items() if now - at < PAUSE}
                self._told[folder] = now
                if now - self._silent > QUIET:
                    await (await self._find()).refresh(folder)
        except MeshError as error:
            # The mount looks by itself after a while.
            log.info("The mount was not told of a change: %s", error)
            self._stale.clear()
        finally:
            self._refreshing = None

    async def _waiting(self, paths: Iterable[str]) -> list[str]:
        """The mesh paths in the queue at or below one of these; as known last if the program does not answer."""
        if time.monotonic() - self._silent > QUIET:
            try:
                await self._ask()
            except (TimeoutError, MeshError) as error:
                # Its own rules keep what it holds from being lost: it is not uploaded over what is newer.
                self._silent = time.monotonic()
                log.warning("The mount %s does not answer: %s", self.dir, error)
        pending = self._known["pending"] if self._known else []
        return [
            each["path"] for each in pending if any(is_within(each["path"], path) for path in paths)
        ]

    async def _ask(self) -> State:
        """How the program says it is, asked at most once at a time; TimeoutError or MeshError if it does not."""
        if self._known is not None and time.monotonic() - self._asked < FRESH_FOR:
            return self._known
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_once())
            self._asking.add_done_callback(self._answered)
        # Whoever goes away must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _ask_once(self) -> State:
        asked = time.monotonic()
        async with asyncio.timeout(ANSWER_WITHIN):
            self._known = await (await self._find()).status()
        self._asked, self._silent = asked, float("-inf")
        return self._known

    def _answered(self, task: asyncio.Task[State]) -> None:
        self._asking = None
        if not task.cancelled():
            # Nobody may be waiting any more.
            task.exception()

    async def _find(self) -> Mounted:
        """The mount. Its state file is read again where the program that it named is another by now."""
        mounted = await find_mount()
        if mounted is None:
            where = f" {self.dir}" if self.dir else ""
            raise Unavailable(
                f"Nothing serves the mount{where}. Restart the server to mount it again."
            )
        self._mounted = mounted
        return mounted

    def _last(self, state: str, message: str) -> State:
        return (self._known or _told(state, "")) | {"state": state, "message": message}

    def _newer(self, waiting: list[str]) -> Unavailable:
        known = self._known or {}
        names = f'"{name_of(waiting[0])}"' + (
            f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        )
        why = f" ({known['message'].rstrip('.')})" if known.get("message") else ""
        return Unavailable(
            f"Code has written {names} in the mounted folder, and that is not at {known.get('site')} yet{why}. "
            "Nothing was changed there. Wait until it has arrived, then try again."
        )


def _told(state: str, message: str) -> State:
    return {
        "dir": os.environ.get("MESH_MOUNT") or None,
        "site": "",
        "state": state,
        "message": message,
        "pending": [],
        "failing_since": None,
        "conflicts": [],
        "cache": {"used": 0, "files": 0},
    }
