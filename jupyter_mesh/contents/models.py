"""Resources of the mesh as models of Jupyter's contents API: pure functions."""

from __future__ import annotations

import mimetypes
import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import NotFound
from jupyter_mesh.paths import MAX_NAME_BYTES, name_of, normalise

if TYPE_CHECKING:
    from jupyter_mesh.models import Child, Resource

__all__ = [
    "HASH_ALGORITHM",
    "Model",
    "clean",
    "entry_of",
    "hash_of",
    "is_hidden",
    "matcher_of",
    "model_of",
    "next_name",
    "split_name",
]

Model = dict[str, Any]

HASH_ALGORITHM = "etag"

# The first look-up of a type reads files of the system: not inside a running loop.
mimetypes.init()


def clean(path: str) -> str:
    """The one way in for paths of requests: no slashes around, and nothing that could lead elsewhere.

    Raises NotFound for "." and ".." and NUL, as for anything that is not there, and InvalidRequest for names
    that no site takes.
    """
    if "\0" in path or any(part in (".", "..") for part in path.split("/")):
        raise NotFound(f"There is no {path!r}.")
    return normalise(path)


def hash_of(resource: Resource) -> str:
    """What changes when the content changes, without reading it: the etag.

    Sites without etags (OCM mounts) get time and size; Lab takes an empty hash for none.
    """
    return resource.etag or f"{resource.modified.timestamp():.6f}-{resource.size}"


def model_of(
    resource: Resource,
    path: str,
    *,
    type: str | None = None,
    hashed: bool = False,
    lock: Model | None = None,
) -> Model:
    """The model of ``resource`` at the API path ``path``, without content.

    ``lock`` is what is told of its lock (``{"holder", "mine", "until"}``); a file locked by somebody else is not
    writable.
    CS3 knows no time of creation: ``created`` is the time of the last change.
    """
    model = entry_of(resource, path, type=type, lock=lock)
    if hashed:
        model |= {"hash": hash_of(resource), "hash_algorithm": HASH_ALGORITHM}
    return model


def entry_of(
    entry: Resource | Child, path: str, *, type: str | None = None, lock: Model | None = None
) -> Model:
    """As ``model_of``, without a hash: what a listing shows of each entry."""
    name, may, directory = name_of(path), entry.permissions, entry.is_directory
    if directory:
        kind = "directory"
    else:
        kind = type or ("notebook" if name.endswith(".ipynb") else "file")
    free = lock is None or lock["mine"]
    model = {
        "name": name,
        "path": path,
        "type": kind,
        "writable": free and (may.create if directory else may.write),
        "created": entry.modified,
        "last_modified": entry.modified,
        "size": None if directory else entry.size,
        "mimetype": _mimetype_of(name) if kind == "file" else None,
        "content": None,
        "format": None,
        "hash": None,
        "hash_algorithm": None,
    }
    return model if lock is None else model | {"mesh": {"lock": lock}}


def _mimetype_of(name: str) -> str | None:
    """The type that the name tells: its last two suffixes do, and most names of a folder share them."""
    stem, dot, last = name.lstrip(".").rpartition(".")
    if not stem:
        return None
    _, more, suffix = stem.rpartition(".")
    return _mimetype(f"{more}{suffix if more else ''}{dot}{last}")


@lru_cache(maxsize=1024)
def _mimetype(suffixes: str) -> str | None:
    return mimetypes.guess_type(f"./x{suffixes}")[0]


@lru_cache(maxsize=8)
def matcher_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for names that match any of ``globs``."""
    return re.compile("|".join(map(translate, globs)) or r"(?!)")


def is_hidden(path: str) -> bool:
    """True if any part of ``path`` begins with a dot. Names alone decide: no site is asked."""
    return any(part.startswith(".") for part in path.split("/"))


def split_name(name: str) -> tuple[str, str]:
    """Stem and suffix as Jupyter splits them: ".tar.gz" stays whole, a notebook may have dots."""
    if name.endswith(".ipynb"):
        stem, dot, suffix = name.rpartition(".")
    else:
        stem, dot, suffix = name.partition(".")
    return stem, dot + suffix


def next_name(name: str, taken: set[str], insert: str = "") -> str:
    """``name``, or with the first number that makes it new: "x1.txt", "x-Copy1.txt"."""
    stem, suffix = split_name(name)
    number = 0
    while name in taken:
        number += 1
        end = f"{insert}{number}{suffix}"
        # A name that is as long as names can be gives up its last letters.
        start = stem.encode()[: max(1, MAX_NAME_BYTES - len(end.encode()))]
        name = start.decode(errors="ignore") + end
    return name
