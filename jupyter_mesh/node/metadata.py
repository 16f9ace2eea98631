"""Arbitrary metadata: texts that clients keep with a file or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jupyter_mesh.node.index import Index

__all__ = ["metadata_in_folder", "metadata_of", "set_metadata", "unset_metadata"]


def _wanted(keys: Iterable[str]) -> set[str] | None:
    """The keys to tell, or None for all: no key and "*" both mean that."""
    names = set(keys)
    return None if not names or "*" in names else names


def metadata_of(index: Index, node: str, keys: Iterable[str]) -> dict[str, str]:
    """The metadata of one entry."""
    wanted = _wanted(keys)
    rows = index.rows("SELECT key, value FROM metadata WHERE node = ?", node)
    return {row[0]: row[1] for row in rows if wanted is None or row[0] in wanted}


def metadata_in_folder(index: Index, folder: str, keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """The metadata of all that is in a folder, by id of the entry."""
    wanted = _wanted(keys)
    found: dict[str, dict[str, str]] = {}
    for node, key, value in index.rows(
        "SELECT m.node, m.key, m.value FROM nodes n JOIN metadata m ON m.node = n.id WHERE n.parent = ?",
        folder,
    ):
        if wanted is None or key in wanted:
            found.setdefault(node, {})[key] = value
    return found


def set_metadata(index: Index, node: str, values: Mapping[str, str]) -> None:
    """Set keys of one entry."""
    with index.change():
        for key, value in values.items():
            index.run("INSERT OR REPLACE INTO metadata VALUES (?, ?, ?)", node, key, value)


def unset_metadata(index: Index, node: str, keys: Iterable[str]) -> None:
    """Remove keys of one entry; unknown ones are no error."""
    with index.change():
        for key in keys:
            index.run("DELETE FROM metadata WHERE node = ? AND key = ?", node, key)
