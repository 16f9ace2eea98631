"""Our entries and people as protobuf messages."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from cs3.identity.user.v1beta1 import resources_pb2 as people
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.node.address import mount_of, path_id, resource_id
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.users import SpaceRow, UserRow, room_left

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Row

    from jupyter_mesh.node.entries import Entry
    from jupyter_mesh.node.flavours import Flavour
    from jupyter_mesh.node.rights import Rights
    from jupyter_mesh.node.site import Site

__all__ = [
    "Describer",
    "lock_message",
    "nanoseconds",
    "opaque",
    "opaque_text",
    "permissions",
    "read_seconds",
    "rights_in",
    "space_message",
    "timestamp",
    "user_id",
    "user_message",
]

_FOLDER_SIZE = 4096


def permissions(rights: Rights) -> resources.ResourcePermissions:
    """Rights as a message."""
    return resources.ResourcePermissions(**dict.fromkeys(rights, True))


def rights_in(message: resources.ResourcePermissions) -> Rights:
    """The rights of a message; what this version of CS3 does not know is left out."""
    return frozenset(field.name for field, _ in message.ListFields())


def timestamp(nanoseconds: int) -> types.Timestamp:
    """A point in time."""
    return types.Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def nanoseconds(message: Any, field: str) -> int:
    """A Timestamp in a message, in nanoseconds since 1970; 0 when it is not set."""
    if not message.HasField(field):
        return 0
    when = getattr(message, field)
    return int(min(when.seconds * 10**9 + when.nanos, 2**63 - 1))


def opaque(**values: str) -> types.Opaque:
    """An Opaque with plain texts."""
    return types.Opaque(
        map={
            key: types.OpaqueEntry(decoder="plain", value=value.encode())
            for key, value in values.items()
        }
    )


def opaque_text(message: types.Opaque, key: str) -> str:
    """A plain text out of an Opaque, or ""."""
    entry = message.map.get(key)
    return "" if entry is None else str(entry.value.decode(errors="replace"))


def read_seconds(text: str) -> int | None:
    """Nanoseconds of "seconds" or "seconds.fraction", None of ""; raises Refused(BAD_REQUEST)."""
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    if not (whole and (whole + fraction).isdigit() and text.isascii() and len(whole) < 11):
        raise Refused(Reason.BAD_REQUEST, "A time is a number of seconds since 1970.")
    nanoseconds = int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))
    if nanoseconds >= 2**63:
        raise Refused(Reason.BAD_REQUEST, "A time lies before the year 2262.")
    return nanoseconds


def user_id(site: Site, user: str) -> people.UserId:
    """The id of a user of this site."""
    return people.UserId(idp=site.federation.domain, opaque_id=user, type=people.USER_TYPE_PRIMARY)


def user_message(site: Site, user: UserRow) -> people.User:
    """A user of this site."""
    return people.User(
        id=user_id(site, user.id),
        username=user.name,
        display_name=user.display,
        mail=user.mail,
        groups=user.groups,
        uid_number=user.number,
        gid_number=user.number,
    )


def lock_message(site: Site, row: Row) -> resources.Lock:
    """A lock as the index holds it."""
    lock = resources.Lock(
        lock_id=row["lock"],
        type=row["kind"],
        app_name=row["app"],
        creation_time=timestamp(row["created"]),
    )
    if row["extra"]:
        lock.opaque.ParseFromString(row["extra"])
    if row["user"]:
        lock.user.CopyFrom(user_id(site, row["user"]))
    if row["expires"]:
        lock.expiration.CopyFrom(timestamp(row["expires"]))
    return lock


def space_message(
    site: Site, space: SpaceRow, rights: Rights, root: Entry
) -> resources.StorageSpace:
    """A space, as ListStorageSpaces answers it."""
    kind = space.kind
    message = resources.StorageSpace(name=space.name, space_type=kind, mtime=timestamp(root.mtime))
    if site.flavour.spaces:
        message.id.opaque_id = f"{site.storage_id}${space.id}!{space.id}"
        message.root.CopyFrom(resource_id(site, space, (), space.id))
        message.quota.quota_max_bytes = space.quota
        message.quota.remaining_bytes = room_left(space, root.size)
        message.opaque.CopyFrom(opaque(spaceAlias=f"{kind}/{space.name}", etag=f'"{root.etag}"'))
        message.root_info.CopyFrom(Describer(site, space, rights).info(root, (), "."))
    else:
        # Reva leaves the root unset: a client cannot take this for a site with spaces.
        known = resource_id(site, space, (), space.id)
        message.id.opaque_id = f"{known.storage_id}${known.space_id}"
        message.root_info.path = mount_of(site, space, space.owner)
    if space.owner:
        message.owner.id.CopyFrom(user_id(site, space.owner))
    return message


class Describer:
    """Turns entries of one space into ResourceInfo messages; what they have in common is made once."""

    def __init__(self, site: Site, space: SpaceRow, rights: Rights) -> None:
        self._site = site
        self._space = space
        self._flavour: Flavour = site.flavour
        template = resources.ResourceInfo(permission_set=permissions(rights))
        if space.owner:
            template.owner.CopyFrom(user_id(site, space.owner))
        template.space.space_type = space.kind
        if self._flavour.spaces:
            template.space.id.opaque_id = f"{site.storage_id}${space.id}!{space.id}"
            template.space.name = space.name
            template.id.storage_id = site.storage_id
            template.id.space_id = space.id
            template.parent_id.CopyFrom(template.id)
        else:
            template.id.CopyFrom(resource_id(site, space, (), ""))
            template.parent_id.space_id = template.id.space_id
        self._template = template.SerializeToString()

    def info(
        self,
        entry: Entry,
        names: Sequence[str],
        path: str,
        *,
        metadata: Mapping[str, str] | None = None,
        lock: Row | None = None,
    ) -> resources.ResourceInfo:
        """The message for an entry at ``names`` in the space."""
        info = resources.ResourceInfo()
        self.fill(info, entry, names, path, metadata=metadata, lock=lock)
        return info

    def fill(
        self,
        info: resources.ResourceInfo,
        entry: Entry,
        names: Sequence[str],
        path: str,
        *,
        metadata: Mapping[str, str] | None = None,
        lock: Row | None = None,
    ) -> None:
        """As ``info``, into an empty message: a long listing is made in place."""
        # Bytes are merged in half the time of a message.
        info.MergeFromString(self._template)
        info.type = (
            resources.RESOURCE_TYPE_CONTAINER if entry.folder else resources.RESOURCE_TYPE_FILE
        )
        info.etag = f'"{entry.etag}"'
        info.path = path
        info.mime_type = "httpd/unix-directory" if entry.folder else mime_type(entry.name)
        info.size = entry.size
        mtime = info.mtime
        mtime.seconds = entry.mtime // 10**9
        if self._flavour.spaces:
            info.id.opaque_id = entry.id
            info.name = entry.name or self._space.name
            mtime.nanos = entry.mtime % 10**9
            if entry.parent:
                info.parent_id.opaque_id = entry.parent
            else:
                info.ClearField("parent_id")
            if entry.sha1:
                info.checksum.type = resources.RESOURCE_CHECKSUM_TYPE_SHA1
                info.checksum.sum = entry.sha1
            if lock is not None:
                info.lock.CopyFrom(lock_message(self._site, lock))
        else:
            info.id.opaque_id = path_id(self._space, names)
            if entry.folder:
                info.size = _FOLDER_SIZE
        if metadata:
            info.arbitrary_metadata.metadata.update(metadata)


def mime_type(name: str) -> str:
    """The media type of a file name, by its extension alone."""
    _, dot, extension = name.rpartition(".")
    return mimetypes.types_map.get(dot + extension.lower(), "application/octet-stream")
