"""What is there: the files of a space as the disk shows them, with the ids and etags of the index.

The disk is the truth. Whatever was added, changed or removed by hand is noticed when it is looked at:
the index follows, and the etags of the folders above change.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.node.entries import Entries, Entry, new_etag, new_id, stamp_of
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_mesh.node.index import Index
    from jupyter_mesh.node.users import SpaceRow

__all__ = ["Place", "Tree", "check_name"]

_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Place:
    """An entry and the way to it."""

    space: SpaceRow
    names: tuple[str, ...]
    entry: Entry
    disk: str

    @property
    def is_root(self) -> bool:
        """True for the root of a space."""
        return not self.names


def check_name(name: str) -> None:
    """Raise Refused(BAD_NAME) for a name that no file can have."""
    if name in ("", ".", ".."):
        raise Refused(Reason.BAD_NAME, f'"{name}" cannot be used as a name.')
    if "\0" in name or "/" in name:
        raise Refused(Reason.BAD_NAME, 'A name cannot hold "/" or a NUL character.')
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise Refused(Reason.BAD_NAME, f'"{name[:40]}…" is longer than {_MAX_NAME_BYTES} bytes.')


def _is_ours(status: os.stat_result) -> bool:
    """Links, pipes, sockets and devices are not followed, not listed, not replaced."""
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def _same(entry: Entry, status: os.stat_result) -> bool:
    if entry.gone or entry.inode != status.st_ino:
        return False
    if entry.folder:
        return stat.S_ISDIR(status.st_mode)
    return (
        entry.size == status.st_size
        and entry.stamp == stamp_of(status)
        and stat.S_ISREG(status.st_mode)
    )


def _statuses(folder: str) -> dict[str, os.stat_result]:
    """What the disk says of each file and folder in ``folder``, by name."""
    seen = {}
    # By descriptor: the kernel need not walk the path for each of ten thousand names.
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in os.listdir(opened):
            try:
                status = os.stat(name, dir_fd=opened, follow_symlinks=False)
                name.encode()
            except (FileNotFoundError, UnicodeEncodeError):
                # Removed meanwhile, or bytes that no CS3 message can carry.
                continue
            if _is_ours(status):
                seen[name] = status
    finally:
        os.close(opened)
    return seen


class Tree:
    """The files below ``data``. Used by one thread at a time."""

    def __init__(self, index: Index, data: Path, *, tree_etags: bool) -> None:
        self._index = index
        self._data = os.fspath(data)
        self.entries = Entries(index, tree_etags=tree_etags)

    def disk(self, space: SpaceRow, names: Sequence[str]) -> str:
        """Where on the disk something is, or would be."""
        return os.path.join(self._data, space.folder, *names)

    def root(self, space: SpaceRow) -> Place:
        """The root of a space; its folder is made when the space is new."""
        path = self.disk(space, ())
        entry = self.entries.by_id(space.id)
        if entry is None:
            os.makedirs(path, exist_ok=True)
            status = self._status(path)
            with self._index.change():
                self.entries.insert(
                    Entry(
                        space.id,
                        space.id,
                        None,
                        "",
                        1,
                        new_etag(),
                        0,
                        time.time_ns(),
                        status.st_ino,
                        0,
                        "",
                        0,
                    )
                )
        return self._look_into(
            Place(space, (), self.entries.need(space.id), path), self._status(path)
        )

    def find(self, space: SpaceRow, base: str, names: Sequence[str]) -> Place:
        """What is at ``names`` below the entry with the id ``base``; raises Refused(MISSING)."""
        place = self.root(space)
        for name in (*self.names(space, base), *names):
            place = self._step(place, name)
        return place

    def find_parent(self, space: SpaceRow, base: str, names: Sequence[str]) -> tuple[Place, str]:
        """The folder that holds, or would hold, a path, and the name in it.

        Raises Refused: IS_ROOT for a root, PARENT_MISSING when the folder is none or not there.
        """
        whole = (*self.names(space, base), *names)
        if not whole:
            raise Refused(Reason.IS_ROOT, "The root of a space stays where it is.")
        check_name(whole[-1])
        try:
            parent = self.find(space, space.id, whole[:-1])
        except Refused as error:
            if error.reason is Reason.MISSING:
                raise Refused(
                    Reason.PARENT_MISSING, f'The folder of "{whole[-1]}" does not exist.'
                ) from None
            raise
        if not parent.entry.folder:
            raise Refused(Reason.PARENT_MISSING, f'"{parent.entry.name}" is not a folder.')
        return parent, whole[-1]

    def child(self, parent: Place, name: str) -> Place | None:
        """What has ``name`` in a folder, or None when the name is free."""
        try:
            return self._step(parent, name)
        except Refused as error:
            if error.reason is Reason.MISSING:
                return None
            raise

    def names(self, space: SpaceRow, entry: str) -> tuple[str, ...]:
        """The path of an entry in its space; raises Refused(MISSING) when it is not in it (any more)."""
        if entry == space.id:
            return ()
        return tuple(name for _, name in self.way(space, entry)[1:])

    def way(self, space: SpaceRow, entry: str) -> list[tuple[str, str]]:
        """Ids and names of all entries from the root of a space to ``entry``, both included.

        Raises Refused(MISSING) as ``names``.
        """
        rows = self._index.tuples(
            "WITH RECURSIVE up(id, parent, name, depth) AS (SELECT id, parent, name, 0 FROM nodes WHERE id = ? UNION ALL "
            "SELECT n.id, n.parent, n.name, depth + 1 FROM nodes n JOIN up ON n.id = up.parent) "
            "SELECT id, name FROM up ORDER BY depth DESC",
            entry,
        )
        if entry != space.id and (not rows or rows[0][0] != space.id):
            raise Refused(Reason.MISSING, "There is nothing with this id here.")
        return [(row[0], row[1]) for row in rows] or [(space.id, "")]

    def listing(self, place: Place) -> list[Entry]:
        """What is in a folder, unsorted; raises Refused(NOT_FOLDER)."""
        if not place.entry.folder:
            raise Refused(Reason.NOT_FOLDER, f'"{place.entry.name}" is not a folder.')
        entries, seen, changed = self._scan(place)
        for entry in entries:
            if entry.folder and entry.stamp != stamp_of(seen[entry.name]):
                below = Place(
                    place.space,
                    (*place.names, entry.name),
                    entry,
                    os.path.join(place.disk, entry.name),
                )
                self._look_into(below, seen[entry.name])
                changed = True
        if changed:
            return [entry for entry in self.entries.children(place.entry.id) if not entry.gone]
        return entries

    def _status(self, path: str) -> os.stat_result:
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise Refused(Reason.MISSING, f'There is no "{os.path.basename(path)}" here.') from None
        if not _is_ours(status):
            raise Refused(
                Reason.NOT_ALLOWED,
                f'"{os.path.basename(path)}" is a link or a device: this site does not follow it.',
            )
        return status

    def _step(self, place: Place, name: str) -> Place:
        check_name(name)
        if not place.entry.folder:
            raise Refused(Reason.MISSING, f'"{place.entry.name}" is not a folder.')
        path = os.path.join(place.disk, name)
        known = self.entries.by_name(place.entry.id, name)
        try:
            status = self._status(path)
        except Refused:
            if known is not None and not known.gone:
                self._agree(place, {}, [known])
            raise
        if known is None or not _same(known, status):
            self._agree(place, {name: status}, [known] if known else [])
            known = self.entries.by_name(place.entry.id, name)
        if known is None:
            # A second process wrote to the index: it is not ours alone to say what is there.
            raise Refused(Reason.MISSING, f'There is no "{name}" here.')
        return self._look_into(Place(place.space, (*place.names, name), known, path), status)

    def _look_into(self, place: Place, status: os.stat_result) -> Place:
        """Notice what changed in a folder by hand, before its etag is told."""
        if not place.entry.folder or place.entry.stamp == stamp_of(status):
            return place
        self._scan(place)
        with self._index.change():
            self._index.run(
                "UPDATE nodes SET stamp = ?, inode = ? WHERE id = ?",
                stamp_of(status),
                status.st_ino,
                place.entry.id,
            )
        return Place(place.space, place.names, self.entries.need(place.entry.id), place.disk)

    def _scan(self, place: Place) -> tuple[list[Entry], dict[str, os.stat_result], bool]:
        """Read a folder; returns its entries, what the disk says of them, and whether the index had to follow."""
        seen = _statuses(place.disk)
        known = self.entries.children(place.entry.id)
        if len(known) == len(seen) and all(
            (status := seen.get(entry.name)) is not None and _same(entry, status) for entry in known
        ):
            return known, seen, False
        changed = self._agree(place, seen, known)
        return (
            [entry for entry in self.entries.children(place.entry.id) if not entry.gone],
            seen,
            changed,
        )

    def _agree(self, place: Place, seen: dict[str, os.stat_result], known: Sequence[Entry]) -> bool:
        """Make the index follow the disk for the names in ``seen`` and ``known``; False if there was nothing to do."""
        old = {entry.name: entry for entry in known}
        fresh = [
            (name, status)
            for name, status in seen.items()
            if name not in old or not _same(old[name], status)
        ]
        vanished = [entry for entry in known if entry.name not in seen and not entry.gone]
        if not fresh and not vanished:
            return False
        with self._index.change():
            delta = 0
            for entry in vanished:
                delta -= entry.size
                self._index.run("UPDATE nodes SET gone = 1 WHERE id = ?", entry.id)
            for name, status in fresh:
                delta += self._follow(place, name, status, old.get(name))
            self.entries.changed_below(place.entry.id, delta)
        return True

    def _follow(self, place: Place, name: str, status: os.stat_result, old: Entry | None) -> int:
        """Take one file or folder over from the disk; returns by how much the folder grew."""
        folder = stat.S_ISDIR(status.st_mode)
        before = 0 if old is None or old.gone else old.size
        if old is not None and bool(old.folder) != folder:
            self.entries.forget(old.id)
            old = None
        size = status.st_size if not folder else old.size if old else 0
        identity = old.id if old else new_id()
        stamp = 0 if folder else stamp_of(status)
        self.entries.insert(
            Entry(
                identity,
                place.space.id,
                place.entry.id,
                name,
                int(folder),
                new_etag(),
                size,
                stamp_of(status),
                status.st_ino,
                stamp,
                "",
                0,
            )
        )
        return size - before
