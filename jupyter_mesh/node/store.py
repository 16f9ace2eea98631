"""What changes files: each change is intended, acted, settled, so that a kill at any moment leaves old or new.

::

    intend   one row in the index says what is about to happen            (committed)
    act      one rename on the disk makes it happen                       (synced)
    settle   ids, etags, versions, bin follow; the intent goes            (committed, then acknowledged)

Changes run one at a time, so at most one intent is open when the node dies. At the next start the disk
tells whether its rename happened: then it is settled, else what was prepared is taken back.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.node.index import Index, state_folder
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.tree import Entry, Place, Tree, new_etag, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intent:
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


class Store:
    """Changes the files below ``data``. Used by one thread at a time; ``recover()`` before anything else."""

    def __init__(self, index: Index, tree: Tree, data: Path, *, stable_ids: bool) -> None:
        self._index = index
        self._tree = tree
        self._data = data
        self._stable_ids = stable_ids
        state = state_folder(data)
        self.uploads, self.versions, self.bin = state / "uploads", state / "versions", state / "bin"

    def recover(self) -> None:
        """Finish or take back what a killed node left; remove what nothing refers to any more."""
        for folder in (self.uploads, self.versions, self.bin):
            folder.mkdir(mode=0o700, exist_ok=True)
        for row in self._index.rows("SELECT id, facts FROM intents ORDER BY id"):
            self._conclude(row["id"], _Intent(**json.loads(row["facts"])))
        with self._index.change():
            self._index.run("DELETE FROM uploads WHERE expires < ?", int(time.time()))
        self._sweep(self.uploads, "SELECT id FROM uploads")
        self._sweep(self.versions, "SELECT key FROM versions")
        self._sweep(self.bin, "SELECT key FROM bin")

    def _sweep(self, folder: Path, kept: str) -> None:
        keep = {row[0] for row in self._index.rows(kept)}
        for path in folder.iterdir():
            if path.name not in keep:
                _remove(path)

    def new_upload(self) -> Path:
        """An empty temporary file, which ``write`` moves to its place; without that the next start removes it."""
        path = self.uploads / new_id()
        path.touch(mode=0o600)
        return path

    def write(self, parent: Place, name: str, content: Path, *, sha1: str = "") -> Place:
        """Put a complete, synced temporary file at a name; what was there becomes a version. Returns the new place."""
        existing = self._tree.child(parent, name)
        if existing is not None and existing.entry.folder:
            raise Refused(Reason.IS_FOLDER, f'"{name}" is a folder.')
        # A file that was removed by hand and now comes back takes up its id and versions again.
        gone = self._tree.by_name(parent.entry.id, name)
        entry = existing.entry.id if existing else gone.id if gone and not gone.folder else new_id()
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        content.chmod(0o644)
        self._do(
            _Intent(
                kind="write",
                entry=entry,
                etag=new_etag(),
                space=parent.space.id,
                parent=parent.entry.id,
                name=name,
                source=self._relative(content),
                target=self._below(parent, name),
                key=f"{entry}.REV.{now}" if existing else "",
                sha1=sha1,
            )
        )
        return self._tree.find(parent.space, parent.entry.id, (name,))

    def mkdir(self, parent: Place, name: str) -> Place:
        """Make a folder at a free name."""
        target = self._below(parent, name)
        self._do(
            _Intent(
                kind="mkdir",
                entry=new_id(),
                etag=new_etag(),
                space=parent.space.id,
                parent=parent.entry.id,
                name=name,
                source="",
                target=target,
            )
        )
        return self._tree.find(parent.space, parent.entry.id, (name,))

    def move(self, source: Place, parent: Place, name: str) -> None:
        """Rename within a space. The name must be free, or a file that is to be overwritten for good."""
        self._do(
            _Intent(
                kind="move",
                entry=source.entry.id,
                etag="",
                key=new_id(),
                space=parent.space.id,
                parent=parent.entry.id,
                name=name,
                source=self._relative(Path(source.disk)),
                target=self._below(parent, name),
                inode=source.entry.inode,
            )
        )

    def delete(self, place: Place) -> None:
        """Move a file or a tree to the bin of its space."""
        assert place.entry.parent is not None  # noqa: S101 - callers never delete a root
        key = new_id()
        self._do(
            _Intent(
                kind="delete",
                entry=place.entry.id,
                etag="",
                space=place.space.id,
                parent=place.entry.parent,
                name=place.entry.name,
                source=self._relative(Path(place.disk)),
                target=self._relative(self.bin / key),
                key=key,
                path="/".join(place.names),
            )
        )

    def restore(self, key: str, entry: str, parent: Place, name: str) -> None:
        """Move an item of the bin to a free name."""
        self._do(
            _Intent(
                kind="restore",
                entry=entry,
                etag="",
                space=parent.space.id,
                parent=parent.entry.id,
                name=name,
                source=self._relative(self.bin / key),
                target=self._below(parent, name),
                key=key,
            )
        )

    def purge(self, key: str, entry: str) -> None:
        """Remove an item of the bin for good, with its versions."""
        with self._index.change():
            self._tree.forget(entry)
        # A kill in between leaves files that nothing refers to; the next start sweeps them up.
        _remove(self.bin / key)
        self._sweep(self.versions, "SELECT key FROM versions")

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()

    def _below(self, parent: Place, name: str) -> str:
        return self._relative(Path(parent.disk) / name)

    def _do(self, intent: _Intent) -> None:
        with self._index.change():
            row = self._index.value(
                "INSERT INTO intents (facts) VALUES (?) RETURNING id", json.dumps(asdict(intent))
            )
        try:
            self._act(intent)
        finally:
            self._conclude(row, intent)

    def _act(self, intent: _Intent) -> None:
        source, target = self._data / intent.source, self._data / intent.target
        if intent.kind == "mkdir":
            target.mkdir()
        elif intent.kind == "write" and intent.key:
            # A second name for the old content: the file is never without content at its own name.
            os.link(target, self.versions / intent.key)
            _sync(self.versions)
            source.replace(target)
        else:
            source.replace(target)
        _sync(target.parent)
        if intent.kind in ("move", "delete") and source.parent != target.parent:
            _sync(source.parent)

    def _conclude(self, row: int, intent: _Intent) -> None:
        """Settle an intent whose rename happened, take back one whose did not. Can be repeated."""
        done = self._happened(intent)
        if not done and intent.kind == "write" and intent.key:
            (self.versions / intent.key).unlink(missing_ok=True)
        with self._index.change():
            if done:
                settle: dict[str, Callable[[_Intent], None]] = {
                    "write": self._settle_write,
                    "mkdir": self._settle_mkdir,
                    "move": self._settle_move,
                    "delete": self._settle_delete,
                    "restore": self._settle_restore,
                }
                settle[intent.kind](intent)
            self._index.run("DELETE FROM intents WHERE id = ?", row)

    def _happened(self, intent: _Intent) -> bool:
        source, target = self._data / intent.source, self._data / intent.target
        if intent.kind == "mkdir":
            return target.is_dir()
        if intent.kind == "move":
            return os.path.lexists(target) and target.lstat().st_ino == intent.inode
        if intent.kind == "delete":
            return os.path.lexists(target)
        return not os.path.lexists(source)

    def _settle_write(self, intent: _Intent) -> None:
        path = self._data / intent.target
        status = path.lstat()
        old = self._tree.by_id(intent.entry)
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
        self._tree.put(
            Entry(
                intent.entry,
                intent.space,
                intent.parent,
                intent.name,
                0,
                intent.etag,
                status.st_size,
                status.st_mtime_ns,
                status.st_ino,
                status.st_mtime_ns,
                intent.sha1,
                0,
            ),
            status,
        )
        before = old.size if old is not None and not old.gone else 0
        self._changed(intent.parent, path.parent, status.st_size - before)
        self._index.run("DELETE FROM uploads WHERE id = ?", os.path.basename(intent.source))

    def _settle_mkdir(self, intent: _Intent) -> None:
        path = self._data / intent.target
        status = path.lstat()
        self._tree.put(
            Entry(
                intent.entry,
                intent.space,
                intent.parent,
                intent.name,
                1,
                intent.etag,
                0,
                status.st_mtime_ns,
                status.st_ino,
                status.st_mtime_ns,
                "",
                0,
            ),
            status,
        )
        self._changed(intent.parent, path.parent, 0)

    def _settle_move(self, intent: _Intent) -> None:
        path = self._data / intent.target
        entry = self._tree.by_id(intent.entry)
        if entry is None or entry.parent is None:
            return
        overwritten = self._tree.by_name(intent.parent, intent.name)
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
        self._tree.put(moved, path.lstat())
        # A folder keeps its stamp: what was changed in it by hand is still to be noticed.
        self._index.run("UPDATE nodes SET stamp = ? WHERE id = ?", stamp, moved.id)
        self._index.run("UPDATE OR IGNORE metadata SET node = ? WHERE node = ?", moved.id, entry.id)
        self._changed(entry.parent, (self._data / intent.source).parent, -entry.size, itself=False)
        self._changed(intent.parent, path.parent, entry.size - lost, itself=False)

    def _settle_delete(self, intent: _Intent) -> None:
        entry = self._tree.by_id(intent.entry)
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

    def _settle_restore(self, intent: _Intent) -> None:
        path = self._data / intent.target
        entry = self._tree.by_id(intent.entry)
        self._index.run("DELETE FROM bin WHERE key = ?", intent.key)
        if entry is None:
            return
        self._tree.put(entry._replace(parent=intent.parent, name=intent.name), path.lstat())
        self._changed(intent.parent, path.parent, entry.size)

    def _changed(self, folder: str, path: Path, delta: int, *, itself: bool = True) -> None:
        self._tree.changed_below(folder, delta, itself=itself)
        # Gone only when somebody removed it by hand while the node was down.
        with suppress(FileNotFoundError):
            self._tree.agree(folder, os.fspath(path))


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
