"""Projects as values: their members as somebody wants them and as they are, and what lies between the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from jupyter_mesh.models import Grantee, GranteeKind, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from jupyter_mesh.models import Share
    from jupyter_mesh.sharing.manifests import Listed, Manifest

__all__ = [
    "Action",
    "Member",
    "MemberState",
    "Plan",
    "Project",
    "Step",
    "Wanted",
    "agrees",
    "called",
    "key_of",
    "shares_of",
    "steps_to",
]

WORDS = {Role.VIEWER: "can view", Role.EDITOR: "can edit", Role.UPLOADER: "can upload"}


class MemberState(StrEnum):
    """How the share of a member is."""

    ACTIVE = "active"
    PENDING = "pending"
    """Sent, and not accepted yet, as far as the site tells."""
    MISSING = "missing"
    """In the list of members, and without a share: repair makes it."""
    FAILED = "failed"
    LEAVING = "leaving"
    """Not in the list any more, and still with a share: repair ends it."""
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
    expires: datetime | None = None
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
    version: str = ""
    """Another one for other members: ``Projects.change`` refuses a change of what somebody has changed since."""

    has_drifted: bool = False
    """True if shares and the list of members differ, so that a repair would do something."""


def steps_to(
    record: Manifest | None, wanted: Iterable[Listed], shares: Sequence[Share], *, path: str = ""
) -> Iterator[Step]:
    """What differs between the members that are wanted and the shares that are there."""
    there = {
        key_of(share.grantee): share
        for share in (shares_of(record, shares) if record is not None else shares)
    }
    keys = set()
    for member in wanted:
        keys.add(key_of(member.who))
        share = there.get(key_of(member.who))
        if share is not None and agrees(member, share):
            continue
        if member.expires is not None and member.expires <= datetime.now(UTC):
            continue
        may = WORDS[member.role]
        yield Step(
            action=Action.SHARE if share is None else Action.UPDATE,
            who=member.who,
            role=member.role,
            expires=member.expires,
            message=f"{called(member.who)} {may}.",
        )
    if record is None:
        return
    for who in (*(member.who for member in record.members), *record.leaving):
        if key_of(who) in there and key_of(who) not in keys:
            keys.add(key_of(who))
            yield Step(
                action=Action.REMOVE,
                who=who,
                message=f"{called(who)} loses access. Copies already taken stay with them.",
            )


def shares_of(record: Manifest, shares: Iterable[Share]) -> list[Share]:
    """The shares of the folder of a project."""
    folder = record.resource
    return [
        share
        for share in shares
        if (share.path and share.path == record.path)
        or (
            folder is not None
            and (share.resource.storage, share.resource.opaque) == (folder.storage, folder.opaque)
        )
    ]


def agrees(member: Listed, share: Share) -> bool:
    if member.role is not share.role:
        return False
    if member.expires is None or share.expires is None:
        return member.expires is share.expires
    return abs((member.expires - share.expires).total_seconds()) < 1


def key_of(who: Grantee) -> str:
    """What tells people apart: sites leave the identity provider of their own people out."""
    return f"{who.kind}:{who.id}" + (f"@{who.idp}" if who.kind is GranteeKind.CONTACT else "")


def called(who: Grantee) -> str:
    """How a sentence names somebody, with the site of somebody at another one."""
    name = who.name or who.username or who.id
    return f"{name} ({who.idp})" if who.kind is GranteeKind.CONTACT else name
