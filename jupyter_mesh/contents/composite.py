"""CompositeContentsManager: files of this server, and the mesh below one folder."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from nbformat.sign import NotebookNotary
from traitlets import HasTraits, Instance, Int, Type, Unicode, default

from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.archive import LocalTree, Tree
from jupyter_mesh.contents.base import BaseContents
from jupyter_mesh.contents.checkpoints import CompositeCheckpoints
from jupyter_mesh.contents.copies import LocalStore
from jupyter_mesh.contents.files import FileSource, LocalSource
from jupyter_mesh.contents.local import LocalContents
from jupyter_mesh.contents.manager import MeshContentsManager, copy_name
from jupyter_mesh.contents.models import clean
from jupyter_mesh.cs3.trees import CopyProgress, Store, copy_tree, states
from jupyter_mesh.errors import AlreadyExists, Conflict, InvalidRequest, MeshError
from jupyter_mesh.paths import MOUNT, is_within, join, name_of, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["CompositeContentsManager"]

SHARED = (
    "allow_hidden",
    "always_delete_dir",
    "delete_to_trash",
    "event_logger",
    "hash_algorithm",
    "hide_globs",
    "max_copy_folder_size_mb",
    "notary",
    "post_save_hook",
    "pre_save_hook",
    "untitled_directory",
    "untitled_file",
    "untitled_notebook",
)
"""Settings of the composite that its parts follow, now and when they change."""


class CompositeContentsManager(BaseContents):
    """Files of this server at the root, the mesh below the folder ``mesh``.

    Both parts know the paths of the whole tree, so nothing is rewritten on the way. Neither needs the
    other: while the site is away only the folder is. ``await close()`` closes the mesh part.
    """

    hash_algorithm = Unicode(
        "sha256", help="How local files are hashed; the mesh uses the etags of its site."
    ).tag(config=True)
    max_copy_folder_size_mb = Int(
        500, help="Size in MB up to which a local folder may be copied."
    ).tag(config=True)
    checkpoints_class = Type(
        CompositeCheckpoints, klass=AsyncCheckpoints, help="Each part has its own checkpoints."
    ).tag(config=True)
    local = Instance(LocalContents, help="The part that holds the files of this server.")
    mesh = Instance(MeshContentsManager, help="The part that holds the mesh.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._born = datetime.now(UTC)
        self.local = LocalContents(parent=self, root_dir=self.root_dir)
        self.mesh = MeshContentsManager(parent=self, prefix=MOUNT)
        for name in set(SHARED) - {"event_logger", "notary"}:
            # What was not set here is left to the configuration of the parts.
            if getattr(self, name) != self.trait_defaults(name):
                self._share(name)
        self.observe(lambda change: self._share(change["name"]), list(SHARED))

    def _share(self, name: str) -> None:
        value = getattr(self, name)
        part: HasTraits
        for part in (self.local, self.mesh):
            if name == "notary" and part is self.mesh:
                # It works in another thread than the local part, and an SQLite connection in one alone.
                value = NotebookNotary(
                    parent=part,
                    algorithm=value.algorithm,
                    secret=value.secret,
                    store_factory=value.store_factory,
                )
            known = part.trait_has_value(name) and getattr(part, name) is value
            if part.has_trait(name) and not known:
                setattr(part, name, value)

    @default("root_dir")
    def _default_root_dir(self) -> str:
        # The base class has "/" here: the whole disk would be served.
        return getattr(self.parent, "root_dir", "") or os.getcwd()

    @property
    def client(self) -> MeshClient:
        """The client of the site, for all parts of the server."""
        return self.mesh.client

    def mesh_path(self, path: str) -> str:
        """The mesh path of an API path; raises NotFound for a local one."""
        return self.mesh.mesh_path(path)

    def api_path(self, mesh_path: str) -> str:
        """The API path of a mesh path; raises NotFound for one that is not shown here."""
        return self.mesh.api_path(mesh_path)

    async def close(self) -> None:
        """Close the mesh part. The manager is of no use afterwards."""
        await self.mesh.close()

    def info_string(self) -> str:
        """What the server's start message says."""
        return f"{self.local.info_string()}\n{self.mesh.info_string()} below {MOUNT}/"

    def register_pre_save_hook(self, hook: Any) -> None:
        """Have both parts run ``hook``: the one that saves runs it."""
        self.local.register_pre_save_hook(hook)
        self.mesh.register_pre_save_hook(hook)

    def register_post_save_hook(self, hook: Any) -> None:
        """Have both parts run ``hook``: the one that saves runs it."""
        self.local.register_post_save_hook(hook)
        self.mesh.register_post_save_hook(hook)

    def part(self, path: str) -> LocalContents | MeshContentsManager:
        """The part that holds ``path``."""
        return self.mesh if is_within(clean(path), MOUNT) else self.local

    def site_part(self, path: str) -> MeshContentsManager | None:
        """The part of the mesh for what lies below its folder, which itself is made here."""
        part = self.part(path)
        return part if isinstance(part, MeshContentsManager) and not self._is_mount(path) else None

    # Questions

    @answers
    async def is_hidden(self, path: str) -> bool:
        """Decided by the part."""
        return await self.part(path).is_hidden(path)

    @answers
    async def file_exists(self, path: str) -> bool:
        """True for a file."""
        return await self.part(path).file_exists(path)

    @answers
    async def dir_exists(self, path: str) -> bool:
        """True for a folder; the folder of the mesh is always there."""
        return self._is_mount(path) or await self.part(path).dir_exists(path)

    @answers
    async def exists(self, path: str) -> bool:
        """True for anything."""
        part = self.part(path)
        if isinstance(part, MeshContentsManager):
            return self._is_mount(path) or await part.exists(path)
        return await part.file_exists(path) or await part.dir_exists(path)

    @answers
    async def get_kernel_path(self, path: str, model: Model | None = None) -> str:
        """The folder of a document: where its kernel starts."""
        part = self.part(path)
        # The stock answer for local files looks at the disk, and takes paths that lead elsewhere.
        return (
            await part.get_kernel_path(path, model) if part is self.mesh else parent_of(clean(path))
        )

    async def resolve_path(self, path: str) -> str | None:
        """The API path of a file of this machine, below the mount or below the local root; else None."""
        return await self.mesh.resolve_path(path) or self.local.resolve_path(path)

    def _is_mount(self, path: str) -> bool:
        return clean(path) == MOUNT

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
        model: Model
        part, here = self.part(path), clean(path)
        if part is self.mesh and here != MOUNT:
            return await part.get(path, content, type, format, require_hash)
        if part is self.local:
            model = await part.get(path, content, type, format, require_hash)
            if not here and content:
                model["content"] = [*model["content"], self._mount(hashed=False)]
        else:
            if type not in (None, "directory"):
                raise Refusal(400, f"{MOUNT} is a directory, not a {type}", reason="bad type")
            model = self._mount(bool(require_hash))
            if content:
                listing = await self.mesh.listing(path)
                model |= {"content": listing["content"], "format": "json"}
        self.emit(data={"action": "get", "path": here})
        return model

    def _mount(self, hashed: bool) -> Model:
        """The folder of the mesh, always the same: the site is not asked."""
        return {
            "name": MOUNT,
            "path": MOUNT,
            "type": "directory",
            "writable": bool(self.mesh.mesh_root),
            "created": self._born,
            "last_modified": self._born,
            "size": None,
            "mimetype": None,
            "content": None,
            "format": None,
            "hash": MOUNT if hashed else None,
            "hash_algorithm": "name" if hashed else None,
        }

    @answers
    async def trust_notebook(self, path: str) -> None:
        """Sign a notebook as it is stored."""
        await self.part(path).trust_notebook(path)

    def tree(self, path: str) -> Tree:
        """The folders of the part that holds ``path``, for an archive."""
        part = self.part(path)
        if isinstance(part, MeshContentsManager):
            return part.tree(path)
        return LocalTree(
            lambda path: Path(part._get_os_path(path)), self.file_source, part.without_mount
        )

    def file_source(self, path: str) -> FileSource:
        """The bytes behind an API path, for the files handler."""
        part = self.part(path)
        if isinstance(part, MeshContentsManager):
            return part.file_source(path)
        return LocalSource(path, Path(part._get_os_path(path)))

    # Writing

    @answers
    async def save(self, model: Model, path: str) -> Model:
        """Store a file, a notebook or a piece of an upload, or make a folder."""
        part = self.part(path)
        saved: Model = await part.save(model, path)
        if part is self.local and model.get("chunk") in (None, -1):
            self.emit(data={"action": "save", "path": saved["path"]})
        return saved

    @answers
    async def increment_filename(self, filename: str, path: str = "", insert: str = "") -> str:
        """A name that is free in a folder."""
        return await self.part(path).increment_filename(filename, path, insert)

    @answers
    async def new_untitled(self, path: str = "", type: str = "", ext: str = "") -> Model:
        """Make an empty notebook, file or folder under the next free name."""
        part = self.part(path)
        model: Model = await part.new_untitled(path, type, ext)
        if part is self.local:
            self.emit(data={"action": "save", "path": model["path"]})
        return model

    @answers
    async def delete(self, path: str) -> None:
        """Delete a file or folder: into the trash of its part."""
        part = self.part(path)
        await part.delete(path)
        if part is self.local:
            self.emit(data={"action": "delete", "path": clean(path)})

    @answers
    async def delete_file(self, path: str) -> None:
        """Delete without an event."""
        await self.part(path).delete_file(path)

    @answers
    async def update(self, model: Model, path: str) -> Model:
        """Rename to the ``path`` in the model, also from one part to the other."""
        old, new = clean(path), clean(str(model.get("path", path)))
        part, target = self.part(old), self.part(new)
        if part is not target:
            await self._carry(old, new)
            self.emit(data={"action": "rename", "path": new, "source_path": old})
            return await self._look(new)
        updated: Model = await part.update(model, path)
        if part is self.local and old != new:
            self.emit(data={"action": "rename", "path": new, "source_path": old})
        return updated

    @answers
    async def rename(self, old_path: str, new_path: str) -> None:
        """Rename or move, also from one part to the other; 409 if the name is taken."""
        await self.update({"path": new_path}, old_path)

    @answers
    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename or move without an event."""
        part = self.part(old_path)
        if part is self.part(new_path):
            await part.rename_file(old_path, new_path)
        else:
            await self._carry(clean(old_path), clean(new_path))

    @answers
    async def copy(
        self, from_path: str, to_path: str | None = None, progress: CopyProgress | None = None
    ) -> Model:
        """Copy a file or a folder with all it holds, also from one part to the other.

        ``progress`` hears how many bytes are written, and of how many; local copies are made unheard.
        """
        path = clean(from_path)
        target = parent_of(path) if to_path is None else clean(to_path)
        part, there = self.part(path), self.part(target)
        if isinstance(part, MeshContentsManager) and part is there:
            return await part.copy(path, target, progress)
        if part is there:
            model: Model = await part.copy(path, target)
            self.emit(data={"action": "copy", "path": model["path"], "source_path": path})
            return model
        if await self.dir_exists(target):
            name = await there.increment_filename(copy_name(name_of(path)), target, "-Copy")
            target = join(target, name)
        await self._copy(path, target, progress)
        self.emit(data={"action": "copy", "path": target, "source_path": path})
        return await self._look(target)

    async def _look(self, path: str) -> Model:
        part = self.part(path)
        if isinstance(part, MeshContentsManager):
            return await part.look(path)
        return await part.get(path, content=False)

    async def _carry(self, path: str, to: str) -> None:
        """Move between the parts: copy, compare, then remove the source; it stays if anything fails or changes."""
        store, source = await self._store(path)
        copied = await self._copy(path, to)
        try:
            if await states(store, source) != copied:
                raise Conflict("It was changed meanwhile: compare both, then delete one of them.")
            await store.remove(source)
        except MeshError as error:
            raise type(error)(
                f'"{path}" was copied to "{to}", but could not be removed from its old place. {error}'
            ) from error
        finally:
            self.mesh.changed(path)

    async def _copy(
        self, path: str, to: str, progress: CopyProgress | None = None
    ) -> dict[str, str]:
        """Copy to a new path of the other part; what was copied, as ``states`` tells it."""
        source, at = await self._store(path)
        target, there = await self._store(to)
        # The disk of this server is its operator's to protect; sites have quotas.
        at_most = self.max_copy_folder_size_mb << 20 if self.part(to) is self.local else None
        try:
            copied = await copy_tree(source, at, target, there, progress=progress, at_most=at_most)
        except AlreadyExists as error:
            raise AlreadyExists(f'"{to}" exists already. Choose another name.') from error
        finally:
            self.mesh.changed(to)
        return copied.states

    async def _store(self, path: str) -> tuple[Store[object], str]:
        """The store that holds ``path``, and the path there; refused for the folder of the mesh and hidden files."""
        part = self.part(path)
        if not path or path == MOUNT:
            raise InvalidRequest(f'"{path or "/"}" cannot be moved or copied as a whole.')
        if not part.allow_hidden and await part.is_hidden(path):
            raise InvalidRequest(
                f'"{path}" is hidden. This server does not work with hidden files.'
            )
        if isinstance(part, MeshContentsManager):
            await part.flush(path)
            return part.client.store(), part.mesh_path(path)
        await asyncio.to_thread(part.refuse_to_touch, path)
        return LocalStore(part._get_os_path), path
