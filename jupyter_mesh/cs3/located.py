"""Where what is shared lies, as a site tells it beside its lists: without it, every share is asked for by id."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.wire import clean_name, opaque_text
from jupyter_mesh.models import Kind, Link, Share, SpaceKind
from jupyter_mesh.paths import HOME, PROJECTS, join, name_of

if TYPE_CHECKING:
    from jupyter_mesh.cs3.place import Entry

__all__ = ["Located", "Told", "told_places"]

PLACES = "share-places"
"""What our node tells beside its lists of shares and links, where CS3 has no field: path and kind by id."""

S = TypeVar("S", Share, Link)


class Told(NamedTuple):
    """Where something lies in its space, as the site tells it."""

    path: str
    is_folder: bool


def told_places(reply: Any) -> dict[str, Told]:
    """Path and kind by the id of the share or link, where the site tells them beside the list."""
    told = opaque_text(reply, PLACES)
    try:
        return {
            str(share): Told(str(path), bool(folder))
            for share, (path, folder) in json.loads(told or "{}").items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


class Located(SiteClient):
    """From paths in a space to mesh paths."""

    async def _placed(self, shared: S, told: Told | None) -> S:
        """A share or link with the path, and for a share the name and kind, that the site told beside the list."""
        if told is None:
            return shared
        resource = shared.resource
        path = await self._path_in(f"{resource.storage}${resource.space}", told.path)
        if isinstance(shared, Link):
            return replace(shared, path=path)
        kind = Kind.DIRECTORY if told.is_folder else Kind.FILE
        name = clean_name(name_of(told.path)) or name_of(path)
        return replace(shared, name=name, kind=kind, path=path)

    async def _path_in(self, tree: str, path: str) -> str:
        """The mesh path of a path in a tree, as the site tells both; "" for a tree of somebody else."""
        path = path.strip("/")
        if not (await self.flavour()).has_spaces:
            return path if path.startswith((f"{HOME}/", f"{PROJECTS}/")) else ""
        for entries in (self._my_home, partial(self._places.listed, SpaceKind.PROJECT)):
            for entry in await entries():
                root = entry.space.root
                if root and f"{root.storage}${root.space}" == tree:
                    return join(entry.space.path, path)
        return ""

    async def _my_home(self) -> list[Entry]:
        return [await self._places.home()]
