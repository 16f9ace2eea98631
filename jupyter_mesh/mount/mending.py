"""What rclone had not yet noted about its cache when it was killed, read off the files themselves.

rclone writes a note about each file that it keeps: when it is opened, with the first change, and when it is
closed. One that is killed in between leaves an old note or, in the middle of writing it, an empty one. It would
then throw the file away, or ask the site for the bytes that were just written. The content itself is complete.

Whatever is marked as changed here is compared with the site before it is uploaded (``saving.py``): what the site
has already is not sent again, and what somebody else has changed meanwhile is not overwritten.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["mend"]

log = logging.getLogger(__name__)


def mend(cache: Path) -> list[str]:
    """Correct the notes in a cache folder that no rclone uses; returns the paths of the files it was about.

    Blocks on the disk.
    """
    mended = []
    for contents in (cache / "vfs").glob("*"):
        notes = cache / "vfsMeta" / contents.name
        for folder, _, names in os.walk(contents):
            for name in names:
                content = Path(folder, name)
                path = content.relative_to(contents)
                if _mend(content, notes / path):
                    mended.append(path.as_posix())
    if mended:
        log.warning("rclone had not noted all about %s", ", ".join(mended))
    return mended


def _mend(content: Path, file: Path) -> bool:
    note = _read(file)
    size = content.stat().st_size
    if note is None:
        if not _is_whole(content, size):
            # Parts of a file that was read: the site has it.
            return False
        if not size and not file.exists():
            # Made a moment ago, and not yet as long as the file at the site: it may be for reading.
            return False
        note = {"Fingerprint": "", "Rs": None, "Size": -1, "Dirty": True}
    elif not note.get("Dirty"):
        return False
    known = _ranges_of(note, size)
    # What lies behind the end that it had, or in a file that the site did not have, can only have been written
    # here.
    old = min(size, note["Size"]) if note["Fingerprint"] else 0
    ranges = _joined([*known, (old, size)])
    if ranges == known and note["Size"] == size:
        return False
    changed = datetime.fromtimestamp(content.stat().st_mtime, UTC).isoformat()
    note |= {
        "ModTime": note.get("ModTime") or changed,
        "ATime": datetime.now(UTC).isoformat(),
        "Size": size,
        "Rs": [{"Pos": start, "Size": end - start} for start, end in ranges],
    }
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(file.name[:100] + ".mended")
    temporary.write_text(json.dumps(note))
    temporary.replace(file)
    return True


def _read(file: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"Size", "Fingerprint"} <= note.keys() else None


def _ranges_of(note: dict[str, Any], size: int) -> list[tuple[int, int]]:
    """The parts that are there, as it was noted, inside the file as it is."""
    ranges = [(each["Pos"], each["Pos"] + each["Size"]) for each in note.get("Rs") or []]
    return [(start, min(end, size)) for start, end in ranges if start < size]


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same parts, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(each for each in ranges if each[0] < each[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _is_whole(content: Path, size: int) -> bool:
    """True if no part of the file was left out when it was written."""
    with content.open("rb") as file:
        return not size or os.lseek(file.fileno(), 0, os.SEEK_HOLE) == size
