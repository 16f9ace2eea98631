"""Who has access to one thing, and why."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, NotSupported
from jupyter_mesh.models import Grantee, GranteeKind, Role
from jupyter_mesh.paths import HOME, PROJECTS, SHARES, MeshPath, name_of, parent_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence
    from typing import TypeVar

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Kind, Link, Resource, ResourceId, Share, User

    T = TypeVar("T")

__all__ = ["Access", "AccessLink", "AccessRow", "Folder", "Via", "who_has_access"]


class Via(StrEnum):
    """Why somebody has access."""

    DIRECT = "direct"
    """It is shared with this person."""
    GROUP = "group"
    """It is shared with this group: all of its members have access."""
    INHERITED = "inherited"
    """A folder above is shared with this person or group."""
    PROJECT = "project"
    """This person or group is a member of the project that holds it."""


class Folder(NamedTuple):
    """A folder above, where access comes from and can be changed."""

    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """Access of one person or group, beside the owner's."""

    who: Grantee
    role: Role
    via: Via
    share_id: str = ""
    """Id for ``Sharing.update`` and ``Sharing.remove``; "" where it is not a share of the user's."""
    source: Folder | None = None
    """The folder above that is shared; None for what is shared itself."""
    expires: datetime | None = None
    note: str = ""
    can_change: bool = False
    can_remove: bool = False


class AccessLink(NamedTuple):
    """A link to the thing itself, or to the folder above that ``source`` names."""

    link: Link
    source: Folder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who has access to one thing, as far as the site tells the user."""

    path: str
    name: str
    kind: Kind
    id: ResourceId | None
    role: Role
    """What the user may do with it."""
    can_share: bool
    why_not: str = ""
    """Why the user cannot share it, in one sentence; "" where that is possible."""
    owner: Grantee | None = None
    rows: tuple[AccessRow, ...] = ()
    links: tuple[AccessLink, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be asked, each in one sentence: the answer lacks that part."""


class _Level(NamedTuple):
    """A folder on the way up, or the thing itself: by its path and, where it is known, its id."""

    path: str
    id: ResourceId | None

    def is_of(self, share: Share | Link) -> bool:
        if share.path:
            return share.path == self.path
        mine, other = self.id, share.resource
        # Reva leaves the id of the space out of federated shares.
        return mine is not None and (mine.storage, mine.opaque) == (other.storage, other.opaque)


async def who_has_access(client: MeshClient, path: str, local: str, federated: str) -> Access:
    """Who has access to one thing, and why: Stat and three listings, whatever the number of shares.

    Deep in a site of spaces, folders on the way up are looked at as well where shares of unknown folders could be
    theirs. People who were never met are asked for by name, once. ``local`` and ``federated`` are what ids
    begin with.
    """
    parsed = MeshPath.parse(path)
    if parsed.is_area:
        raise InvalidRequest(f'"{path}" holds what can be shared. Choose something in it.')
    me, thing, root = await asyncio.gather(
        client.me(), client.stat(str(parsed)), client.root_of(path)
    )
    levels = _levels(str(parsed), thing, root)
    is_project = parsed.area == PROJECTS
    if is_project:
        # Others share here, too. What they share is told for each resource alone.
        levels = await _all_known(client, levels)
        mine = client.shares_of([level.id for level in levels if level.id is not None])
    else:
        mine = client.shares()
    problems: list[str] = []
    shares, remote, links = await asyncio.gather(
        _or_problem(mine, "What is shared at this site", problems),
        _or_problem(client.federated_shares(), "What is shared with other sites", problems),
        _or_problem(client.links(), "Links", problems),
    )
    levels = await _completed(client, levels, [*(shares or ()), *(remote or ()), *(links or ())])
    owner = await _owner(client, me, thing)
    is_owner = owner is not None and owner.id == me.id
    may = is_owner or thing.permissions.share
    rows: list[AccessRow] = []
    for prefix, told in ((local, shares), (federated, remote)):
        for share in told or ():
            level = next((n for n, one in enumerate(levels) if one.is_of(share)), None)
            if level is None or _has_ended(share):
                continue
            rows.append(_row(share, levels, level, prefix, me, may=may))
    who = await asyncio.gather(*(client.user(row.who) for row in rows))
    rows = [replace(row, who=person) for row, person in zip(rows, who, strict=True)]
    rows.sort(key=lambda row: (row.source is not None, row.who.name.casefold(), row.who.key))
    ways = (shares, remote, links)
    why_not = _why_not(may, owner, thing, any(told is not None for told in ways))
    return Access(
        path=thing.path,
        name=thing.name,
        kind=thing.kind,
        id=thing.id,
        role=Role.OWNER if is_owner else _role(thing, is_project=is_project),
        can_share=not why_not,
        why_not=why_not,
        owner=owner,
        rows=tuple(rows),
        links=tuple(_links(links or (), levels)),
        problems=tuple(problems),
    )


