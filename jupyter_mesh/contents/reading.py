"""The reading half of the manager: addresses, questions, models and content."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from traitlets import Instance, Int, TraitError, Type, Unicode, default, observe

from jupyter_mesh.auth import FileToken
from jupyter_mesh.config import MeshSite
from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.archive import MeshTree, Tree
from jupyter_mesh.contents.base import BaseContents
from jupyter_mesh.contents.checkpoints import MeshCheckpoints
from jupyter_mesh.contents.documents import Notebooks, encode
from jupyter_mesh.contents.files import FileSource, MeshSource
from jupyter_mesh.contents.listings import Listed, Listing
from jupyter_mesh.contents.memory import Memory, PathLocks
from jupyter_mesh.contents.models import Model, clean, is_hidden, matcher_of, model_of
from jupyter_mesh.contents.pieces import Pieces
from jupyter_mesh.contents.save_errors import SaveErrors
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.flavour import Feature
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
    from collections.abc import Callable, Iterator

    from jupyter_mesh.models import Resource

__all__ = ["MeshReader"]

RECENT = 5.0
"""Seconds for which "this file exists" is believed: Jupyter asks it right after Lab looked."""

FOLDER_AGE = 60.0
"""Seconds for which a folder is guessed to be one still, so that it is listed while it is looked at."""

MAX_INLINE = 256 << 20
"""Bytes of a file that travel inside JSON at most: it costs several times as much memory on both sides."""

MANY = 1000
"""Entries of a folder from which on building the models would hold up the event loop."""


class MeshReader(BaseContents):
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

    @observe("allow_hidden", "hide_globs")
    def _forget_listings(self, _: object) -> None:
        # Traits of the constructor come before the rest of it.
        if hasattr(self, "_memory"):
            self._memory.listings.clear()

    async def close(self) -> None:
        """Close the client and drop unfinished uploads. The manager is of no use afterwards."""
        try:
            if self.trait_has_value("spools"):
                await self.spools.close()
            await self._memory.close()
            await self._notebooks.close()
        finally:
            if self.trait_has_value("client"):
                await self.client.close()

    def info_string(self) -> str:
        """What the server's start message says."""
        return f"Serving the mesh ({self.mesh_root or 'home, projects, shares'})"

    # Addresses

    def mesh_path(self, path: str) -> str:
        """The mesh path of an API path of the server; raises NotFound for one that is not of the mesh."""
        path = clean(path)
        if not is_within(path, self.prefix):
            raise NotFound(f'There is no "{path}" in the mesh.')
        return normalise(join(self.mesh_root, path.removeprefix(self.prefix)))

    def site_part(self, path: str) -> MeshReader | None:
        """This manager: all it holds is from the site."""
        return self

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
        children = await self.client.list_folder(mesh)
        if mesh:
            # The list of the areas tells no more of them than their names.
            for child in children:
                if child.is_directory:
                    self._memory.saw(child.path, child, asked=asked)
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
        with self._reading(mesh, path, type):
            if not content:
                model = await self._look(mesh, path, type, bool(require_hash))
            elif type == "directory" or (type is None and await self._is_folder(mesh)):
                model = await self._list(mesh, path, bool(require_hash))
            else:
                model = await self._read(mesh, path, type, format, bool(require_hash))
        self.emit(data={"action": "get", "path": path})
        return model

    @answers
    async def page(
        self, path: str, type: str | None, require_hash: bool
    ) -> tuple[Model, Listing] | None:
        """A folder and its listing as JSON, for the REST; None if ``path`` is no folder and need not be one.

        One Stat beside one ListContainer; the Stat alone where the etag of the folder tells that the listing
        from before still holds.
        """
        path, mesh = self._open(path, 404)
        with self._reading(mesh, path, type):
            kept = self._memory.listings.get(mesh)
            guess = self._memory.last(mesh, FOLDER_AGE)
            page: Listing | BaseException | None
            if kept is None and (type == "directory" or (guess and guess.is_directory)):
                looking, listing = self._stat(mesh), self._page(mesh, path)
                folder, page = await asyncio.gather(looking, listing, return_exceptions=True)
                # The Stat knows better what is wrong.
                if isinstance(folder, BaseException):
                    raise folder
                if isinstance(page, BaseException) and folder.is_directory:
                    raise page
            else:
                folder = await self._stat(mesh)
                page = kept
                if folder.is_directory and (kept is None or kept.before != folder.etag):
                    page = await self._page(mesh, path)
            if not folder.is_directory or isinstance(page, BaseException) or page is None:
                if type is None:
                    return None
                raise NotADirectory(path)
            if page is not kept and (await self.client.flavour()).can(Feature.TREE_ETAGS):
                self._memory.listings.keep(mesh, page, folder.etag, self._memory.writes)
        self.emit(data={"action": "get", "path": path})
        return model_of(folder, path, hashed=require_hash), page

    async def _page(self, mesh: str, path: str) -> Listing:
        return await self._memory.pages.join(mesh, lambda: self._make_page(mesh, path))

    async def _make_page(self, mesh: str, path: str) -> Listing:
        listed = await self._children(mesh)
        if len(listed.children) > MANY:
            return await asyncio.to_thread(self._to_page, path, listed)
        return self._to_page(path, listed)

    def _to_page(self, path: str, listed: Listed) -> Listing:
        return Listing.of(self._entries(path, listed.children), listed)

    @contextmanager
    def _reading(self, mesh: str, path: str, type: str | None) -> Iterator[None]:
        """Say what was asked for and what is there, and remember that it is another than was thought."""
        try:
            yield
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
        folder, listed = await asyncio.gather(self._stat(mesh), self._children(mesh))
        if len(listed.children) > MANY:
            entries = await asyncio.to_thread(self._entries, path, listed.children)
        else:
            entries = self._entries(path, listed.children)
        return model_of(folder, path, hashed=hashed) | {"content": entries, "format": "json"}

    def _entries(self, path: str, children: list[Resource]) -> list[Model]:
        listed = self._lister()
        start = f"{path}/" if path else ""
        return [
            model_of(child, start + child.name)
            for child in children
            if listed(child.name) and (self.allow_hidden or not is_hidden(child.name))
        ]

    def _lister(self) -> Callable[[str], bool]:
        """``should_list``, quick for many names unless a subclass has its own."""
        if type(self).should_list is not BaseContents.should_list:
            return self.should_list
        hidden = matcher_of(tuple(self.hide_globs)).match
        return lambda name: hidden(name) is None

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

    def tree(self, path: str) -> Tree:
        """The folders of this manager, for an archive."""
        return MeshTree(self.client, lambda path: self._open(path, 404)[1], self.file_source)

    def file_source(self, path: str) -> FileSource:
        """The bytes behind an API path, for the files handler."""
        path, mesh = self._open(path, 404)
        return MeshSource(self.client, mesh)
