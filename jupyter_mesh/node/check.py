"""Whether the index of a site and its files agree."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from jupyter_mesh.node.index import Index, state_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check"]


def check(data: Path) -> list[str]:
    """What is wrong with the site in ``data``, one sentence each; empty when all is well. Changes nothing.

    Files that were added, changed or removed by hand are not wrong: the node takes them as they are.
    """
    try:
        with Index(data, create=False) as index:
            return _problems(index, data)
    except sqlite3.Error as error:
        return [f"The database of the site in {data} cannot be read: {error}."]


def _problems(index: Index, data: Path) -> list[str]:
    problems = [
        f"The database is damaged: {row[0]}."
        for row in index.rows("PRAGMA integrity_check")
        if row[0] != "ok"
    ]
    state = state_folder(data)
    for row in index.rows(
        "SELECT v.key, v.size, n.name FROM versions v JOIN nodes n ON n.id = v.node"
    ):
        path = state / "versions" / row["key"]
        if not path.is_file():
            problems.append(f'A version of "{row["name"]}" has lost its file.')
        elif path.stat().st_size != row["size"]:
            problems.append(
                f'A version of "{row["name"]}" has {path.stat().st_size} bytes instead of {row["size"]}.'
            )
    return problems
