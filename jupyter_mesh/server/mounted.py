"""The mount as programs of this server see it: kernels and terminals start in its folders."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MountedFolders"]

WITHIN = 2.0
"""Seconds that a folder may take to answer. Then its mount hangs, and nobody waits for it."""


class Tree(Protocol):
    """What knows which API path is which of the mesh: our contents managers."""

    def mesh_path(self, path: str) -> str:
        """The mesh path of an API path; raises MeshError for one that is not of the mesh."""

    async def look_again(self, mesh: str) -> None:
        """Have the mount look at a mesh path now; raises no MeshError."""


class MountedFolders:
    """Folders of the mesh below ``mount``, an absolute path.

    What is on the disk is asked in threads of their own: a file system in user space keeps whoever asks while
    its program hangs, and that must never be the server.
    """

    def __init__(self, mount: str, tree: Tree, *, within: float = WITHIN) -> None:
        self.mount = os.path.normpath(mount)
        self._tree = tree
        self._within = within
        self._asked: dict[str, Future[bool]] = {}
        self._late: set[str] = set()

    @classmethod
    def from_environment(
        cls, tree: Tree, environ: Mapping[str, str] = os.environ
    ) -> MountedFolders | None:
        """Those below ``MESH_MOUNT``; None in a server without a mount."""
        mount = environ.get("MESH_MOUNT", "")
        return cls(mount, tree) if os.path.isabs(mount) else None

    def where(self, path: str) -> str | None:
        """Where an API path lies in the mount, whether or not it is there; None for one not of the mesh."""
        try:
            below = self._tree.mesh_path(path)
        except MeshError:
            return None
        return os.path.join(self.mount, *below.split("/")) if below else self.mount

    def holds(self, where: str | None) -> bool:
        """True for a path of this machine that is the mount or lies below it; the disk is not asked."""
        return where is not None and is_within(os.path.normpath(where), self.mount)

    def _below(self, where: str) -> str:
        """The mesh path of what ``holds``."""
        return os.path.normpath(where)[len(self.mount) :].strip("/")

    async def is_folder(self, where: str) -> bool:
        """True for a folder that answers in time, also for one that was made elsewhere a moment ago.

        While one does not answer, all others are taken for missing at once: they are in the same mount, and
        threads that wait for it must not pile up.
        """
        if await self._is_there(where):
            return True
        if self._late:
            return False
        # The mount believes for a while what it saw.
        await self._tree.look_again(self._below(where))
        return await self._is_there(where)

    async def _is_there(self, where: str) -> bool:
        if self._late:
            return False
        answer = self._asked.get(where)
        if answer is None:
            answer = self._asked[where] = Future()
            Thread(
                target=self._look, args=(where, answer), daemon=True, name="mesh-mounted-folder"
            ).start()
        done, _ = await asyncio.wait({asyncio.wrap_future(answer)}, timeout=self._within)
        if not done:
            self._late.add(where)
            # It may have come just now, when its thread took nothing away.
            if answer.done():
                self._late.discard(where)
        return bool(done) and answer.result()

    def _look(self, where: str, answer: Future[bool]) -> None:
        found = os.path.isdir(where)
        self._asked.pop(where, None)
        answer.set_result(found)
        self._late.discard(where)
