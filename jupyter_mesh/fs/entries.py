"""What fsspec is told of a file or folder, and what its content is known by."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_mesh.paths import BY_ID, HOME, SHARES

if TYPE_CHECKING:
    from jupyter_mesh.models import Permissions, Resource

__all__ = ["Entry", "entries_of", "entry_of", "state_of"]

BELOW_SHARES = f"{SHARES}/"

Entry = dict[str, Any]
"""The ``info`` of fsspec: plain values, which go into JSON and pickles."""


def entry_of(resource: Resource) -> Entry:
    """The ``info`` of a resource.

    ``created`` is None: CS3 does not tell it. ``size`` of a folder is 0, so that sums count files once.
    ``space`` is the path of its space, ``shared`` is true for what others have shared with the user.
    """
    directory = resource.is_directory
    path, checksum, lock = resource.path, resource.checksum, resource.lock
    return {
        "name": "/" + path,
        "size": 0 if directory else resource.size,
        "type": "directory" if directory else "file",
        "mtime": resource.modified.timestamp(),
        "created": None,
        "etag": resource.etag,
        "checksum": f"{checksum.algorithm}:{checksum.value}" if checksum else None,
        "mimetype": resource.mimetype,
        "id": str(resource.id) if resource.id else None,
        "parent_id": str(resource.parent) if resource.parent else None,
        "space": _space_of(path),
        "permissions": _words(resource.permissions),
        "lock": {"app": lock.app, "holder": lock.holder} if lock else None,
        "shared": path.startswith(BELOW_SHARES),
    }


def entries_of(resources: list[Resource]) -> dict[str, Entry]:
    """The ``info`` of all that a folder holds, by path."""
    return {entry["name"]: entry for entry in map(entry_of, resources)}


def state_of(entry: Entry) -> str:
    """A text that is another one after every change of a file: from its id and its etag.

    Places without etags (mounts of other sites) have size and time instead.
    """
    content = entry["etag"] or f"{entry['size']}-{entry['mtime']:.6f}"
    return hashlib.sha256(f"{entry['id'] or entry['name']}\n{content}".encode()).hexdigest()


def _space_of(path: str) -> str:
    area, _, rest = path.partition("/")
    if area == HOME or not rest:
        return f"/{area}"
    name = rest.partition("/")[0]
    # An id names its space in front of the "!".
    return f"/{area}/{name.partition('!')[0] if area == BY_ID else name}"


@lru_cache(maxsize=256)
def _words(permissions: Permissions) -> tuple[str, ...]:
    """What is allowed, as words: a listing of ten thousand has few different ones."""
    return tuple(name for name in permissions.__slots__ if getattr(permissions, name))
