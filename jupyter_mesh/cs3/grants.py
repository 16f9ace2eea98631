"""Protobuf <-> our models for what is shared inside one site: people, roles, shares and links.

Roles are computed from what a grant allows and never from its name: every site has names of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cs3.identity.group.v1beta1 import resources_pb2 as groups
from cs3.identity.user.v1beta1 import resources_pb2 as users
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.cs3.wire import (
    FOLDERS,
    clean_name,
    opaque_text,
    resource_id_of,
    time_of,
    told_name,
)
from jupyter_mesh.models import (
    Grantee,
    GranteeKind,
    Kind,
    Link,
    ReceivedShare,
    ResourceId,
    Role,
    Share,
    ShareState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "grantee_of",
    "grantee_to",
    "group_of",
    "has_ended",
    "link_of",
    "permissions_to",
    "person_of",
    "received_of",
    "role_of",
    "share_of",
    "stamp_of",
    "state_to",
    "user_id_to",
]

_VIEWER = (
    "get_path",
    "get_quota",
    "initiate_file_download",
    "list_container",
    "list_file_versions",
    "list_grants",
    "list_recycle",
    "stat",
)
_EDITOR = (
    *_VIEWER,
    "create_container",
    "delete",
    "initiate_file_upload",
    "move",
    "restore_file_version",
    "restore_recycle_item",
)
_GRANTS: Mapping[Role, tuple[str, ...]] = {
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.UPLOADER: ("create_container", "get_path", "initiate_file_upload", "stat"),
    # Only projects have several of them.
    Role.OWNER: (*_EDITOR, "add_grant", "purge_recycle", "remove_grant", "update_grant"),
}

_STATES = {
    shares.SHARE_STATE_ACCEPTED: ShareState.ACCEPTED,
    shares.SHARE_STATE_REJECTED: ShareState.DECLINED,
}
_ANSWERS = {
    ShareState.PENDING: shares.SHARE_STATE_PENDING,
    ShareState.ACCEPTED: shares.SHARE_STATE_ACCEPTED,
    ShareState.DECLINED: shares.SHARE_STATE_REJECTED,
}

_PEOPLE = {
    users.USER_TYPE_INVALID,
    users.USER_TYPE_PRIMARY,
    users.USER_TYPE_SECONDARY,
    users.USER_TYPE_LIGHTWEIGHT,
}
LONGEST_NOTE = 1000
NOWHERE = ResourceId(storage="", opaque="")
"""Of a share whose resource the site does not name."""


def permissions_to(role: Role) -> Any:
    """What a role allows; raises KeyError for CUSTOM."""
    return rs.ResourcePermissions(**dict.fromkeys(_GRANTS[role], True))


def role_of(allowed: Any) -> Role:
    """The role that says best what is allowed."""
    if allowed.initiate_file_upload and allowed.initiate_file_download:
        return Role.OWNER if allowed.add_grant and allowed.remove_grant else Role.EDITOR
    if allowed.initiate_file_download:
        return Role.VIEWER
    if allowed.initiate_file_upload and not allowed.delete:
        return Role.UPLOADER
    return Role.CUSTOM


def stamp_of(when: datetime) -> Any:
    return types.Timestamp(seconds=int(when.timestamp()))


def has_ended(expires: datetime | None, since: float = 0.0) -> bool:
    """True once its time is over, for ``since`` seconds: not every site ends it by itself."""
    return expires is not None and expires <= datetime.now(UTC) - timedelta(seconds=since)


def user_id_to(opaque_id: str, idp: str = "") -> Any:
    return users.UserId(opaque_id=opaque_id, idp=idp, type=users.USER_TYPE_PRIMARY)


def grantee_to(grantee: Grantee) -> Any:
    """A user or a group of this site."""
    if grantee.kind is GranteeKind.GROUP:
        group = groups.GroupId(
            opaque_id=grantee.id, idp=grantee.idp, type=groups.GROUP_TYPE_REGULAR
        )
        return rs.Grantee(type=rs.GRANTEE_TYPE_GROUP, group_id=group)
    return rs.Grantee(type=rs.GRANTEE_TYPE_USER, user_id=user_id_to(grantee.id, grantee.idp))


def grantee_of(message: Any) -> Grantee:
    """With the names that our node tells beside the id (``display-name`` and ``username`` in the Opaque)."""
    if message.WhichOneof("id") == "group_id":
        group = message.group_id
        return Grantee(kind=GranteeKind.GROUP, id=group.opaque_id, idp=group.idp)
    return replace(
        _user(message.user_id),
        name=clean_name(opaque_text(message, "display-name")),
        username=clean_name(opaque_text(message, "username")),
    )


def _user(user_id: Any) -> Grantee:
    return Grantee(kind=GranteeKind.USER, id=user_id.opaque_id, idp=user_id.idp)


def person_of(user: Any) -> Grantee | None:
    """A user as one can share with them: no mail, no groups. None for programs, guests and people elsewhere."""
    if user.id.type not in _PEOPLE or not user.id.opaque_id:
        return None
    name = clean_name(user.display_name or user.username)
    return Grantee(
        kind=GranteeKind.USER,
        id=user.id.opaque_id,
        idp=user.id.idp,
        name=name,
        username=clean_name(user.username),
    )


def group_of(group: Any) -> Grantee:
    """A group; its members are counted where the site names them, and not kept."""
    return Grantee(
        kind=GranteeKind.GROUP,
        id=group.id.opaque_id,
        idp=group.id.idp,
        name=clean_name(group.display_name or group.group_name),
        username=clean_name(group.group_name),
        members=len(group.members) or None,
    )


def share_of(share: Any, info: Any = None, path: str = "") -> Share:
    """A share with a user or group; ``info`` is what the site told of the resource."""
    name, kind = _told(info)
    return Share(
        id=share.id.opaque_id,
        resource=resource_id_of(share.resource_id) or NOWHERE,
        grantee=grantee_of(share.grantee),
        role=role_of(share.permissions.permissions),
        owner=_user(share.owner),
        creator=_user(share.creator),
        created=_moment(share, "ctime"),
        expires=_moment(share, "expiration"),
        note=_note(share.description),
        name=name,
        kind=kind,
        path=path,
    )


def _note(text: str) -> str:
    """A note as it may be shown: lines of text, not too many."""
    return "".join(char for char in text if char.isprintable() or char == "\n")[:LONGEST_NOTE]


def received_of(received: Any, info: Any, path: str, name: str) -> ReceivedShare:
    """A share that was received; ``path`` is where it is opened, "" where it cannot be."""
    share = received.share
    told, kind = _told(info)
    return ReceivedShare(
        id=share.id.opaque_id,
        name=clean_name(name or told),
        kind=kind,
        resource=resource_id_of(share.resource_id),
        owner=_user(share.owner),
        sender=_user(share.creator if share.creator.opaque_id else share.owner),
        role=role_of(share.permissions.permissions),
        state=_STATES.get(received.state, ShareState.PENDING),
        is_hidden=received.hidden,
        created=_moment(share, "ctime"),
        expires=_moment(share, "expiration"),
        path=path,
    )


def state_to(state: ShareState) -> int:
    """Raises KeyError for WITHDRAWN, which nobody can answer."""
    number: int = _ANSWERS[state]
    return number


def link_of(share: Any, url: str, path: str = "") -> Link:
    """A public link that leads to ``url``."""
    return Link(
        id=share.id.opaque_id,
        resource=resource_id_of(share.resource_id) or NOWHERE,
        role=role_of(share.permissions.permissions),
        url=url,
        has_password=share.password_protected,
        name=clean_name(share.display_name or share.description),
        created=_moment(share, "ctime"),
        expires=_moment(share, "expiration"),
        path=path,
    )


def _told(info: Any) -> tuple[str, Kind | None]:
    if info is None or not info.type:
        return "", None
    return told_name(info), Kind.DIRECTORY if info.type in FOLDERS else Kind.FILE


def _moment(message: Any, field: str) -> datetime | None:
    """A time, where it is set: sites write 0 for none, too."""
    stamp = getattr(message, field)
    return time_of(stamp) if stamp.seconds else None
