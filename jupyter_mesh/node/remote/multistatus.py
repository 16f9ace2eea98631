"""What a peer answers to PROPFIND, read while it comes: strangers wrote it, and it may be anything.

No document type and no entity, bounded in bytes, depth and entries; an address outside the share is not taken in.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit
from xml.parsers import expat

from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.tree import check_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

__all__ = ["Found", "names_of", "read_multistatus"]

_BYTES_AT_MOST = 64 << 20
_ENTRIES_AT_MOST = 100_000
_LONGEST_TEXT = 64 << 10
_LONGEST_ETAG = 200
_DEEPEST = 32
_PIECE = 64 << 10
_LARGEST = 2**63

_BUSY = " 425"
"""The status beside all that OpenCloud tells of a file while it works on an upload."""

_DAV = "DAV:}"
_KEPT = {f"{_DAV}{name}" for name in ("href", "status", "getcontentlength", "getetag")}
_KEPT |= {f"{_DAV}getlastmodified"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder of a peer. ``names`` lead to it from the root of the share."""

    names: tuple[str, ...]
    folder: bool
    size: int
    mtime: int
    """Nanoseconds since 1970; 0 where the peer does not tell."""
    etag: str
    """Without quotes; made up of size and time where the peer has none, so that it stays while they do."""
    told: bool = True
    """True if the etag is the peer's own: it understands it in a condition."""
    busy: bool = False
    """True while the peer still works on what was saved last: it can be looked at, and not read."""


def names_of(href: str, host: str) -> tuple[str, ...] | None:
    """The names in an address that a peer told; None for what is not an address of ours to follow."""
    try:
        parts = urlsplit(href.strip())
        if parts.netloc and parts.netloc.rpartition("@")[2].lower() != host.lower():
            return None
        names = tuple(
            name
            for name in (unquote_to_bytes(part).decode() for part in parts.path.split("/"))
            if name not in ("", ".")
        )
        for name in names:
            check_name(name)
    except (ValueError, Refused):
        return None
    return names


async def read_multistatus(
    content: AsyncIterable[bytes], root: tuple[str, ...], host: str
) -> list[Found]:
    """All that an answer tells of what is at or below ``root``, in its order; names are relative to it.

    Raises Refused(BROKEN) for what is no multistatus, or too much.
    """
    reader = _Reader(root, host)
    total = 0
    async for chunk in content:
        total += len(chunk)
        if total > _BYTES_AT_MOST:
            raise Refused(Reason.BROKEN, "The other site answers more than can be listed.")
        for at in range(0, len(chunk), _PIECE):
            reader.feed(chunk[at : at + _PIECE])
            # Ten thousand entries are read in a third of a second: others get their turn in between.
            await asyncio.sleep(0)
    return reader.close()


class _Reader:
    def __init__(self, root: tuple[str, ...], host: str) -> None:
        self._root = root
        self._host = host
        self._found: list[Found] = []
        self._depth = 0
        self._is_multistatus = False
        self._text: list[str] | None = None
        self._length = 0
        self._href = ""
        self._status = ""
        self._group: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._in_group = False
        parser = expat.ParserCreate(namespace_separator="}")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.buffer_text = True
        self._parser = parser

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except (expat.ExpatError, ValueError, LookupError):
            raise Refused(Reason.BROKEN, "The other site answers what is no WebDAV.") from None

    def close(self) -> list[Found]:
        self.feed(b"", last=True)
        if not self._is_multistatus:
            raise Refused(Reason.BROKEN, "The other site answers what is no WebDAV.")
        return self._found

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type")

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("too deep")
        if self._depth == 1:
            self._is_multistatus = tag == f"{_DAV}multistatus"
        elif tag == f"{_DAV}response":
            self._href, self._status, self._told = "", "", {}
        elif tag == f"{_DAV}propstat":
            self._group, self._in_group = {}, True
        elif tag == f"{_DAV}collection":
            self._group["folder"] = "1"
        if tag in _KEPT:
            self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > _LONGEST_TEXT:
                raise ValueError("too long")
            self._text.append(text)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag in _KEPT:
            text, self._text = "".join(self._text or ()).strip(), None
            if tag == f"{_DAV}href":
                # Others stand inside of properties, such as the root of a lock.
                self._href = self._href or text
            elif tag == f"{_DAV}status" and not self._in_group:
                self._status = text
            else:
                self._group[tag] = text
        elif tag == f"{_DAV}propstat":
            self._in_group = False
            if any(good in self._group.get(f"{_DAV}status", " 200") for good in (" 200", _BUSY)):
                self._told |= self._group
        elif tag == f"{_DAV}response":
            self._take()

    def _take(self) -> None:
        names = names_of(self._href, self._host)
        status = self._status.split(" ")[1:2]
        if names is None or names[: len(self._root)] != self._root or status not in ([], ["200"]):
            return
        if len(self._found) >= _ENTRIES_AT_MOST:
            raise ValueError("too many")
        told = self._told
        folder = "folder" in told
        size = 0 if folder else _number(told.get(f"{_DAV}getcontentlength", ""))
        mtime = _time(told.get(f"{_DAV}getlastmodified", ""))
        etag = _etag(told.get(f"{_DAV}getetag", ""))
        made = hashlib.sha256(f"{folder} {size} {mtime}".encode()).hexdigest()[:32]
        names = names[len(self._root) :]
        busy = _BUSY in told.get(f"{_DAV}status", "")
        self._found.append(Found(names, folder, size, mtime, etag or made, bool(etag), busy))


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return min(number, _LARGEST - 1)


def _time(text: str) -> int:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return 0
    try:
        seconds = when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0
    return int(seconds) * 10**9 if 0 <= seconds < _LARGEST / 10**9 else 0


def _etag(text: str) -> str:
    """An etag that can be said back; "" for none."""
    etag = text.removeprefix("W/").strip().strip('"')
    fits = len(etag) <= _LONGEST_ETAG and etag.isascii() and etag.isprintable() and '"' not in etag
    return etag if fits and etag != "<nil>" else ""
