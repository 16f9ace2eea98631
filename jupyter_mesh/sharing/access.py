"""Who has access to one thing, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.models import Grantee, Kind, Link, ResourceId, Role

__all__ = ["Access", "AccessLink", "AccessRow", "Folder", "Via"]


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
