"""Protobuf <-> our models. Nothing else of the project reads or builds messages of files.

Servers differ in what they fill and in which unit: every conversion here takes what real ones were seen
to send (``facts/cs3.md`` §5 and §6). No message may be printed: its text holds secrets.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.models import Checksum, Child, Kind, Lock, Permissions, Resource, ResourceId, User
from jupyter_mesh.paths import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "checksum_text",
    "children_of",
    "clean_name",
    "etag_of",
    "is_stand_in",
    "listed_of",
    "lock_of",
    "lock_to",
    "opaque",
    "opaque_text",
    "reference",
    "resource_id_of",
    "resource_id_to",
    "resource_of",
    "seconds",
    "time_of",
    "told_name",
    "user_of",
]

EPOCH = datetime.fromtimestamp(0, UTC)
MILLISECONDS_FROM = 10**11
"""Above this, a number of seconds lies in the year 5138: the site sent milliseconds."""

UNSAID = 2**64 - 1

STAND_IN = "mtime-"
"""What the etag of a file begins with that comes from another site, and that no site gave one."""

FOLDERS = {rs.RESOURCE_TYPE_CONTAINER, rs.RESOURCE_TYPE_REFERENCE}

HEX = re.compile("[0-9a-fA-F]+")

HOLDER = "jupyter-mesh.holder"
LONGEST_NAME = 100

CHECKSUMS = {
    rs.RESOURCE_CHECKSUM_TYPE_SHA1: "sha1",
    rs.RESOURCE_CHECKSUM_TYPE_MD5: "md5",
    rs.RESOURCE_CHECKSUM_TYPE_ADLER32: "adler32",
}


def reference(root: ResourceId | None, path: str) -> Any:
    """The one place that builds references.

    With a root, ``path`` is relative to it and "" means the root itself: "." is sent, since an id with an
    empty path gives other answers, or none (``facts/opencloud.md`` §2). Without one, ``path`` is absolute.
    """
    if root is None:
        return rs.Reference(path=path)
    return rs.Reference(resource_id=resource_id_to(root), path=f"./{path}" if path else ".")


def resource_id_of(message: Any) -> ResourceId | None:
    """None where the site left the id empty."""
    if not message.opaque_id or not message.storage_id:
        return None
    return ResourceId(storage=message.storage_id, space=message.space_id, opaque=message.opaque_id)


def resource_id_to(value: ResourceId) -> Any:
    return rs.ResourceId(storage_id=value.storage, space_id=value.space, opaque_id=value.opaque)


def opaque(entries: dict[str, str]) -> Any:
    """An Opaque of plain entries."""
    return types.Opaque(
        map={
            key: types.OpaqueEntry(decoder="plain", value=value.encode())
            for key, value in entries.items()
        }
    )


def opaque_text(message: Any, key: str) -> str:
    """A plain entry of the Opaque, or ""."""
    entry = message.opaque.map.get(key)
    return entry.value.decode(errors="replace") if entry is not None else ""


def seconds(number: float) -> datetime:
    """A time from seconds, or from milliseconds where seconds belong."""
    number = number / 1000 if number > MILLISECONDS_FROM else number
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return EPOCH


def time_of(stamp: Any) -> datetime:
    return seconds(stamp.seconds + stamp.nanos / 1e9)


def etag_of(text: str) -> str:
    """Without ``W/`` and quotes, which sites add or leave out as they like."""
    return text.removeprefix("W/").strip('"')


def is_stand_in(etag: str) -> bool:
    """True for an etag that the site did not give: it is never sent to one."""
    return etag.startswith(STAND_IN)


def user_of(message: Any) -> User:
    return User(
        id=message.id.opaque_id,
        idp=message.id.idp,
        username=message.username,
        display_name=message.display_name or message.username,
    )


def lock_of(message: Any) -> Lock:
    return Lock(
        id=message.lock_id,
        app=message.app_name,
        user=message.user.opaque_id,
        holder=clean_name(opaque_text(message, HOLDER)),
        expires=time_of(message.expiration) if message.HasField("expiration") else None,
    )


def lock_to(lock_id: str, app: str, expires: datetime, holder: str = "") -> Any:
    """A WRITE lock without a user (``facts/collaboration.md`` §9.4); the expiration is always sent.

    The name of its holder stands in the Opaque, which OpenCloud keeps: with a user in the lock, nobody else
    who works in the same room could refresh it.
    """
    return rs.Lock(
        opaque=opaque({HOLDER: holder}) if holder else None,
        lock_id=lock_id,
        type=rs.LOCK_TYPE_WRITE,
        app_name=app,
        expiration=types.Timestamp(seconds=int(expires.timestamp())),
    )


def clean_name(text: str) -> str:
    """A name that somebody else wrote, as it may be shown: one line, not too long."""
    if not text.isprintable():
        text = "".join(char for char in text if char.isprintable())
    return text[:LONGEST_NAME]


def checksum_text(checksum: Checksum) -> str:
    """As ``Upload-Checksum`` wants it."""
    return f"{checksum.algorithm} {checksum.value}"


def resource_of(info: Any, path: str, name: str = "") -> Resource:
    """A resource under the mesh path it was asked for, which ends in its name unless one is given."""
    directory = info.type in FOLDERS
    # A listing makes ten thousands of these: what is not set is not looked at, and equal parts are shared.
    return Resource(
        path=path,
        name=name or name_of(path),
        kind=Kind.DIRECTORY if directory else Kind.FILE,
        modified=time_of(info.mtime),
        etag=etag_of(info.etag) or ("" if directory else _stand_in_of(info)),
        id=resource_id_of(info.id),
        parent=resource_id_of(info.parent_id) if info.HasField("parent_id") else None,
        size=info.size,
        mimetype="" if directory else info.mime_type,
        checksum=_checksum_of(info.checksum) if info.HasField("checksum") else None,
        permissions=_permissions_of(info.permission_set.SerializeToString(), directory),
        owner=info.owner.opaque_id if info.HasField("owner") else "",
        lock=lock_of(info.lock) if info.HasField("lock") and info.lock.lock_id else None,
        processing=info.HasField("opaque") and opaque_text(info, "status") == "processing",
        metadata=(
            dict(info.arbitrary_metadata.metadata) if info.HasField("arbitrary_metadata") else {}
        ),
    )


def _stand_in_of(info: Any) -> str:
    """What changes when somebody else saves a file, at the latest a second after it was read."""
    return f"{STAND_IN}{info.mtime.seconds}.{info.mtime.nanos}-{info.size}"


@lru_cache(maxsize=256)
def _permissions_of(message: bytes, directory: bool) -> Permissions:
    """What a serialised set of permissions allows with a folder or a file."""
    allowed = rs.ResourcePermissions.FromString(message)
    return Permissions(
        read=allowed.list_container if directory else allowed.initiate_file_download,
        write=allowed.create_container if directory else allowed.initiate_file_upload,
        create=allowed.create_container,
        delete=allowed.delete,
        move=allowed.move,
        share=allowed.add_grant,
        list_versions=allowed.list_file_versions,
        restore_version=allowed.restore_file_version,
    )


def listed_of(infos: Any, folder: str) -> list[Resource]:
    """The entries of a folder, by name. What the site keeps for itself is left out."""
    found = [resource_of(info, f"{folder}/{name}") for name, _, info in _shown(infos)]
    found.sort(key=attrgetter("name"))
    return found


def children_of(infos: Any, folder: str) -> list[Child]:
    """As ``listed_of``, with no more than is shown, in half the time."""
    children = []
    for name, kind, info in _shown(infos):
        directory = kind in FOLDERS
        children.append(
            Child(
                name,
                directory,
                info.size,
                time_of(info.mtime),
                _permissions_of(info.permission_set.SerializeToString(), directory),
                resource_of(info, f"{folder}/{name}")
                if directory or info.HasField("lock")
                else None,
            )
        )
    children.sort(key=attrgetter("name"))
    return children


def _shown(infos: Any) -> Iterator[tuple[str, int, Any]]:
    """Name, type and message of each entry that is not the site's own."""
    for info in infos:
        name, kind = told_name(info).strip("/"), info.type
        # No name, but a way out of the folder: who copies the folder would write elsewhere.
        if "/" in name or name in (".", ".."):
            continue
        if name and kind != rs.RESOURCE_TYPE_INTERNAL:
            yield name, kind, info


def told_name(info: Any) -> str:
    """The name that the site tells: in ``name``, or at the end of a path of whatever form."""
    name: str = info.name or name_of(info.path.rstrip("/"))
    return name


def _checksum_of(message: Any) -> Checksum | None:
    algorithm = CHECKSUMS.get(message.type)
    if algorithm is None or not HEX.fullmatch(message.sum):
        return None
    return Checksum(algorithm=algorithm, value=message.sum.lower())
