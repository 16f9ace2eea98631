"""MeshRoom: a document that is edited together and stored at a site, without losing a word of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from jupyter_server_ydoc import app, handlers, loaders
from jupyter_server_ydoc.loaders import FileLoader
from jupyter_server_ydoc.rooms import DocumentRoom
from jupyter_server_ydoc.utils import LogLevel, OutOfBandChanges
from pycrdt import Map
from tornado.web import HTTPError

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.errors import Conflict, Locked, MeshError, NotAllowed, NotFound
from jupyter_mesh.paths import is_within, name_of

__all__ = ["MeshLoader", "MeshRoom", "install"]

KERNEL_METADATA = ("kernelspec", "language_info")
"""What a kernel tells of itself when a notebook is opened. Nobody wrote it."""


def install() -> None:
    """Have jupyter-collaboration make our rooms and loaders from now on."""
    handlers.DocumentRoom = app.DocumentRoom = MeshRoom
    loaders.FileLoader = MeshLoader


class MeshLoader(FileLoader):
    """Reads and stores one file for its rooms.

    ``last_modified`` is the state that their text is based on: it changes only when they load or store, not
    when a poll looks. So a save between a look and the loading of what was found there cannot win.
    """

    _current_path: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.rooms: WeakSet[MeshRoom] = WeakSet()
        super().__init__(*args, **kwargs)

    @property
    def mesh(self) -> MeshContentsManager | None:
        """Our manager, if the file is one of the mesh."""
        manager = self._contents_manager
        if isinstance(manager, CompositeContentsManager):
            manager = manager.mesh
        if isinstance(manager, MeshContentsManager) and is_within(self.path, manager.prefix):
            return manager
        return None

    async def maybe_notify(self) -> None:
        """Look at the file; tell the rooms if it changed, to an older state too, or that the site is there."""
        if self.mesh is None:
            await super().maybe_notify()
            return
        async with self._lock:
            path = self.path
            moved, self._current_path = path != self._current_path, path
            model = await self._contents_manager.get(path, content=False)
            changed = self.last_modified not in (None, model["last_modified"])
        if moved:
            for tell in self._filepath_subscriptions.values():
                tell()
        if changed:
            await asyncio.gather(*(tell() for tell in self._subscriptions.values()))
        else:
            await asyncio.gather(*(room.look_again() for room in self.rooms))

    async def overwrite(self, model: dict[str, Any], seen: str) -> dict[str, Any]:
        """Store over what others stored, if that is what the user has ``seen`` (its hash); raises Conflict if not."""
        async with self._lock:
            path = self.path
            try:
                now = await self._contents_manager.get(path, content=False, require_hash=True)
            except HTTPError as error:
                if error.status_code != 404:
                    raise
            else:
                if seen != now["hash"]:
                    raise Conflict(f'"{name_of(path)}" was changed once more by somebody else.')
            return await self._save_content_at_path(model, path)  # type: ignore[no-any-return]  # untyped there

    async def why_read_only(self) -> MeshError:
        """Why the file cannot be written now."""
        path = self.path
        model = await self._contents_manager.get(path, content=False)
        lock = model.get("mesh", {}).get("lock")
        if lock and not lock.get("mine"):
            holder = lock.get("holder") or "somebody else"
            return Locked(f'"{name_of(path)}" is locked by {holder}. Your changes are kept here.')
        return NotAllowed(f'You can view "{name_of(path)}" but not change it.')


class MeshRoom(DocumentRoom):
    """A room whose text is replaced only by who edits it.

    A save that fails is kept in ``save_errors`` of the manager and tried again whenever the site answers; if a
    user asked for it, it fails there, too. A change outside is loaded unless there is unsaved text: then it is
    a conflict for the user to decide, and before that nothing is stored and nothing loaded. What a kernel
    writes into a notebook that is merely opened is no edit.
    """

    _saving_document: asyncio.Task[None] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._edits = 0
        self._stored = 0
        self._failed = False
        self._stale = False
        self._conflict: Conflict | None = None
        self._told: Any = None
        self._storing = asyncio.Lock()
        self._pausing: asyncio.Task[Any] | None = None
        self._loading: asyncio.Task[Any] | None = None
        self._home: MeshContentsManager | None = None
        super().__init__(*args, **kwargs)
        if isinstance(self._file, MeshLoader):
            self._file.rooms.add(self)

    @property
    def document_path(self) -> str:
        """API path of the document; the last one if it was deleted."""
        try:
            return self._file.path  # type: ignore[no-any-return]  # untyped there
        except RuntimeError:
            return self._document.path or ""

    @property
    def _mesh(self) -> MeshContentsManager | None:
        """Our manager, if the document is one of the mesh or was until it was deleted."""
        with suppress(RuntimeError):
            self._home = self._file.mesh if isinstance(self._file, MeshLoader) else None
        return self._home

    @property
    def _is_unsaved(self) -> bool:
        return self._edits != self._stored

    async def initialize(self) -> None:
        """Load the document."""
        await super().initialize()
        if self._told is None:
            self._told = self._metadata()

    # Edits

    def _on_document_change(self, target: str, event: Any) -> None:
        if self._mesh is None:
            super()._on_document_change(target, event)
            return
        if self._loading is not None:
            is_ours = asyncio.current_task() is self._loading
        else:
            is_ours = self._update_lock.locked()
        if is_ours:
            return
        if target == "state" or (target == "meta" and self._told and not self._tells_new()):
            # Lab marks a notebook as changed when its kernel tells its language.
            if self._document.dirty and not self._is_unsaved:
                self.create_task(self._show_as_saved())
            return
        self._edits += 1
        super()._on_document_change(target, event)

    def _metadata(self) -> tuple[str, Any]:
        """The kernel of a notebook by name, and the metadata that no kernel tells."""
        metadata = dict((self.ydoc.get("meta", type=Map).to_py() or {}).get("metadata") or {})
        spec = metadata.get("kernelspec") or {}
        rest = {key: value for key, value in metadata.items() if key not in KERNEL_METADATA}
        return spec.get("name", ""), rest

    def _tells_new(self) -> bool:
        """True if somebody, not a kernel that was started, changed the metadata."""
        (kernel, rest), (known, before) = self._metadata(), self._told
        return rest != before or bool(known and kernel != known)

    async def _show_as_saved(self) -> None:
        async with self._update_lock:
            if not self._is_unsaved:
                self._document.dirty = False

    # Saving

    def _save_to_disc(self) -> asyncio.Task[None] | None:
        if self._mesh is None:
            return super()._save_to_disc()  # type: ignore[no-any-return]  # untyped there
        return self._save_soon(now=True)

    def _save_soon(self, *, now: bool = False) -> asyncio.Task[None]:
        save = self._maybe_save_document(self._saving_document, save_now=now)
        self._saving_document = asyncio.create_task(save)
        return self._saving_document

    async def _maybe_save_document(
        self, saving_document: asyncio.Task[None] | None, save_now: bool = False
    ) -> None:
        """Store the document, at once if ``save_now``, else after a pause in which nobody typed.

        Raises what kept it from being stored if ``save_now``: somebody waits for the answer. A save that has
        begun goes on, whoever types meanwhile.
        """
        if self._mesh is None:
            await super()._maybe_save_document(saving_document, save_now)
            return
        if self._pausing is not None:
            self._pausing.cancel()
        if not save_now:
            if self._save_delay is None:
                return
            pausing = self._pausing = asyncio.current_task()
            try:
                await asyncio.sleep(self._save_delay)
            except asyncio.CancelledError:
                return
            finally:
                if self._pausing is pausing:
                    self._pausing = None
        try:
            await self._store(asked=save_now)
        except (MeshError, HTTPError):
            if save_now:
                raise

    async def try_again(self, seen: str | None = None) -> None:
        """Store now, over what others stored if that has the hash ``seen``. A failure goes to ``save_errors``."""
        with suppress(MeshError, HTTPError):
            await self._store(asked=True, seen=seen)

    async def look_again(self) -> None:
        """The site answered: what failed for another reason than a conflict may work now."""
        if self._failed and self._conflict is None:
            await self.try_again()

    async def _store(self, *, asked: bool, seen: str | None = None) -> None:
        async with self._storing:
            if self._is_unsaved or asked:
                try:
                    await self._write(seen)
                except (MeshError, HTTPError) as error:
                    self._note(error)
                    raise

    async def _write(self, seen: str | None) -> None:
        if seen is None and self._stale:
            await self._meet_theirs()
            return
        edits = self._edits
        content = await self._document.aget()
        model = {"format": self._file_format, "type": self._file_type, "content": content}
        try:
            if seen is None:
                saved = await self._file.maybe_save_content(model)
            else:
                saved = await self._file.overwrite(model, seen)
        except OutOfBandChanges:
            await self._meet_theirs()
            return
        except HTTPError as error:
            if error.status_code != 412 or seen is not None:
                raise
            await self._meet_theirs()
            return
        except RuntimeError as error:
            name = name_of(self.document_path)
            raise NotFound(f'"{name}" was deleted. Save your text as a copy.') from error
        if saved is None:
            raise await self._file.why_read_only()
        await self._settle(edits, saved["hash"])
        self._emit(LogLevel.INFO, "save", "Content saved.")

    async def _settle(self, edits: int, hash: str | None) -> None:
        """What stood here after ``edits`` edits is what the site has."""
        self._failed, self._stale, self._conflict = False, False, None
        self._stored, self._told = edits, self._metadata()
        async with self._update_lock:
            self._document.dirty = self._is_unsaved
            if hash is not None:
                self._document.hash = hash
        if mesh := self._mesh:
            mesh.save_errors.saved(self.document_path)

    def _note(self, error: MeshError | HTTPError) -> None:
        self._failed = True
        self._document.dirty = True
        path = self.document_path
        if mesh := self._mesh:
            mesh.save_errors.failed(path, error)
        self.log.warning("%s could not be saved: %s", path, error)

    # Changes outside

    async def _on_outofband_change(self) -> None:
        if self._mesh is None:
            await super()._on_outofband_change()
            return
        # At once: a save that waits must not win before theirs has been looked at.
        self._stale, self._conflict = True, None
        try:
            async with self._storing:
                await self._meet_theirs()
        except (MeshError, HTTPError) as error:
            if self._is_unsaved:
                self._note(error)

    async def _meet_theirs(self) -> None:
        """Load what others stored; raises Conflict if unsaved text would be lost."""
        self._stale = True
        if self._conflict is not None:
            raise self._conflict
        theirs = await self._file.load_content(self._file_format, self._file_type)
        if self._is_unsaved and await self._document.aget() != theirs["content"]:
            name = name_of(self.document_path)
            self._conflict = Conflict(
                f'"{name}" was changed by somebody else while it was edited here. '
                "Your changes are still here."
            )
            raise self._conflict
        await self._show(theirs["content"])

    async def load_theirs(self) -> None:
        """Give up the text of this room for what is stored. Raises what kept that from being read."""
        async with self._storing:
            theirs = await self._file.load_content(self._file_format, self._file_type)
            await self._show(theirs["content"])

    async def _show(self, content: Any) -> None:
        """Replace the text. What is typed meanwhile is an edit of the new one."""
        self._emit(LogLevel.INFO, "overwrite", "Loading what was stored by others.")
        edits = self._edits
        async with self._update_lock:
            if await self._document.aget() != content:
                self._loading = asyncio.current_task()
                try:
                    await self._document.aset(content)
                finally:
                    self._loading = None
        await self._settle(edits, None)
        if self._is_unsaved:
            self._save_soon()
