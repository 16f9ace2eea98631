"""The entries of the index: one row for each file and folder that was ever looked at."""

# ruff: noqa: S608 - only constants of this module are put together; values go in as "?"

from __future__ import annotations

import json
import os
import secrets
import time
import uuid
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple

from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.index import Index

__all__ = ["Entries", "Entry", "new_etag", "new_id", "stamp_of"]

_COLUMNS = "id, space, parent, name, folder, etag, size, mtime, inode, stamp, sha1, gone"
_ABOVE = (
    "WITH RECURSIVE up(id) AS (SELECT ? UNION ALL SELECT n.parent FROM nodes n JOIN up ON n.id = up.id "
    "WHERE n.parent IS NOT NULL)"
)
_BELOW = "WITH RECURSIVE down(id) AS (SELECT ? UNION ALL SELECT n.id FROM nodes n JOIN down ON n.parent = down.id)"


class Entry(NamedTuple):
    """A file or folder in the index."""

    id: str
    space: str
    parent: str | None
    name: str
    folder: int
    etag: str
    size: int
    """Bytes; of a folder all that is known to lie below it."""
    mtime: int
    """Nanoseconds since 1970, as users see it."""
    inode: int
    stamp: int
    """The mtime on disk when the index last agreed with it; 0 for a folder never looked into."""
    sha1: str
    gone: int
    """1 when it was removed by hand: it takes its id and versions up again if it comes back."""


def new_id() -> str:
    """An id for an entry."""
    return str(uuid.uuid4())


def new_etag() -> str:
    """An etag that was never given before."""
    return secrets.token_hex(16)


def stamp_of(status: os.stat_result) -> int:
    """When a file was changed, in nanoseconds; a time that no column of SQLite can hold is one in 2262."""
    return min(status.st_mtime_ns, 2**63 - 1)


class Entries:
    """Reads and writes entries; does not look at the disk. Used by one thread at a time."""

    def __init__(self, index: Index, *, tree_etags: bool) -> None:
        self._index = index
        self._tree_etags = tree_etags

    def by_id(self, entry: str) -> Entry | None:
        """The entry of that id, wherever it is."""
        row = self._index.row(f"SELECT {_COLUMNS} FROM nodes WHERE id = ?", entry)
        return None if row is None else Entry._make(row)

    def need(self, entry: str) -> Entry:
        """As ``by_id``; raises Refused(MISSING)."""
        found = self.by_id(entry)
        if found is None:
            raise Refused(Reason.MISSING, "There is nothing with this id here.")
        return found

    def by_ids(self, entries: Sequence[str]) -> dict[str, Entry]:
        """The entries of some ids, in one query; ids that are not known are left out."""
        query = f"SELECT {_COLUMNS} FROM nodes WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._index.tuples(query, json.dumps(entries))
        return {row[0]: Entry._make(row) for row in rows}

    def by_name(self, parent: str, name: str) -> Entry | None:
        """The entry in the index at a name, also one that is gone. Does not look at the disk."""
        query = f"SELECT {_COLUMNS} FROM nodes WHERE parent = ? AND name = ?"
        row = self._index.row(query, parent, name)
        return None if row is None else Entry._make(row)

    def children(self, folder: str) -> list[Entry]:
        """All entries of a folder, also those that are gone."""
        query = f"SELECT {_COLUMNS} FROM nodes WHERE parent = ?"
        return list(starmap(Entry, self._index.tuples(query, folder)))

    def insert(self, entry: Entry) -> None:
        """Store an entry, new or known."""
        # Not INSERT OR REPLACE: that would delete the row first, and with it versions and metadata.
        self._index.run(
            f"INSERT INTO nodes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "space = excluded.space, parent = excluded.parent, name = excluded.name, folder = excluded.folder, "
            "etag = excluded.etag, size = excluded.size, mtime = excluded.mtime, inode = excluded.inode, "
            "stamp = excluded.stamp, sha1 = excluded.sha1, gone = excluded.gone",
            *entry,
        )

    def put(self, entry: Entry, status: os.stat_result) -> None:
        """Store an entry as the disk now shows it. Whatever had its name or its id is replaced."""
        holder = self.by_name(entry.parent, entry.name) if entry.parent else None
        if holder is not None and holder.id != entry.id:
            self.forget(holder.id)
        size = entry.size if entry.folder else status.st_size
        self.insert(entry._replace(size=size, inode=status.st_ino, stamp=stamp_of(status), gone=0))

    def forget(self, entry: str) -> list[str]:
        """Remove an entry and all below it from the index; returns the keys of the versions that go with it.

        The caller removes their files after the commit, or leaves them to the next start.
        """
        below = f"IN ({_BELOW} SELECT id FROM down)"
        keys = [
            row[0]
            for row in self._index.tuples(f"SELECT key FROM versions WHERE node {below}", entry)
        ]
        self._index.run(f"DELETE FROM nodes WHERE id {below}", entry)
        return keys

    def changed_below(self, folder: str, delta: int, *, itself: bool = True) -> None:
        """Tell a folder, and those above it, that something below changed, and by how many bytes.

        With ``itself`` False the change is a rename, which a site without tree etags does not notice.
        """
        self._index.run(
            f"UPDATE nodes SET size = max(0, size + ?) WHERE id IN ({_ABOVE} SELECT id FROM up)",
            delta,
            folder,
        )
        changes = "UPDATE nodes SET etag = lower(hex(randomblob(16))), mtime = ? WHERE id"
        if self._tree_etags:
            self._index.run(f"{changes} IN ({_ABOVE} SELECT id FROM up)", time.time_ns(), folder)
        elif itself:
            self._index.run(f"{changes} = ?", time.time_ns(), folder)

    def agree(self, folder: str, path: str) -> None:
        """Note that the index agrees with a folder on disk after a change of our own."""
        self._index.run("UPDATE nodes SET stamp = ? WHERE id = ?", stamp_of(os.stat(path)), folder)
