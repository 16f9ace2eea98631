"""COPY within a share: folder by folder, file by file, so that nobody waits for a large tree."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.users import room_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jupyter_mesh.node.ocm.wanted import Given
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place

__all__ = ["Copying", "Run"]

T = TypeVar("T")


class Run(Protocol):
    """Runs a step in the worker thread, with the share as it is then; raises MeshError."""

    async def __call__(self, work: Callable[[Given], T], *, writes: bool = False) -> T: ...


class Copying:
    """Copies below one share; ``run``, ``find`` and ``target`` are those of its tree."""

    def __init__(
        self,
        site: Site,
        run: Run,
        find: Callable[[Given, str], Place],
        target: Callable[..., tuple[Place, str, Place | None]],
    ) -> None:
        self._site = site
        self._run = run
        self._find = find
        self._target = target

    async def copy(self, source: str, target: str) -> None:
        """Copy to a free name; what came over before a failure stays, and can be deleted or copied again."""
        waiting = [(source, target)]
        while waiting:
            source, target = waiting.pop()
            below = await self._run(self._begin(source, target), writes=True)
            if below is None:
                await self._file(source, target)
            else:
                waiting += [(f"{source}/{name}", f"{target}/{name}") for name in below]

    def _begin(self, source: str, target: str) -> Callable[[Given], list[str] | None]:
        """The names in a folder, once its copy is there; None of a file that there is room for."""

        def work(share: Given) -> list[str] | None:
            place = self._find(share, source)
            parent, name, there = self._target(share, target, new=True)
            if there is not None:
                raise Refused(Reason.EXISTS, f"There is a /{target} already.")
            if place.entry.folder:
                names = [entry.name for entry in self._site.tree.listing(place)]
                self._site.store.mkdir(parent, name)
                return names
            used = self._site.tree.root(place.space).entry.size
            if place.entry.size > room_left(place.space, used):
                raise Refused(Reason.NO_ROOM, f"There is no room for a copy of /{source}.")
            return None

        return work

    async def _file(self, source: str, target: str) -> None:
        def begin(share: Given) -> tuple[str, Path]:
            return self._find(share, source).disk, self._site.store.new_upload()

        def finish(share: Given) -> Any:
            parent, name, there = self._target(share, target, new=True)
            if there is not None:
                raise Refused(Reason.EXISTS, f"There is a /{target} already.")
            kept = sha1 if self._site.flavour.compares else ""
            return self._site.store.write(parent, name, content, sha1=kept)

        disk, content = await self._run(begin, writes=True)
        try:
            sha1 = await asyncio.to_thread(_copied, disk, content)
            await self._run(finish, writes=True)
        finally:
            await asyncio.to_thread(content.unlink, missing_ok=True)


def _copied(source: str, target: Path) -> str:
    with (
        os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as read,
        target.open("wb") as written,
    ):
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()
