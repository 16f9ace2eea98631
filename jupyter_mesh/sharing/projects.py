"""Projects across sites: a folder with members at several sites, one share for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jupyter_mesh.models import Grantee, Role
    from jupyter_mesh.sharing.facade import Sharing

__all__ = ["Action", "Member", "MemberState", "Plan", "Project", "Projects", "Step", "Wanted"]


class MemberState(StrEnum):
    """How the share of a member is."""

    ACTIVE = "active"
    PENDING = "pending"
    """Sent, and not accepted yet, as far as the site tells."""
    MISSING = "missing"
    """In the list of members, and without a share: repair makes it."""
    FAILED = "failed"
    LEFT = "left"


class Action(StrEnum):
    """What a step of a plan does."""

    CREATE = "create"
    SHARE = "share"
    UPDATE = "update"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A member as somebody wants it."""

    who: Grantee
    role: Role
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that carrying out a plan will do."""

    action: Action
    who: Grantee | None = None
    role: Role | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in this order. Nothing is sent before it is carried out."""

    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as it is."""

    who: Grantee
    role: Role
    state: MemberState
    message: str = ""
    share_id: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as it is."""

    id: str
    path: str
    name: str
    role: Role
    """What the user is in it: OWNER may change it."""
    members: tuple[Member, ...] = ()

    @property
    def has_drifted(self) -> bool:
        """True if shares and the list of members differ, so that a repair would do something."""
        raise NotImplementedError


class Projects:
    """The projects of a user."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    async def list(self) -> list[Project]:
        """All projects that the user owns or is a member of."""
        raise NotImplementedError

    async def get(self, project: str) -> Project:
        """One project by id, with its members. Raises NotFound."""
        raise NotImplementedError

    async def plan(self, name: str, members: Sequence[Wanted], *, path: str = "") -> Plan:
        """What ``create`` (without a path) or ``change`` (with that of a project) would do."""
        raise NotImplementedError

    async def create(self, name: str, members: Sequence[Wanted], *, path: str = "") -> Project:
        """Make a project. Members that could not be reached are FAILED, with the reason; ``repair`` tries again."""
        raise NotImplementedError

    async def change(self, project: str, members: Sequence[Wanted]) -> Project:
        """Give a project these members. Only its owner can. Raises NotAllowed."""
        raise NotImplementedError

    async def repair(self, project: str) -> Project:
        """Make the shares agree with the list of members again. Only its owner can."""
        raise NotImplementedError

    async def leave(self, project: str) -> None:
        """Leave a project of somebody else."""
        raise NotImplementedError

    async def dissolve(self, project: str) -> None:
        """End a project: all shares go, the folder stays with its owner."""
        raise NotImplementedError
