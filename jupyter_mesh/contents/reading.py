"""The reading half of the manager: addresses, questions, models and content."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from jupyter_server.services.contents.manager import AsyncContentsManager
from traitlets import Bool, Instance, Int, TraitError, Type, Unicode, default, validate

from jupyter_mesh.auth import FileToken
from jupyter_mesh.config import MeshSite
from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.checkpoints import MeshCheckpoints
from jupyter_mesh.contents.documents import Notebooks, encode
from jupyter_mesh.contents.files import FilesHandler, FileSource, MeshSource
from jupyter_mesh.contents.memory import Memory, PathLocks
from jupyter_mesh.contents.models import Model, clean, is_hidden, model_of
from jupyter_mesh.contents.save_errors import SaveErrors
from jupyter_mesh.contents.uploads import Spools
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import (
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotADirectory,
    NotFound,
    TooLarge,
)
from jupyter_mesh.paths import is_within, join, normalise, parent_of
from jupyter_mesh.transfers.spools import SpoolFolder

if TYPE_CHECKING:
    from jupyter_mesh.models import Resource

__all__ = ["MeshReader"]

RECENT = 5.0
"""Seconds for which "this file exists" is believed: Jupyter asks it right after Lab looked."""

FOLDER_AGE = 60.0
"""Seconds for which a folder is believed to be one still, so that listing it needs one call."""

MAX_INLINE = 256 << 20
"""Bytes of a file that travel inside JSON at most: it costs several times as much memory on both sides."""

MANY = 2000
"""Entries of a folder from which on building the models would hold up the event loop."""


class MeshReader(AsyncContentsManager):
    """Shows the files of one site. MeshContentsManager adds what changes them.

    It owns one MeshClient, made at the first use; ``await close()`` closes it. Every failure is an
    HTTPError with one sentence.
    """

    mesh_root = Unicode(
        "",
        help=(
            "The part of the mesh that is shown as the root: home, projects/NAME, or any folder below. "
            "Left empty, all areas are shown: home, projects and shares."
        ),
    ).tag(config=True)
    prefix = Unicode("", help="API path under which a composite shows this manager.")
    delete_to_trash = Bool(
        True, help="Deleted files go to the bin of the site, and folders need not be empty."
    ).tag(config=True)
    always_delete_dir = Bool(
        False, help="Folders need not be empty to be deleted, also without delete_to_trash."
    ).tag(config=True)
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
        self._spools = Spools()
        self._notebooks = Notebooks(self)

    @default("client")
    def _default_client(self) -> MeshClient:
        try:
            settings = MeshSite(parent=self).settings()
        except TraitError as error:
            raise InvalidRequest(str(error)) from error
        if settings.token_file is None:
            raise InvalidRequest(
                "MESH_TOKEN_FILE is not set. Set it to the file that holds your token."
            )
        return MeshClient(settings, FileToken(settings.token_file))

    @default("spools")
    def _default_spools(self) -> SpoolFolder:
        folder = self.upload_folder or os.path.join(jupyter_data_dir(), "mesh", "uploads")
        return SpoolFolder(
            Path(folder).expanduser(), limit=self.upload_limit * 1_000_000, owner=self.client.site
        )

    @default("root_dir")
    def _default_root_dir(self) -> str:
        return getattr(self.parent, "root_dir", "/")

    @validate("preferred_dir")
    def _validate_preferred_dir(self, proposal: dict[str, Any]) -> str:
        # The base class asks for the folder here, on another thread's loop: the client must not be bound there.
        try:
            return clean(proposal["value"])
        except MeshError as error:
            raise TraitError(f"preferred_dir: {error}") from error

    async def close(self) -> None:
        """Close the client and drop unfinished uploads. The manager is of no use afterwards."""
        self._spools.close()
        try:
            if self.trait_has_value("spools"):
                await self.spools.close()
            await self._notebooks.close()
        finally:
            if self.trait_has_value("client"):
                await self.client.close()

    def info_string(self) -> str:
        """What the server's start message says."""
        return f"Serving the mesh ({self.mesh_root or 'home, projects, shares'})"

    def get_extra_handlers(self) -> list[tuple[str, type[FilesHandler]]]:
        """The way to the bytes of files, with ranges and without JSON."""
        return [(r"/files/(.*)", FilesHandler)]

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

    # Questions

    @answers
    async def is_hidden(self, path: str) -> bool:
        """Decided from the name alone."""
        return is_hidden(clean(path).removeprefix(self.prefix).strip("/"))

    @answers
    async def file_exists(self, path: str) -> bool:
        """True for a file, also while it is being uploaded. Raises when the site does not answer."""
        mesh = self.mesh_path(path)
        if self._spools.get(mesh) is not None:
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
        try:
            resource = await self.client.stat(mesh)
        except NotFound:
            self._memory.saw(mesh, None)
            raise
        self._memory.saw(mesh, resource)
        return resource

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

    # Reading

    @answers
    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> Model:
        """The model of a file or folder, with its content if that is asked for."""
        path, mesh = self._open(path, 404)
        try:
            if not content:
                model = await self._look(mesh, path, type, bool(require_hash))
            elif type == "directory" or (type is None and await self._is_folder(mesh)):
                model = await self._list(mesh, path, bool(require_hash))
            else:
                model = await self._read(mesh, path, type, format, bool(require_hash))
        except IsADirectory as error:
            self._memory.doubt(mesh)
            message = f"{path} is a directory, not a {type or 'file'}"
            raise Refusal(400, message, reason="bad type") from error
        except NotADirectory as error:
            self._memory.doubt(mesh)
            raise Refusal(400, f"{path} is not a directory", reason="bad type") from error
        except NotFound:
            self._memory.missed(mesh)
            raise
        self.emit(data={"action": "get", "path": path})
        return model

    async def listing(self, path: str) -> Model:
        """The model of a folder with its entries, without an event."""
        path, mesh = self._open(path, 404)
        return await self._list(mesh, path, hashed=False)

    async def look(self, path: str) -> Model:
        """The model of a file or folder as it is now, without an event."""
        path, mesh = self._open(path, 404)
        return model_of(await self._stat(mesh), path)

    def changed(self, path: str) -> None:
        """Whatever was at an API path may be different now. Paths of others are passed over."""
        if is_within(path, self.prefix):
            self._memory.forget(self.mesh_path(path))

    async def _is_folder(self, mesh: str) -> bool:
        known = self._memory.last(mesh, FOLDER_AGE)
        if known is None or not known.is_directory:
            known = await self._stat(mesh)
        return known.is_directory

    async def _look(self, mesh: str, path: str, type: str | None, hashed: bool) -> Model:
        # Lab takes what it hears right after a save for its own text, also if somebody else was as quick.
        resource = self._memory.just_written(mesh, RECENT) or await self._stat(mesh)
        if resource.is_directory and type not in (None, "directory"):
            raise IsADirectory(path)
        if type == "directory" and not resource.is_directory:
            raise NotADirectory(path)
        self._memory.read(resource)
        return model_of(resource, path, type=type, hashed=hashed)

    async def _list(self, mesh: str, path: str, hashed: bool) -> Model:
        known = None if hashed else self._memory.last(mesh, FOLDER_AGE)
        if known is not None:
            folder, children = known, await self.client.list_folder(mesh)
        else:
            folder, children = await asyncio.gather(self._stat(mesh), self.client.list_folder(mesh))
        model = model_of(folder, path, hashed=hashed)
        if children:
            # What is known of the folder may be older than its newest entry.
            newest = max(child.modified for child in children)
            model["last_modified"] = model["created"] = max(model["last_modified"], newest)
        if mesh:
            # The list of the areas tells no more of them than their names.
            for child in children:
                if child.is_directory:
                    self._memory.saw(child.path, child)
        if len(children) > MANY:
            entries = await asyncio.to_thread(self._entries, path, children)
        else:
            entries = self._entries(path, children)
        return model | {"content": entries, "format": "json"}

    def _entries(self, path: str, children: list[Resource]) -> list[Model]:
        return [
            model_of(child, join(path, child.name))
            for child in children
            if self.should_list(child.name) and not self._hides(join(path, child.name))
        ]

    async def _read(
        self, mesh: str, path: str, type: str | None, format: str | None, hashed: bool
    ) -> Model:
        resource, data = await self._download(mesh, path)
        self._memory.read(resource)
        model = model_of(resource, path, type=type, hashed=hashed)
        if model["type"] == "notebook":
            return model | await self._notebooks.read(data, path)
        content, form = await encode(data, path, format)
        plain = "text/plain" if form == "text" else "application/octet-stream"
        return model | {
            "content": content,
            "format": form,
            "mimetype": model["mimetype"] or plain,
        }

    async def _download(self, mesh: str, path: str) -> tuple[Resource, bytes]:
        async with self.client.download(mesh) as download:
            if download.resource.size > MAX_INLINE:
                raise TooLarge(
                    f'"{path}" is too large to open here ({download.resource.size >> 20} MiB). '
                    "Download it, or read it in a notebook."
                )
            return download.resource, await download.read()

    @answers
    async def trust_notebook(self, path: str) -> None:
        """Sign the notebook as it is stored: its outputs may run scripts from now on."""
        path, mesh = self._open(path, 404)
        _, data = await self._download(mesh, path)
        await self._notebooks.trust(data, path)

    def file_source(self, path: str) -> FileSource:
        """The bytes behind an API path, for the files handler."""
        path, mesh = self._open(path, 404)
        return MeshSource(self.client, mesh)
