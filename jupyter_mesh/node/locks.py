"""Locks: one per file or folder, kept in the index, ended by time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_mesh.node.index import Index

__all__ = ["Locks", "Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A lock as a client asks for it. ``expires`` in nanoseconds, 0 for never."""

    id: str
    kind: int
    app: str
    user: str
    expires: int
    extra: bytes = b""
    """The Opaque of the lock, which clients get back as it was."""


class Locks:
    """The locks of a site. ``node`` is the id of an entry."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def get(self, node: str) -> Row | None:
        """The lock that holds now, or None."""
        return self._index.row(
            "SELECT * FROM locks WHERE node = ? AND (expires = 0 OR expires > ?)",
            node,
            time.time_ns(),
        )

    def in_folder(self, folder: str) -> dict[str, Row]:
        """The locks that hold now on what is in a folder, by id of the entry."""
        rows = self._index.rows(
            "SELECT l.* FROM locks l JOIN nodes n ON n.id = l.node WHERE n.parent = ? AND (l.expires = 0 OR l.expires > ?)",
            folder,
            time.time_ns(),
        )
        return {row["node"]: row for row in rows}

    def check(self, node: str, lock: str) -> None:
        """Raise Refused unless a write with the lock id ``lock`` ("" for none) may go on."""
        held = self.get(node)
        if held is None and lock:
            raise Refused(Reason.NOT_LOCKED, "not locked")
        if held is not None and not lock:
            raise Refused(Reason.LOCKED, "locked by somebody else")
        if held is not None and held["lock"] != lock:
            raise Refused(Reason.WRONG_LOCK, "mismatching lock")

    def set(self, node: str, wanted: Wanted) -> None:
        """Take the lock; raises Refused(LOCKED) when there is one, also the same."""
        if self.get(node) is not None:
            raise Refused(Reason.LOCKED, "already locked")
        self._put(node, wanted, time.time_ns())

    def refresh(self, node: str, wanted: Wanted, existing: str) -> None:
        """Prolong a lock, or exchange the one with the id ``existing`` for another."""
        held = self._held(node)
        if (
            held["lock"] != (existing or wanted.id)
            or held["app"] != wanted.app
            or held["user"] != wanted.user
        ):
            raise Refused(Reason.LOCK_CHANGED, "mismatching lock")
        self._put(node, wanted, held["created"])

    def unset(self, node: str, wanted: Wanted) -> None:
        """Give the lock back; raises Refused(LOCKED) when it is another one."""
        held = self._held(node)
        if held["lock"] != wanted.id or held["user"] != wanted.user:
            raise Refused(Reason.LOCKED, "mismatching lock")
        with self._index.change():
            self._index.run("DELETE FROM locks WHERE node = ?", node)

    def _held(self, node: str) -> Row:
        held = self.get(node)
        if held is None:
            raise Refused(Reason.NOT_LOCKED, "not locked")
        return held

    def _put(self, node: str, wanted: Wanted, created: int) -> None:
        with self._index.change():
            self._index.run(
                "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                node,
                wanted.id,
                wanted.kind,
                wanted.app,
                wanted.user,
                wanted.expires,
                created,
                wanted.extra,
            )
