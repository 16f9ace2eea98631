"""Folders as JSON: the entries of a listing as bytes, kept while the etag of the folder stays the same."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

from jupyter_mesh.paths import is_within, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.models import Child

__all__ = ["Listed", "Listing", "Listings", "page_of", "to_json"]

MAX_AGE = 60.0
"""Seconds after which a folder is listed again even if its etag says that nothing changed: whether a changed
permission changes it differs between sites."""

ROOM = 32 << 20
"""Bytes of listings that are kept."""


class Listed(NamedTuple):
    """What a folder held, and what was known when the site was asked for it."""

    children: list[Child]
    asked: float
    """When that was (``time.monotonic``)."""
    writes: int
    """``Memory.writes`` at that time."""
    before: str
    """Etag that the folder was known to have had by then; "" if none was known."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of one folder as JSON."""

    entries: bytes
    digest: str
    asked: float
    writes: int
    before: str

    @classmethod
    def of(cls, entries: list[Model], listed: Listed) -> Listing:
        """The models ``entries`` of what was listed. Takes about 1 ms for a thousand of them."""
        data = orjson.dumps(entries, option=orjson.OPT_UTC_Z)
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        return cls(data, digest, listed.asked, listed.writes, listed.before)


def to_json(model: Model) -> bytes:
    """A model without content. Times are written as Jupyter writes them."""
    return orjson.dumps(model, option=orjson.OPT_UTC_Z)


def page_of(folder: Model, listing: Listing) -> bytes:
    """The model of a folder with its listing as content."""
    content = orjson.Fragment(listing.entries)
    return to_json(folder | {"content": content, "format": "json"})


class Listings:
    """The listings of the folders that were opened last, each with the etag that its folder had then.

    Bounded in bytes. What ``get`` returns is for the caller to compare with the etag that the folder has now.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Listing] = OrderedDict()
        self._size = 0

    def get(self, path: str) -> Listing | None:
        """The listing of a folder as it was when its etag was ``before``; None if it has to be made anew."""
        kept = self._kept.get(path)
        if kept is None or time.monotonic() - kept.asked > MAX_AGE:
            return None
        self._kept.move_to_end(path)
        return kept

    def keep(self, path: str, listing: Listing, etag: str, writes: int) -> None:
        """Keep a listing if ``etag``, seen now, is the one that the folder had before it was listed.

        Only then was nothing changed in between: a pair of a newer etag and an older listing would be
        believed for a minute. ``writes`` are those of ours until now: none may have come in between either.
        """
        self._drop(path)
        known = etag and etag == listing.before and writes == listing.writes
        if not known or len(listing.entries) > ROOM:
            return
        self._kept[path] = listing
        self._size += len(listing.entries)
        while self._size > ROOM:
            self._drop(next(iter(self._kept)))

    def forget(self, path: str) -> None:
        """Drop the listings that hold ``path``, and all below it."""
        folder = parent_of(path)
        for known in [each for each in self._kept if each == folder or is_within(each, path)]:
            self._drop(known)

    def clear(self) -> None:
        """Drop all."""
        self._kept.clear()
        self._size = 0

    def _drop(self, path: str) -> None:
        kept = self._kept.pop(path, None)
        if kept is not None:
            self._size -= len(kept.entries)
