"""The mounts of this user, seen from another process: a server, a kernel, the command line.

Nothing here touches a mounted folder, except ``is_alive``, and that in a thread with a limit: a file system
whose program hangs keeps everybody who asks it anything.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from jupyter_mesh.errors import DeadlineExceeded, MeshError, SiteError, Unavailable
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.folder import Facts, StateFolder, absolute, known_mounts

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["Mounted", "find_mount", "is_alive", "list_mounts"]

ANSWER_WITHIN = 5.0
"""Seconds for what the program knows by itself."""
FLUSH_WITHIN = 60.0
"""Seconds that the program takes for a flush; it says what is left then."""
REFRESH_WITHIN = 120.0
"""Seconds in which the program reads a folder again, and the one that holds it."""


async def find_mount(dir: str | Path | None = None) -> Mounted | None:
    """The mount of a folder, by default of the one that ``MESH_MOUNT`` names; None when it is none of ours.

    Only state files are read. The program that serves it may be gone: then each call raises Unavailable.
    """
    wanted = dir or os.environ.get("MESH_MOUNT", "")
    if not wanted:
        return None
    path = await asyncio.to_thread(absolute, wanted)
    return next((mounted for mounted in await list_mounts() if mounted.dir == path), None)


async def list_mounts() -> list[Mounted]:
    """Every mount of this user that was not stopped; the latest first, and one for each folder."""
    known = await asyncio.to_thread(known_mounts)
    found: dict[Path, Mounted] = {}
    for folder, facts in known:
        found.setdefault(facts.dir, Mounted(facts, folder))
    return list(found.values())


async def is_alive(dir: str | Path) -> bool:
    """True if something is mounted on the folder and answers within two seconds. Never hangs, never raises."""
    return await mountpoint.is_alive(await asyncio.to_thread(absolute, dir))


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount, and the program that serves it.

    Every method has a deadline. They raise Unavailable when the program is gone, and DeadlineExceeded when it
    does not answer.
    """

    facts: Facts
    folder: StateFolder

    @property
    def dir(self) -> Path:
        """The folder that it is mounted on; it holds ``home``, ``projects`` and ``shares``."""
        return self.facts.dir

    @property
    def site(self) -> str:
        """Name of the site."""
        return self.facts.site

    @property
    def started(self) -> datetime:
        """When the program was started."""
        return self.facts.started

    def path(self, mesh_path: str) -> Path:
        """Where a mesh path is in the mount."""
        return self.dir / mesh_path

    async def status(self) -> dict[str, Any]:
        """How it is: ``state``, ``message``, ``pending``, ``failing_since``, ``conflicts``, ``cache``."""
        answer: dict[str, Any] = await self._ask("GET", "status")
        # A program in another container knows it by another name.
        return {**answer, "dir": str(self.dir)}

    async def flush(self, path: str) -> list[str]:
        """Bring what is at or below a mesh path to the site now; returns what is not there after 60 s."""
        answer = await self._ask("POST", "flush", {"path": path}, FLUSH_WITHIN + ANSWER_WITHIN)
        return list(answer["left"])

    async def refresh(self, path: str) -> None:
        """Have the mount look again at a mesh path: something else than the mount changed it."""
        await self._ask("POST", "refresh", {"path": path}, REFRESH_WITHIN + ANSWER_WITHIN)

    async def stop(self, grace: float) -> list[str]:
        """Unmount, after at most ``grace`` seconds for what waits; returns what is not at the site.

        That is kept, and uploaded after the next mount of this folder.
        """
        answer = await self._ask("POST", "stop", {"grace": grace}, grace + 30.0)
        return list(answer["left"])

    async def seen(self) -> None:
        """The user knows the conflicts: forget them."""
        await self._ask("DELETE", "conflicts")

    async def _ask(
        self, method: str, verb: str, body: Any = None, within: float = ANSWER_WITHIN
    ) -> Any:
        try:
            async with asyncio.timeout(within):
                status, text = await self._request(method, verb, body)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The program that serves the mount {self.dir} does not answer. Look again soon; "
                f"its log is {self.folder.log}."
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(
                f"The program that served the mount {self.dir} has ended. "
                f"Mount it again: jupyter mesh mount {self.dir}."
            ) from error
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        if status != 200:
            message = answer.get("message") or f"it answered {status} to {verb}"
            raise _failure(status)(f"The mount {self.dir}: {message}")
        return answer

    async def _request(self, method: str, verb: str, body: Any) -> tuple[int, str]:
        with self.folder.opened() as short:
            connector = aiohttp.UnixConnector(str(short / "control.sock"))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.request(method, f"http://mount/{verb}", json=body) as reply,
            ):
                return reply.status, await reply.text()


def _failure(status: int) -> type[MeshError]:
    return Unavailable if status == Unavailable.status else SiteError
