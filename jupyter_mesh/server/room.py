"""MeshRoom: a document that is edited together and stored at a site, without losing a word of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server_ydoc import app, handlers, loaders
from jupyter_server_ydoc.rooms import DocumentRoom
from jupyter_server_ydoc.utils import LogLevel, OutOfBandChanges
from jupyter_ydoc import ydocs as YDOCS
from pycrdt import Doc, Map
from pycrdt.store import YDocNotFound
from tornado.web import HTTPError

from jupyter_mesh.errors import Conflict, MeshError, NotFound
from jupyter_mesh.paths import name_of
from jupyter_mesh.server.loader import MeshLoader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.contents import MeshContentsManager

__all__ = ["MeshRoom", "install"]

KERNEL_METADATA = ("kernelspec", "language_info")
"""What a kernel tells of itself when a notebook is opened. Nobody wrote it."""

UNSAVED = "mesh_unsaved"
"""In the state of a document that is not stored: what it was based on. It outlives room and server."""


def install() -> None:
    """Have jupyter-collaboration make our rooms and loaders from now on."""
    handlers.DocumentRoom = app.DocumentRoom = MeshRoom
    loaders.FileLoader = MeshLoader


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
        self._basis = ""
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

    @property
    def is_behind(self) -> bool:
        """True if there is something to store: text of users, or what could not be stored when they asked."""
        return self._failed or self._is_unsaved

    async def initialize(self) -> None:
        """Load the document; text that an earlier room could not store comes back with it."""
        if self.ready:
            return
        kept = await self._kept() if self._mesh is not None else None
        await super().initialize()
        if self._told is None:
            self._told = self._metadata()
        self._basis = self._base()
        if kept is not None:
            base, text = kept
            if text != await self._document.aget():
                if base != self._basis:
                    self._basis = base
                    self._stale, self._conflict = True, self._new_conflict("")
                async with self._writing():
                    await self._document.aset_progressively(text)
                    self._edits += 1
                    self._mark()
                self._save_soon(now=False)
            elif not self._is_unsaved:
                self._document.ystate.pop(UNSAVED, None)

    async def _kept(self) -> tuple[str, Any] | None:
        """What an earlier room could not store: what it was based on, and the text."""
        if self.ystore is None:
            return None
        made = getattr(self.ystore, "db_initialized", None)
        if made is not None:
            # Two that make the tables of a new database get into each other's way.
            await made.wait()
        elif not await asyncio.to_thread(Path(getattr(self.ystore, "db_path", "")).exists):
            return None
        document = YDOCS.get(self._file_type, YDOCS["file"])(Doc())
        # A store for this alone, closed at once: started here, that of the room keeps a server from ending.
        store = type(self.ystore)(
            path=self.ystore.path, log=self.log, config=getattr(self.ystore, "config", None)
        )
        async with store:
            if (ready := getattr(store, "db_initialized", None)) is not None:
                await ready.wait()
            try:
                await store.apply_updates(document.ydoc)
            except YDocNotFound:
                return None
        base = document.ystate.get(UNSAVED)
        return None if base is None else (base, await document.aget())

    def _base(self) -> str:
        """What tells the state of the file that the text is based on from others."""
        modified = self._file.last_modified
        return modified.isoformat() if modified else ""

    def _mark(self) -> None:
        """Have the text come back if the room ends before it is stored."""
        if UNSAVED not in self._document.ystate:
            self._document.ystate[UNSAVED] = self._basis

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
            if self._is_unsaved:
                # The end of the room cancels this pause, and a save that has begun.
                self._mark()
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
        self._basis = self._base()
        async with self._update_lock:
            self._document.dirty = self._is_unsaved
            self._document.ystate.pop(UNSAVED, None)
            if self._is_unsaved:
                self._mark()
            if hash is not None:
                self._document.hash = hash
        if mesh := self._mesh:
            mesh.save_errors.saved(self.document_path)

    def _note(self, error: MeshError | HTTPError) -> None:
        self._failed = True
        self._document.dirty = True
        self._mark()
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
        if self._is_unsaved:
            self._mark()
        theirs = await self._file.load_content(self._file_format, self._file_type)
        edits = self._edits
        if self._is_unsaved and await self._document.aget() != theirs["content"]:
            self._conflict = self._new_conflict(await self._file.changed_by())
            raise self._conflict
        await self._show(theirs["content"], edits)

    def _new_conflict(self, who: str) -> Conflict:
        return Conflict(
            f'"{name_of(self.document_path)}" was changed by {who or "somebody else"} while it was '
            "edited here. Your changes are still here."
        )

    async def load_theirs(self) -> None:
        """Give up the text of this room for what is stored. Raises what kept that from being read."""
        async with self._storing:
            theirs = await self._file.load_content(self._file_format, self._file_type)
            try:
                await self._show(theirs["content"], self._edits)
            except Conflict as error:
                self._note(error)
                raise

    async def _show(self, content: Any, edits: int) -> None:
        """Replace the text as it was after ``edits`` edits; raises Conflict if somebody typed since.

        What is typed while it is being replaced is an edit of the new one.
        """
        self._emit(LogLevel.INFO, "overwrite", "Loading what was stored by others.")
        self._stale = True
        async with self._writing():
            differs = await self._document.aget() != content
            typed = self._edits != edits
            if differs and not typed:
                # In many transactions: in one, what others write meanwhile would seem to be ours.
                await self._document.aset_progressively(content)
        if typed:
            self._conflict = self._new_conflict(await self._file.changed_by())
            raise self._conflict
        await self._settle(edits, None)
        if self._is_unsaved:
            self._save_soon()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        """Within, what this task writes is no edit, and what others write is one."""
        async with self._update_lock:
            self._loading = asyncio.current_task()
            try:
                yield
            finally:
                self._loading = None
