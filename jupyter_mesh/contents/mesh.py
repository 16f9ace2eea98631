"""The ground of the manager: settings, client, and which path of the server is which of the site."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from traitlets import Instance, Int, TraitError, Type, Unicode, default, observe

from jupyter_mesh.config import MeshSite
from jupyter_mesh.contents.answers import Refusal
from jupyter_mesh.contents.authors import Authors
from jupyter_mesh.contents.base import BaseContents
from jupyter_mesh.contents.checkpoints import MeshCheckpoints
from jupyter_mesh.contents.documents import Notebooks
from jupyter_mesh.contents.memory import Memory, PathLocks
from jupyter_mesh.contents.models import clean, is_hidden
from jupyter_mesh.contents.mounted import MountedFiles
from jupyter_mesh.contents.pieces import Pieces
from jupyter_mesh.contents.save_errors import SaveErrors
from jupyter_mesh.contents.savelocks import SaveLocks
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.renewal import token_source
from jupyter_mesh.errors import (
    InvalidRequest,
    NotFound,
)
from jupyter_mesh.paths import is_within, join, normalise
from jupyter_mesh.sites import site_of_server
from jupyter_mesh.transfers.spools import SpoolFolder

__all__ = ["MeshContents"]


class MeshContents(BaseContents):
    """What a manager of one site stands on.

    It owns one MeshClient, made at the first use; ``await close()`` closes it.
    """

    mesh_root = Unicode(
        "",
        help=(
            "The part of the mesh that is shown as the root: home, projects/NAME, or any folder below. "
            "Left empty, all areas are shown: home, projects and shares."
        ),
    ).tag(config=True)
    prefix = Unicode("", help="API path under which a composite shows this manager.")
    client = Instance(MeshClient, help="The client of the site, for all parts of the server.")
    upload_folder = Unicode(
        "",
        help=(
            "Folder of this server that keeps uploads until they are at the site; only its user can look into "
            "it. Left empty, it is mesh/uploads in Jupyter's data folder."
        ),
    ).tag(config=True)
    upload_limit = Int(
        100_000, help="Size in MB that all unfinished uploads may have together on this server."
    ).tag(config=True)
    spools = Instance(SpoolFolder, help="Uploads on their way, on the disk of this server.")
    checkpoints_class = Type(
        MeshCheckpoints, klass=AsyncCheckpoints, help="Checkpoints are the versions of the site."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.save_errors = SaveErrors()
        self._memory = Memory()
        self._locks = PathLocks()
        self._pieces = Pieces(lambda: self.spools)
        self._notebooks = Notebooks(self)
        self.authors = Authors(self)
        self.savelocks = SaveLocks(self, self.authors)
        self.mounted = MountedFiles()

    @default("client")
    def _default_client(self) -> MeshClient:
        try:
            settings = site_of_server(MeshSite(parent=self))
        except TraitError as error:
            raise InvalidRequest(str(error)) from error
        return MeshClient(settings, token_source(settings))

    @default("spools")
    def _default_spools(self) -> SpoolFolder:
        folder = self.upload_folder or os.path.join(jupyter_data_dir(), "mesh", "uploads")
        return SpoolFolder(
            Path(folder).expanduser(), limit=self.upload_limit * 1_000_000, owner=self.client.site
        )

    @default("root_dir")
    def _default_root_dir(self) -> str:
        return getattr(self.parent, "root_dir", "/")

    @observe("allow_hidden", "hide_globs")
    def _forget_listings(self, _: object) -> None:
        # Traits of the constructor come before the rest of it.
        if hasattr(self, "_memory"):
            self._memory.listings.clear()

    async def close(self) -> None:
        """Close the client. Unfinished uploads stay on the disk; the manager is of no use afterwards."""
        try:
            await self.savelocks.close()
            await self.authors.close()
            if self.trait_has_value("spools"):
                await self.spools.close()
            await self.mounted.close()
            await self._memory.close()
            await self._notebooks.close()
        finally:
            if self.trait_has_value("client"):
                await self.client.close()

    def info_string(self) -> str:
        """What the server's start message says."""
        return f"Serving the mesh ({self.mesh_root or 'home, projects, shares'})"

    # The mount

    async def flush(self, *paths: str) -> None:
        """Have what code wrote at or below these API paths at the site; paths of others are passed over.

        Raises Unavailable where that is not possible now.
        """
        ours = [path for path in map(clean, paths) if is_within(path, self.prefix)]
        await self.mounted.flush(*map(self.mesh_path, ours))

    async def look_again(self, mesh: str) -> None:
        """Have the mount look at a mesh path now; raises no MeshError."""
        await self.mounted.look_again(mesh)

    def emit(self, data: dict[str, Any]) -> None:
        """Tell what was done, the mount too."""
        super().emit(data=data)
        if data["action"] != "get":
            for name in data.keys() & {"path", "source_path"}:
                self.mounted.changed(self.mesh_path(data[name]))

    # Addresses

    def mesh_path(self, path: str) -> str:
        """The mesh path of an API path of the server; raises NotFound for one that is not of the mesh."""
        path = clean(path)
        if not is_within(path, self.prefix):
            raise NotFound(f'There is no "{path}" in the mesh.')
        return normalise(join(self.mesh_root, path.removeprefix(self.prefix)))

    def api_path(self, mesh_path: str) -> str:
        """The API path of a mesh path; raises NotFound for one that is not shown here."""
        root = normalise(self.mesh_root)
        if not is_within(mesh_path, root):
            raise NotFound(f'"{mesh_path}" is not shown on this server.')
        return join(self.prefix, mesh_path.removeprefix(root))

    def _open(self, path: str, status: int = 400) -> tuple[str, str]:
        """API path and mesh path of something that may be worked on; refused with ``status`` if hidden."""
        path = clean(path)
        if self._hides(path):
            raise Refusal(
                status, f'"{path}" is hidden. This server does not work with hidden files.'
            )
        return path, self.mesh_path(path)

    def _hides(self, path: str) -> bool:
        return not self.allow_hidden and is_hidden(path.removeprefix(self.prefix).strip("/"))

    def _below_root(self, path: str, what: str) -> None:
        if path == self.prefix:
            raise InvalidRequest(f'"{path or "/"}" is the root of the mesh: it cannot be {what}.')
