"""Whether the index of a site and its files agree."""

from __future__ import annotations

import json
import sqlite3
import stat
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.index import Index, state_folder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check"]


def check(data: Path) -> list[str]:
    """What is wrong with the site in ``data``, one sentence each; empty when all is well. Changes nothing.

    Files that were added, changed or removed by hand are not wrong: the node takes them as they are. A
    change that was under way when a node was killed is not wrong either: the next start concludes it.
    """
    if not (state_folder(data) / "index.sqlite").is_file():
        return [f"There is no site in {data}."]
    try:
        with Index(data, create=False) as index:
            damage = [row[0] for row in index.rows("PRAGMA integrity_check") if row[0] != "ok"]
            if damage:
                return [f"The database of the site is damaged: {text}." for text in damage]
            return [*_tree(index, data), *_history(index, data), *_grants(index)]
    except MeshError as error:
        return [str(error)]
    except sqlite3.Error as error:
        return [f"The database of the site in {data} cannot be read ({error})."]


def _tree(index: Index, data: Path) -> Iterator[str]:
    folders = {row["id"]: row["folder"] for row in index.rows("SELECT id, folder FROM spaces")}
    known = {row["id"]: row for row in index.rows("SELECT * FROM nodes")}
    binned = {row["node"]: row for row in index.rows("SELECT node, key FROM bin")}
    held: dict[str, int] = {}
    for row in known.values():
        if row["space"] not in folders:
            yield f'"{row["name"]}" belongs to no space.'
        if row["parent"] is None:
            if row["id"] not in folders and row["id"] not in binned:
                yield f'"{row["name"]}" is in no folder and not in the bin.'
        elif row["parent"] not in known or not known[row["parent"]]["folder"]:
            yield f'The folder of "{row["name"]}" is not known.'
        elif not row["gone"]:
            held[row["parent"]] = held.get(row["parent"], 0) + row["size"]
    for row in known.values():
        if row["folder"] and row["size"] != held.get(row["id"], 0):
            yield f'The folder "{row["name"]}" counts {row["size"]} bytes, its files {held.get(row["id"], 0)}.'
    for space, folder in folders.items():
        if space in known and not (data / folder).is_dir():
            yield f'The folder "{folder}" of a space is missing.'


def _history(index: Index, data: Path) -> Iterator[str]:
    state = state_folder(data)
    pending = {json.loads(row["facts"])["key"] for row in index.rows("SELECT facts FROM intents")}
    for row in index.rows(
        "SELECT v.key, v.size, n.name FROM versions v JOIN nodes n ON n.id = v.node"
    ):
        status = _status(state / "versions" / row["key"])
        if status is None or not stat.S_ISREG(status.st_mode):
            yield f'A version of "{row["name"]}" has lost its content.'
        elif status.st_size != row["size"]:
            yield f'A version of "{row["name"]}" has {status.st_size} bytes instead of {row["size"]}.'
    for row in index.rows(
        "SELECT b.key, b.path, n.folder FROM bin b JOIN nodes n ON n.id = b.node"
    ):
        if row["key"] in pending:
            continue
        status = _status(state / "bin" / row["key"])
        if status is None or stat.S_ISDIR(status.st_mode) != bool(row["folder"]):
            yield f'"{row["path"]}" in the bin has lost its content.'


def _grants(index: Index) -> Iterator[str]:
    """Shares and links of what is neither in a space nor in the bin; a root may not have been looked at yet."""
    lost = "WHERE node NOT IN (SELECT id FROM nodes) AND node NOT IN (SELECT id FROM spaces)"
    for row in index.rows(f"SELECT id FROM shares {lost}"):  # noqa: S608 - a constant
        yield f"The share {row['id']} is of nothing."
    for row in index.rows(f"SELECT id FROM links {lost}"):  # noqa: S608 - a constant
        yield f"The link {row['id']} leads nowhere."


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
