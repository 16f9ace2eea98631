"""What waits for its upload, as rclone's queue and its cache on the disk tell it. No process is asked here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mesh.mount.notes import is_changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Pending", "dirty_files", "pending_of", "refusals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A file that is not at the site yet."""

    path: str
    size: int
    uploading: bool
    tries: int
    """Uploads that were refused."""
    since: datetime
    """When it was first seen waiting."""
    failing_since: datetime | None = None
    """When its first refusal was seen."""


def pending_of(entries: Iterable[Mapping[str, Any]], known: Mapping[str, Pending]) -> list[Pending]:
    """The queue as values; when each began is taken from what was known before."""
    now = datetime.now(UTC)
    found = []
    for entry in entries:
        before = known.get(entry["name"])
        tries = refusals(entry)
        failing = before.failing_since if before else None
        found.append(
            Pending(
                path=entry["name"],
                size=max(0, entry.get("size", 0)),
                uploading=bool(entry.get("uploading")),
                tries=tries,
                since=before.since if before else now,
                failing_since=(failing or now) if tries else None,
            )
        )
    return found


def refusals(entry: Mapping[str, Any]) -> int:
    """How often an entry of the queue was refused: rclone counts the upload that runs, too."""
    tries: int = entry.get("tries", 0)
    return tries - bool(entry.get("uploading"))


def dirty_files(metadata: Path, path: str) -> set[str]:
    """The files at or below a mesh path that were changed and are not at the site, also those still open.

    rclone notes each in its folder of metadata with the first change, before it is queued.
    """
    top = metadata / path
    if top.is_file():
        return {path} if is_changed(top) else set()
    found = set()
    for folder, _, names in os.walk(top):
        for name in names:
            file = Path(folder, name)
            if is_changed(file):
                found.add(file.relative_to(metadata).as_posix())
    return found
