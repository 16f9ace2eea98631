"""One change of the files, in two halves: what happens on the disk, and what of it goes into the index."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.node.entries import Entries, Entry, stamp_of
from jupyter_mesh.node.index import Index, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Act", "Intent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A change that is about to happen. Paths are relative to the data folder."""

    kind: str
    entry: str
    """Id of the file or folder, the new one for something new."""
    etag: str
    space: str
    parent: str
    """Id of the folder that it will be in, or was in when it goes to the bin."""
    name: str
    source: str
    target: str
    inode: int = 0
    key: str = ""
    """Key of the version or of the item in the bin; of a move the id it gets where ids follow paths."""
    sha1: str = ""
    path: str = ""
    """Where it was in its space, when it goes to the bin."""


class Act:
    """Carries intents out. Every method may be repeated, and stopped anywhere."""

    def __init__(self, index: Index, entries: Entries, data: Path, *, stable_ids: bool) -> None:
        self._index = index
        self._entries = entries
        self._data = data
        self._stable_ids = stable_ids
        self._versions = state_folder(data) / "versions"

    def act(self, intent: Intent) -> None:
        """Do it on the disk: one rename, synced."""
        source, target = self._data / intent.source, self._data / intent.target
        if intent.kind == "mkdir":
            target.mkdir()
        elif intent.kind == "write" and intent.key:
            # A second name for the old content: the file is never without content at its own name.
            os.link(target, self._versions / intent.key)
            _sync(self._versions)
            source.replace(target)
        else:
            source.replace(target)
        _sync(target.parent)
        if intent.kind in ("move", "delete") and source.parent != target.parent:
            _sync(source.parent)

    def happened(self, intent: Intent) -> bool:
        """Whether the disk shows that it was done."""
        source, target = self._data / intent.source, self._data / intent.target
        if intent.kind == "mkdir":
            return target.is_dir()
        if intent.kind == "move":
            return os.path.lexists(target) and target.lstat().st_ino == intent.inode
        if intent.kind == "delete":
            return os.path.lexists(target)
        if intent.kind == "write":
            # Not whether its source is there: an upload that failed is given up, and then it is not.
            if not intent.key:
                return os.path.lexists(target) and target.lstat().st_ino == intent.inode
            old = self._versions / intent.key
            return old.exists() and not (target.exists() and old.samefile(target))
        return not os.path.lexists(source)

    def take_back(self, intent: Intent) -> None:
        """Remove what was prepared for a change that did not happen."""
        if intent.kind == "write" and intent.key:
            (self._versions / intent.key).unlink(missing_ok=True)

    def settle(self, intent: Intent) -> None:
        """Make the index follow a change that happened; inside a transaction of the caller."""
        settle: dict[str, Callable[[Intent], None]] = {
            "write": self._settle_write,
            "mkdir": self._settle_mkdir,
            "move": self._settle_move,
            "delete": self._settle_delete,
            "restore": self._settle_restore,
        }
        settle[intent.kind](intent)

    def _settle_write(self, intent: Intent) -> None:
        path = self._data / intent.target
        old = self._entries.by_id(intent.entry)
        if intent.key and old is not None:
            self._index.run(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?)",
                intent.key,
                old.id,
                old.size,
                old.mtime,
                old.etag,
                old.sha1,
                time.time_ns(),
            )
        self._index.run("DELETE FROM uploads WHERE id = ?", os.path.basename(intent.source))
        if not os.path.lexists(path):
            # Removed by hand while the node was down.
            self._index.run("UPDATE nodes SET gone = 1 WHERE id = ?", intent.entry)
            return
        status = path.lstat()
        self._entries.put(
            Entry(
                intent.entry,
                intent.space,
                intent.parent,
                intent.name,
                0,
                intent.etag,
                status.st_size,
                stamp_of(status),
                status.st_ino,
                stamp_of(status),
                intent.sha1,
                0,
            ),
            status,
        )
        before = old.size if old is not None and not old.gone else 0
        self._changed(intent.parent, path.parent, status.st_size - before)

    def _settle_mkdir(self, intent: Intent) -> None:
        path = self._data / intent.target
        status = path.lstat()
        self._entries.put(
            Entry(
                intent.entry,
                intent.space,
                intent.parent,
                intent.name,
                1,
                intent.etag,
                0,
                stamp_of(status),
                status.st_ino,
                stamp_of(status),
                "",
                0,
            ),
            status,
        )
        self._changed(intent.parent, path.parent, 0)

    def _settle_move(self, intent: Intent) -> None:
        path = self._data / intent.target
        entry = self._entries.by_id(intent.entry)
        if entry is None or entry.parent is None:
            return
        overwritten = self._entries.by_name(intent.parent, intent.name)
        lost = (
            0
            if overwritten is None or overwritten.gone or overwritten.id == entry.id
            else overwritten.size
        )
        moved = entry._replace(parent=intent.parent, name=intent.name)
        if not self._stable_ids and not entry.folder:
            # Such a site derives ids from paths: the versions stay behind with the old name.
            moved = moved._replace(id=intent.key)
            self._index.run("UPDATE nodes SET gone = 1 WHERE id = ?", entry.id)
        stamp = entry.stamp
        if not self._stable_ids:
            # What is shared there stays so under the same path, and what was shared goes along.
            for old in (overwritten, entry):
                if old is not None and old.id != moved.id:
                    self._carry_grants(old.id, moved.id)
        self._entries.put(moved, path.lstat())
        # A folder keeps its stamp: what was changed in it by hand is still to be noticed.
        self._index.run("UPDATE nodes SET stamp = ? WHERE id = ?", stamp, moved.id)
        self._index.run("UPDATE OR IGNORE metadata SET node = ? WHERE node = ?", moved.id, entry.id)
        self._changed(entry.parent, (self._data / intent.source).parent, -entry.size, itself=False)
        self._changed(intent.parent, path.parent, entry.size - lost, itself=False)

    def _carry_grants(self, old: str, new: str) -> None:
        for table, column in (("shares", "node"), ("links", "node"), ("given", "entry")):
            self._index.run(
                f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {column} = ?",  # noqa: S608
                new,
                old,
            )

    def _settle_delete(self, intent: Intent) -> None:
        entry = self._entries.by_id(intent.entry)
        if entry is None:
            return
        self._index.run(
            "INSERT INTO bin VALUES (?, ?, ?, ?, ?)",
            intent.key,
            intent.space,
            entry.id,
            intent.path,
            time.time_ns(),
        )
        self._index.run("UPDATE nodes SET parent = NULL WHERE id = ?", entry.id)
        self._index.run("DELETE FROM locks WHERE node = ?", entry.id)
        self._changed(intent.parent, (self._data / intent.source).parent, -entry.size)

    def _settle_restore(self, intent: Intent) -> None:
        path = self._data / intent.target
        entry = self._entries.by_id(intent.entry)
        self._index.run("DELETE FROM bin WHERE key = ?", intent.key)
        if entry is None or not os.path.lexists(path):
            # Removed by hand while the node was down.
            self._entries.forget(intent.entry)
            return
        self._entries.put(entry._replace(parent=intent.parent, name=intent.name), path.lstat())
        self._changed(intent.parent, path.parent, entry.size)

    def _changed(self, folder: str, path: Path, delta: int, *, itself: bool = True) -> None:
        self._entries.changed_below(folder, delta, itself=itself)
        # Gone only when somebody removed it by hand while the node was down.
        with suppress(FileNotFoundError):
            self._entries.agree(folder, os.fspath(path))


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
