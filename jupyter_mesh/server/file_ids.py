"""PathFileIds: the ids by which documents that are edited together are known, right over every move."""

from __future__ import annotations

import posixpath
from typing import Any

from jupyter_server_fileid.manager import ArbitraryFileIdManager

__all__ = ["PathFileIds"]

BELOW = "substr(path, 1, length(:folder)) = :folder"
"""What lies below a folder, given with "/" at its end. The stock pattern takes "[1]" in a name for a choice."""


class PathFileIds(ArbitraryFileIdManager):
    """Ids by path, as the stock service gives them, on the same database.

    Stock, what is in a folder that moves keeps its old path, unless somebody asked for the id of the folder
    itself; and a move to a path that once had an id fails. Either takes a document away from who has it open.
    """

    def move(self, old_path: str, new_path: str) -> str | None:
        """Give the id of ``old_path`` and those of all below it their new paths."""
        if self._normalize_path(old_path) != self._normalize_path(new_path):
            # Nothing can be there any more, or the move would have been refused.
            self.delete(new_path)
        self.index(old_path)
        return super().move(old_path, new_path)

    def copy(self, from_path: str, to_path: str) -> str | None:
        """New ids for ``to_path`` and for all below it that has one below ``from_path``."""
        self.delete(to_path)
        return super().copy(from_path, to_path)

    def _move_recursive(self, old_path: str, new_path: str, path_mgr: Any = posixpath) -> None:
        old, new = old_path + "/", new_path + "/"
        self.con.execute(
            f"UPDATE Files SET path = :new || substr(path, length(:folder) + 1) WHERE {BELOW}",  # noqa: S608  a constant
            {"folder": old, "new": new},
        )

    def _copy_recursive(self, from_path: str, to_path: str, path_mgr: Any = posixpath) -> None:
        found = self.con.execute(
            f"SELECT path FROM Files WHERE {BELOW}",  # noqa: S608  a constant
            {"folder": from_path + "/"},
        ).fetchall()
        rows = [(self._uuid(), to_path + path[len(from_path) :]) for (path,) in found]
        self.con.executemany("INSERT INTO Files (id, path) VALUES (?, ?)", rows)

    def _delete_recursive(self, path: str, path_mgr: Any = posixpath) -> None:
        self.con.execute(f"DELETE FROM Files WHERE {BELOW}", {"folder": path + "/"})  # noqa: S608  a constant
