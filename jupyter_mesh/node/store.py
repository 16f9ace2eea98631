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
import sqlite3
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.node.entries import new_etag, new_id, stamp_of
from jupyter_mesh.node.index import Index, state_folder
from jupyter_mesh.node.intents import Act, Intent
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from jupyter_mesh.node.tree import Place, Tree


__all__ = ["Store", "remove"]


class Store:
    """Changes the files below ``data``. Used by one thread at a time; ``recover()`` before anything else."""

    def __init__(self, index: Index, tree: Tree, data: Path, *, stable_ids: bool) -> None:
        self._index = index
        self._tree = tree
        self._data = data
        self._change = Act(index, tree.entries, data, stable_ids=stable_ids)
        self._unsettled = False
        state = state_folder(data)
        self.uploads, self.versions, self.bin = state / "uploads", state / "versions", state / "bin"

    def recover(self) -> None:
        """Finish or take back what a killed node left; remove what nothing refers to any more."""
        for folder in (self.uploads, self.versions, self.bin):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._conclude_all()
        with self._index.change():
            self._index.run("DELETE FROM uploads WHERE expires < ?", int(time.time()))
        self._sweep(self.uploads, "SELECT id FROM uploads")
        self._sweep(self.versions, "SELECT key FROM versions")
        self._sweep(self.bin, "SELECT key FROM bin")

    def settle_left(self) -> None:
        """Conclude a change that happened while the disk was too full to note it; called before all else."""
        if self._unsettled:
            # As long as that fails, the site still answers what needs no writing.
            with suppress(OSError, sqlite3.Error):
                self._conclude_all()
                self._unsettled = False

    def _sweep(self, folder: Path, kept: str) -> None:
        keep = {row[0] for row in self._index.rows(kept)}
        for path in folder.iterdir():
            if path.name not in keep:
                remove(path)

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
        gone = self._tree.entries.by_name(parent.entry.id, name)
        entry = existing.entry.id if existing else gone.id if gone and not gone.folder else new_id()
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        content.chmod(0o644)
        self._do(
            Intent(
                kind="write",
                entry=entry,
                etag=new_etag(),
                space=parent.space.id,
                parent=parent.entry.id,
                name=name,
                source=self._relative(content),
                target=self._below(parent, name),
                key=f"{entry}.REV.{now}" if existing else "",
                inode=content.stat().st_ino,
                sha1=sha1,
            )
        )
        return self._tree.find(parent.space, parent.entry.id, (name,))

    def mkdir(self, parent: Place, name: str) -> Place:
        """Make a folder at a free name."""
        target = self._below(parent, name)
        self._do(
            Intent(
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
            Intent(
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
        key = new_id()
        self._do(
            Intent(
                kind="delete",
                entry=place.entry.id,
                etag="",
                space=place.space.id,
                parent=place.entry.parent or "",
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
            Intent(
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

    def purge(self, key: str, entry: str) -> list[Path]:
        """Forget an item of the bin and its versions; returns what the caller then gives to ``remove``.

        A kill in between leaves files that nothing refers to; the next start sweeps them up.
        """
        with self._index.change():
            versions = self._tree.entries.forget(entry)
        return [self.bin / key, *(self.versions / version for version in versions)]

    def set_mtime(self, place: Place, mtime: int) -> None:
        """Set the time of change, in nanoseconds; the etag changes with it."""
        os.utime(place.disk, ns=(mtime, mtime))
        with self._index.change():
            self._index.run(
                "UPDATE nodes SET mtime = ?, stamp = ?, etag = ? WHERE id = ?",
                mtime,
                stamp_of(os.stat(place.disk)),
                new_etag(),
                place.entry.id,
            )
            if place.entry.parent:
                self._tree.entries.changed_below(place.entry.parent, 0, itself=False)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()

    def _below(self, parent: Place, name: str) -> str:
        return self._relative(Path(parent.disk) / name)

    def _conclude_all(self) -> None:
        for row in self._index.rows("SELECT id, facts FROM intents ORDER BY id"):
            self._conclude(row["id"], Intent(**json.loads(row["facts"])))

    def _conclude(self, row: int, intent: Intent) -> None:
        """Settle an intent whose rename happened, take back one whose did not. Can be repeated."""
        done = self._change.happened(intent)
        if not done:
            self._change.take_back(intent)
        with self._index.change():
            if done:
                self._change.settle(intent)
            self._index.run("DELETE FROM intents WHERE id = ?", row)

    def _do(self, intent: Intent) -> None:
        self._unsettled = True
        with self._index.change():
            row = self._index.value(
                "INSERT INTO intents (facts) VALUES (?) RETURNING id", json.dumps(asdict(intent))
            )
        try:
            self._change.act(intent)
        finally:
            self._conclude(row, intent)
        self._unsettled = False


def remove(path: Path) -> None:
    """Remove a file or a tree; it may be gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
