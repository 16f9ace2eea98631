"""Finding a file by its id: under the name that this user knows it by, wherever its owner keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, NotAllowed, NotFound
from jupyter_mesh.models import ResourceId, SpaceKind
from jupyter_mesh.paths import BY_ID, MeshPath, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["find"]

DEEPEST = 100
"""Folders that are walked up at most: no site lets anybody nest deeper by hand."""


async def find(client: MeshClient, id: ResourceId, hints: Iterable[str] = ()) -> str:
    """The mesh path of a resource: in the home, in a project, or in a received share.

    ``hints`` are mesh paths where it may be. They save work, and never lead to anything else. Raises NotFound for
    what is not there, or not for this user.
    """
    for hint in hints:
        if await _is_at(client, hint, id):
            return hint
    path = (await client.locate(id)).path
    if not path.startswith(f"{BY_ID}/") and await _is_at(client, path, id):
        return path
    if shared := await _below_a_share(client, id):
        return shared
    raise NotFound("This link leads to something that is in none of your folders.")


async def _is_at(client: MeshClient, path: str, id: ResourceId) -> bool:
    try:
        parsed = MeshPath.parse(path)
        return not parsed.is_area and (await client.stat(path)).id == id
    except (InvalidRequest, NotFound, NotAllowed):
        return False


async def _below_a_share(client: MeshClient, id: ResourceId) -> str:
    """The path below ``shares/``; "" for what is in no share."""
    roots = {
        space.root: space.path
        for space in await client.spaces()
        if space.kind is SpaceKind.SHARE and space.root is not None
    }
    return await _walked_up(client, id, roots) or await _by_paths(client, id, roots)


async def _walked_up(client: MeshClient, id: ResourceId, roots: dict[ResourceId, str]) -> str:
    """The path, where folders say what holds them."""
    here: ResourceId | None = id
    names: list[str] = []
    for _ in range(DEEPEST):
        if here is None or here in roots:
            break
        try:
            resource = await client.stat(f"{BY_ID}/{here}")
        except LoginEnded:
            raise
        except MeshError:
            # Above what is shared sites say that nothing is there, that it is not allowed, or that they failed.
            return ""
        names.insert(0, resource.name)
        here = resource.parent if resource.parent != here else None
    return join(roots[here], *names) if here in roots else ""


async def _by_paths(client: MeshClient, id: ResourceId, roots: dict[ResourceId, str]) -> str:
    """The path, where the site tells that of an id."""
    if (await client.flavour()).has_spaces:
        return ""
    for root, path in roots.items():
        way = await client.way(root, id)
        if way is not None and await _is_at(client, found := join(path, way), id):
            return found
    return ""
