"""What Jupyter asks before it works: is it there, is it hidden, where does its kernel start."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from jupyter_mesh.contents.answers import answers
from jupyter_mesh.contents.listings import Listed
from jupyter_mesh.contents.mesh import MeshContents
from jupyter_mesh.contents.models import Model, clean, is_hidden
from jupyter_mesh.errors import (
    MeshError,
    NotFound,
)
from jupyter_mesh.paths import is_within, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.models import Resource

__all__ = ["RECENT", "Questions"]

RECENT = 5.0
"""Seconds for which "this file exists" is believed: Jupyter asks it right after Lab looked."""


class Questions(MeshContents):
    """Answers from memory where that is fresh enough, else with one Stat."""

    @answers
    async def is_hidden(self, path: str) -> bool:
        """Decided from the name alone."""
        return is_hidden(clean(path).removeprefix(self.prefix).strip("/"))

    @answers
    async def file_exists(self, path: str) -> bool:
        """True for a file, also while it is being uploaded. Raises when the site does not answer."""
        mesh = self.mesh_path(path)
        if await self._pieces.size(mesh) is not None:
            return True
        found = await self._find(mesh)
        return found is not None and not found.is_directory

    @answers
    async def dir_exists(self, path: str) -> bool:
        """True for a folder. Raises when the site does not answer."""
        found = await self._find(self.mesh_path(path))
        return found is not None and found.is_directory

    @answers
    async def exists(self, path: str) -> bool:
        """True for anything. Raises when the site does not answer."""
        return await self._find(self.mesh_path(path)) is not None

    async def _find(self, mesh: str) -> Resource | None:
        known = self._memory.last(mesh, RECENT)
        if known is not None:
            return known
        try:
            return await self._stat(mesh)
        except NotFound:
            return None

    async def _stat(self, mesh: str) -> Resource:
        """What is at ``mesh`` now. Who asks while the same question is under way shares its answer."""
        return await self._memory.looks.join(mesh, lambda: self._ask(mesh))

    async def _ask(self, mesh: str) -> Resource:
        asked = self._memory.writes
        try:
            resource = await self.client.stat(mesh)
        except NotFound:
            self._memory.saw(mesh, None, asked=asked)
            raise
        self._memory.saw(mesh, resource, asked=asked)
        return resource

    async def _children(self, mesh: str) -> Listed:
        """What a folder holds now, by name. A folder is never listed twice at once."""
        return await self._memory.lists.join(mesh, lambda: self._ask_children(mesh))

    async def _ask_children(self, mesh: str) -> Listed:
        asked = self._memory.writes
        before, since = self._memory.etag_of(mesh), time.monotonic()
        children = await self.client.children(mesh)
        if mesh:
            # The list of the areas tells no more of them than their names.
            for child in children:
                if child.is_directory and child.resource is not None:
                    self._memory.saw(child.resource.path, child.resource, asked=asked)
        return Listed(children, since, asked, before)

    @answers
    async def get_kernel_path(self, path: str, model: Model | None = None) -> str:
        """The folder of a document: where its kernel starts. The site is not asked."""
        return parent_of(clean(path))

    async def resolve_path(self, path: str) -> str | None:
        """The API path of a file of this machine that lies below the mount; None for any other."""
        return self._below_mount(path)

    def _below_mount(self, path: str) -> str | None:
        mount = os.path.normpath(os.environ.get("MESH_MOUNT") or "/dev/null")
        where = os.path.normpath(os.path.expanduser(path))
        try:
            return self.api_path(clean(where[len(mount) :])) if is_within(where, mount) else None
        except MeshError:
            return None