def _levels(path: str, thing: Resource, root: ResourceId | None) -> list[_Level]:
    """The thing and the folders above it, as far as they can be shared."""
    levels = [_Level(path, thing.id)]
    parsed = MeshPath.parse(path)
    top = str(MeshPath(parsed.area, parsed.space))
    while path != top and (path := parent_of(path)):
        if path == top:
            if parsed.area != HOME:
                levels.append(_Level(path, root))
            break
        levels.append(_Level(path, thing.parent if len(levels) == 1 else None))
    return levels


async def _completed(
    client: MeshClient, levels: list[_Level], told: Sequence[Share | Link]
) -> list[_Level]:
    """The same with all ids, if something that is shared could be one of the folders whose id is unknown."""
    if all(level.id is not None for level in levels) or levels[0].id is None:
        return levels
    here = levels[0].id
    unexplained = [
        share
        for share in told
        if not share.path
        and share.resource.storage == here.storage
        # Reva leaves the id of the space out of its lists.
        and share.resource.space in ("", here.space)
        and not any(level.is_of(share) for level in levels)
    ]
    return await _all_known(client, levels) if unexplained else levels


async def _all_known(client: MeshClient, levels: list[_Level]) -> list[_Level]:
    async def completed(level: _Level) -> _Level:
        return level if level.id else _Level(level.path, (await client.stat(level.path)).id)

    return list(await asyncio.gather(*map(completed, levels)))


async def _or_problem(asked: Awaitable[list[T]], what: str, problems: list[str]) -> list[T] | None:
    """What was asked for; nothing where it fails, which is told; None where the site has no such thing."""
    try:
        return await asked
    except NotSupported:
        return None
    except LoginEnded:
        raise
    except MeshError:
        problems.append(f"{what} could not be listed. Try again in a moment.")
        return []


async def _owner(client: MeshClient, me: User, thing: Resource) -> Grantee | None:
    if thing.owner == me.id or (not thing.owner and thing.path.startswith(HOME)):
        return Grantee(
            kind=GranteeKind.USER,
            id=me.id,
            idp=me.idp,
            name=me.display_name,
            username=me.username,
        )
    if thing.path.startswith(SHARES) and (remote := await client.remote_owner(thing.path)):
        return remote
    if not thing.owner:
        return None
    owner = await client.user(Grantee(kind=GranteeKind.USER, id=thing.owner))
    # Projects belong to themselves on some sites: that is nobody.
    return owner if owner.name else None


def _row(
    share: Share, levels: list[_Level], level: int, prefix: str, me: User, *, may: bool
) -> AccessRow:
    above = levels[level].path
    is_project = above.startswith(PROJECTS) and not MeshPath.parse(above).rel
    if is_project:
        via = Via.PROJECT
    elif level:
        via = Via.INHERITED
    else:
        via = Via.GROUP if share.grantee.kind is GranteeKind.GROUP else Via.DIRECT
    can = not level and (may or me.id in (share.creator.id, share.owner.id))
    return AccessRow(
        who=share.grantee,
        role=share.role,
        via=via,
        share_id=prefix + share.id,
        source=Folder(above, name_of(above)) if level else None,
        expires=share.expires,
        note=share.note,
        can_change=can,
        can_remove=can,
    )


def _links(links: Iterable[Link], levels: list[_Level]) -> list[AccessLink]:
    found = []
    for link in links:
        for number, level in enumerate(levels):
            if level.is_of(link):
                source = Folder(level.path, name_of(level.path)) if number else None
                found.append(AccessLink(replace(link, path=level.path), source))
    found.sort(key=lambda one: one.source is not None)
    return found


def _why_not(may: bool, owner: Grantee | None, thing: Resource, has_ways: bool) -> str:
    """Why the user cannot share something; "" if that is possible."""
    if thing.path == HOME:
        return "Your home as a whole cannot be shared. Choose something in it."
    if not may:
        who = owner.name if owner is not None else "its owner"
        return f'You cannot share "{thing.name}": only {who} can.'
    return "" if has_ways else "This site shares with nobody."


def _role(thing: Resource, *, is_project: bool) -> Role:
    allowed = thing.permissions
    if allowed.read and allowed.write:
        return Role.OWNER if is_project and allowed.share else Role.EDITOR
    if allowed.read:
        return Role.VIEWER
    return Role.UPLOADER if allowed.write else Role.CUSTOM


def _has_ended(share: Share) -> bool:
    return share.expires is not None and share.expires <= datetime.now(UTC)
