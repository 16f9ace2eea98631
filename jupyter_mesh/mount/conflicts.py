"""Conflicts: two contents for one name, both kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.locks import SAVED
from jupyter_mesh.cs3.wire import clean_name
from jupyter_mesh.paths import MAX_NAME_BYTES, join, name_of, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.models import Resource

__all__ = ["Conflict", "copy_name", "who_saved"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that was saved through the mount and by somebody else: theirs is at ``path``, ours at ``copy``."""

    path: str
    copy: str
    who: str
    """Name of the other one; "" where nobody tells."""
    when: datetime
    """When the other content was saved, or when the lock was met."""


def copy_name(path: str, user: str, number: int = 1) -> str:
    """Where our content of a file goes: ``fit-conflict-marie-20261121T205900Z.csv`` beside ``fit.csv``."""
    name = PurePosixPath(name_of(path))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    again = f"-{number}" if number > 1 else ""
    added = f"-conflict-{user.replace('/', '_')}-{stamp}{again}{name.suffix}"
    room = MAX_NAME_BYTES - len(added.encode())
    stem = name.name.removesuffix(name.suffix).encode()[: max(room, 0)].decode(errors="ignore")
    return join(parent_of(path), stem + added)


def who_saved(resource: Resource) -> str:
    """Who holds the lock of a file, or saved it last, as far as anybody told."""
    if resource.lock is not None:
        return resource.lock.holder or resource.lock.app
    try:
        entry = json.loads(resource.metadata.get(SAVED, "null"))
    except ValueError:
        return ""
    if not isinstance(entry, dict) or entry.get("etag") != resource.etag:
        return ""
    return clean_name(str(entry.get("name", "")))
