"""Where what is shared lies, as a site tells it beside its lists: without it, every share is asked for by id."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.wire import clean_name, opaque_text
from jupyter_mesh.models import Kind, Link, Share, SpaceKind
from jupyter_mesh.paths import HOME, PROJECTS, join, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    async def _placed(self, listed: list[tuple[S, Told | None]]) -> list[S]:
        """Shares or links with the paths, and for shares the names and kinds, that the site told beside the list."""
        trees = {_tree_of(shared) for shared, told in listed if told is not None}
        tops = {tree: await self._top_of(tree) for tree in trees}
        return await asyncio.to_thread(_each_placed, listed, tops)

    async def _path_in(self, tree: str, path: str) -> str:
        """The mesh path of a path in a tree, as the site tells both; "" for a tree of somebody else."""
        return _path_below(await self._top_of(tree), path)

    async def _top_of(self, tree: str) -> str | None:
        """The mesh path of the root of a tree; "" where the site tells whole paths, None for one of somebody else."""
        if not (await self.flavour()).has_spaces:
            return ""
        for entries in (self._my_home, partial(self._places.listed, SpaceKind.PROJECT)):
            for entry in await entries():
                root = entry.space.root
                if root and f"{root.storage}${root.space}" == tree:
                    return entry.space.path
        return None

    async def _my_home(self) -> list[Entry]:
        return [await self._places.home()]


def _tree_of(shared: Share | Link) -> str:
    return f"{shared.resource.storage}${shared.resource.space}"


def _path_below(top: str | None, path: str) -> str:
    path = path.strip("/")
    if top:
        return join(top, path)
    return path if top == "" and path.startswith((f"{HOME}/", f"{PROJECTS}/")) else ""


def _each_placed(listed: list[tuple[S, Told | None]], tops: Mapping[str, str | None]) -> list[S]:
    found: list[S] = []
    for shared, told in listed:
        if told is None:
            found.append(shared)
            continue
        path = _path_below(tops[_tree_of(shared)], told.path)
        if isinstance(shared, Link):
            found.append(replace(shared, path=path))
            continue
        kind = Kind.DIRECTORY if told.is_folder else Kind.FILE
        name = clean_name(name_of(told.path)) or name_of(path)
        found.append(replace(shared, name=name, kind=kind, path=path))
    return found
