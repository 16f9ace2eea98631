"""Listings of folders that are believed for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.paths import is_within, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.fs.entries import Entry

__all__ = ["Listing", "Listings"]

BELIEVED = 15.0
"""Seconds for which a listing is not asked for again."""

AT_MOST = 1024
"""Listings that are kept; the one that was used least recently goes first."""


@dataclass(slots=True)
class Listing:
    """What a folder held when it was listed."""

    entries: dict[str, Entry]
    """By path."""
    etag: str
    """Of the folder just before it was listed; "" where nobody looked."""
    until: float
    """On the monotonic clock."""


class Listings:
    """Listings by the path of their folder, without slashes at its ends.

    Threads may share it: fsspec calls ``invalidate_cache`` from any of them. ``number`` grows with every
    ``forget``, so that a listing which was under way meanwhile is not kept.
    """

    def __init__(self, *, use: bool = True, believed: float | None = None) -> None:
        self._use = use
        self._believed = BELIEVED if believed is None else believed
        self._kept: OrderedDict[str, Listing] = OrderedDict()
        self._lock = threading.Lock()
        self.number = 0

    def get(self, path: str, *, expired: bool = False) -> Listing | None:
        """The listing of a folder, if it may be believed; with ``expired``, also if it may not."""
        with self._lock:
            found = self._kept.get(path)
            if found is None or (not expired and found.until < time.monotonic()):
                return None
            self._kept.move_to_end(path)
            return found

    def entry(self, path: str) -> Entry | None:
        """What the listing of its folder says of a file or folder; None where it does not name it."""
        found = self.get(parent_of(path))
        return found.entries.get("/" + path) if found is not None else None

    def put(self, path: str, entries: dict[str, Entry], etag: str, number: int) -> None:
        """Keep a listing, by path, that was begun when ``number`` was what it is now."""
        if not self._use or number != self.number:
            return
        with self._lock:
            self._kept[path] = Listing(entries, etag, time.monotonic() + self._believed)
            self._kept.move_to_end(path)
            while len(self._kept) > AT_MOST:
                self._kept.popitem(last=False)

    def prolong(self, path: str) -> None:
        """Believe a listing for another while: its folder is what it was."""
        with self._lock:
            if path in self._kept:
                self._kept[path].until = time.monotonic() + self._believed

    def forget(self, path: str | None = None) -> None:
        """Drop the listings of ``path``, of all below it and of all folders above it; of everything for None."""
        with self._lock:
            self.number += 1
            if path is None:
                self._kept.clear()
                return
            for known in [k for k in self._kept if is_within(k, path) or is_within(path, k)]:
                del self._kept[known]
