"""Folders: listed once at a time, as models or as JSON that is ready for the REST."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.base import BaseContents
from jupyter_mesh.contents.listings import Listed, Listing
from jupyter_mesh.contents.models import Model, entry_of, is_hidden, matcher_of, model_of
from jupyter_mesh.contents.questions import Questions
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import (
    IsADirectory,
    NotADirectory,
    NotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_mesh.models import Child

__all__ = ["Folders"]

FOLDER_AGE = 60.0
"""Seconds for which a folder is guessed to be one still, so that it is listed while it is looked at."""

MANY = 1000
"""Entries of a folder from which on building the models would hold up the event loop."""


class Folders(Questions):
    """Lists folders: one Stat beside one ListContainer, none per entry."""

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
            page = await asyncio.to_thread(self._to_page, path, listed)
        else:
            page = self._to_page(path, listed)
        self.mounted.listed(mesh, page.digest)
        return page

    def _to_page(self, path: str, listed: Listed) -> Listing:
        return Listing.of(self._entries(path, listed.children), listed)

    async def listing(self, path: str) -> Model:
        """The model of a folder with its entries, without an event."""
        path, mesh = self._open(path, 404)
        return await self._list(mesh, path, hashed=False)

    async def _is_folder(self, mesh: str) -> bool:
        known = self._memory.last(mesh, FOLDER_AGE)
        if known is None or not known.is_directory:
            known = await self._stat(mesh)
        return known.is_directory

    async def _list(self, mesh: str, path: str, hashed: bool) -> Model:
        folder, listed = await asyncio.gather(self._stat(mesh), self._children(mesh))
        if len(listed.children) > MANY:
            entries = await asyncio.to_thread(self._entries, path, listed.children)
        else:
            entries = self._entries(path, listed.children)
        return model_of(folder, path, hashed=hashed) | {"content": entries, "format": "json"}

    def _entries(self, path: str, children: list[Child]) -> list[Model]:
        listed, told = self._lister(), self.savelocks.told
        start = f"{path}/" if path else ""
        return [
            entry_of(
                child, start + child.name, lock=told(child.resource) if child.resource else None
            )
            for child in children
            if listed(child.name) and (self.allow_hidden or not is_hidden(child.name))
        ]

    def _lister(self) -> Callable[[str], bool]:
        """``should_list``, quick for many names unless a subclass has its own."""
        if type(self).should_list is not BaseContents.should_list:
            return self.should_list
        hidden = matcher_of(tuple(self.hide_globs)).match
        return lambda name: hidden(name) is None

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
