"""What rclone has noted about the files that it keeps, read from its cache while it runs.

It is the only one who knows which content a program has open: nothing of that is in its requests.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from jupyter_mesh.paths import MeshPath

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mesh.models import Resource

__all__ = ["Notes", "is_changed"]


class Notes:
    """The notes in one cache folder. Blocks on the disk, for one small file at a time."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "vfsMeta"

    def is_changed(self, path: str) -> bool:
        """True if a file was changed here and is not at the site, also while a program still has it open."""
        return any(is_changed(note) for note in self._of(path))

    def is_older(self, path: str, resource: Resource) -> bool:
        """True if what is kept of a file is of another content than this one, which rclone has been told of.

        It notes size and time when it begins to read; before it reads another content it drops what it has.
        """
        wanted = f"{resource.size},{resource.modified:%Y-%m-%d %H:%M:%S} +0000 UTC"
        found = [fingerprint for note in self._of(path) if (fingerprint := _fingerprint(note))]
        return bool(found) and not any(each.startswith(wanted) for each in found)

    def keeps(self, path: str) -> bool:
        """True if rclone keeps a file of this name, or any below a folder of this name."""
        try:
            folders = [entry.path for entry in os.scandir(self._folder)]
        except OSError:
            return False
        tops = [f"{folder}/{path}" for folder in folders]
        return any(
            os.path.isfile(top) or any(names for _, _, names in os.walk(top)) for top in tops
        )

    def _of(self, path: str) -> list[str]:
        """Notes that can be about a path: those of the mount, and of the read-only ones inside it."""
        parsed = MeshPath.parse(path)
        below = path.removeprefix(f"{parsed.area}/{parsed.space}/") if parsed.space else path
        try:
            folders = [entry.path for entry in os.scandir(self._folder)]
        except OSError:
            return []
        return [
            f"{folder}/{name}"
            for folder in folders
            for name in dict.fromkeys((path, below))
            if os.path.isfile(f"{folder}/{name}")
        ]


def is_changed(note: str | Path) -> bool:
    """True for the note of a file that was changed and is not at the site."""
    try:
        # One that is empty or half written is being written now: the file was just opened, changed or closed.
        with open(note, "rb") as file:
            return b'"Dirty": false' not in file.read()
    except OSError:
        # Renamed, uploaded or deleted since it was listed.
        return False


def _fingerprint(note: str) -> str:
    try:
        with open(note, "rb") as file:
            return str(json.load(file).get("Fingerprint", ""))
    except (OSError, ValueError, AttributeError):
        return ""
