"""What a public link leads to, read over WebDAV as every site of the mesh offers it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from jupyter_mesh.errors import (
    DeadlineExceeded,
    InvalidRequest,
    MeshError,
    NotAllowed,
    NotFound,
    TooLarge,
    TransferFailed,
    Unavailable,
)
from jupyter_mesh.webdav.bodies import read_xml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from jupyter_mesh.binder.links import PublicLink

__all__ = ["LinkedFile", "LinkedFolder", "open_link", "tree_id"]

ROOTS = ("/dav/public-files/", "/remote.php/dav/public-files/")
"""Where sites have links: the first of them that answers is taken."""

MOST_FILES, MOST_BYTES = 10_000, 10 << 30
"""What an environment is made of at most: a link can lead to all of an institution."""

LISTING_AT_MOST = 64 << 20
DEEPEST = 32
PATIENCE = 60.0
PIECE = 1 << 20
WANTED = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop>'
    b"<resourcetype/><getetag/><getcontentlength/></prop></propfind>"
)


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """A file below the folder."""

    path: str
    etag: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    is_folder: bool
    etag: str
    size: int


def tree_id(files: list[LinkedFile]) -> str:
    """The same for the same files with the same contents, as far as the site tells: 40 hexadecimal digits."""
    told = sorted((file.path, file.etag, file.size) for file in files)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:40]


@asynccontextmanager
async def open_link(link: PublicLink) -> AsyncIterator[LinkedFolder]:
    """Ask the site of a link; redirects are not followed, and no proxy of the environment is asked for loopback."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield LinkedFolder(session, link)


class LinkedFolder:
    """The folder that a link means; or its one file."""

    def __init__(self, session: aiohttp.ClientSession, link: PublicLink) -> None:
        self._session = session
        self._link = link
        self._root = ""

    async def files(self) -> list[LinkedFile]:
        """All files below, by path. Raises NotFound, NotAllowed for a password, TooLarge, Unavailable."""
        found: list[LinkedFile] = []
        folders, total = [""], 0
        while folders:
            path = folders.pop()
            if path.count("/") > DEEPEST:
                raise TooLarge(f"The folders of this link are nested deeper than {DEEPEST}.")
            own, entries = await self._look(path)
            if not path and not own.is_folder:
                # The link leads to one file: its name is not in the answer of all sites.
                entries = [own]
            for entry in entries:
                below = f"{path}/{entry.name}" if path else entry.name
                if entry.is_folder:
                    folders.append(below)
                    continue
                url = self._url("" if entry is own else below)
                found.append(LinkedFile(below, entry.etag, entry.size, url))
                total += entry.size
            if len(found) > MOST_FILES or total > MOST_BYTES:
                raise TooLarge(
                    f"This link leads to more than {MOST_FILES} files or {MOST_BYTES >> 30} GB: "
                    "share a folder with what the environment needs."
                )
        return sorted(found, key=lambda file: file.path)

    async def save(self, file: LinkedFile, folder: Path) -> None:
        """Write one file below ``folder``; TransferFailed if it is not the one that was listed any more."""
        target = folder.joinpath(*file.path.split("/"))
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        async with self._ask("GET", file.url) as answer:
            etag = answer.headers.get("ETag", file.etag)
            if _plain(etag) != file.etag:
                raise TransferFailed(f"{file.path} was changed while it was read. Start again.")
            out = await asyncio.to_thread(_new, target)
            size = 0
            try:
                async for piece in answer.content.iter_chunked(PIECE):
                    size += len(piece)
                    if size > file.size:
                        break
                    await asyncio.to_thread(out.write, piece)
            finally:
                await asyncio.to_thread(out.close)
        if size != file.size:
            raise TransferFailed(f"{file.path} did not arrive as a whole. Start again.")

    async def _look(self, path: str) -> tuple[_Entry, list[_Entry]]:
        """The entry at a path, and what is in it."""
        roots = [self._root] if self._root else list(ROOTS)
        for root in roots:
            self._root = root
            try:
                return await self._propfind(path)
            except NotFound:
                if root == roots[-1]:
                    self._root = ""
                    raise
        raise AssertionError  # One of them returns or raises.

    async def _propfind(self, path: str) -> tuple[_Entry, list[_Entry]]:
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        url = self._url(path, folder=True)
        async with self._ask("PROPFIND", url, headers=headers, data=WANTED) as answer:
            try:
                tree = await read_xml(answer.content, LISTING_AT_MOST)
            except (InvalidRequest, TooLarge) as error:
                raise self._nonsense() from error
        base = unquote(urlsplit(url).path).rstrip("/")
        own: _Entry | None = None
        entries = []
        for response in tree if tree is not None else ():
            href = unquote(urlsplit(response.findtext("{DAV:}href", "")).path)
            below = href.rstrip("/").removeprefix(base)
            entry = _entry(response, href.rstrip("/").rpartition("/")[2])
            if not below:
                own = entry
            elif below.startswith("/") and "/" not in below[1:]:
                entries.append(_checked(entry))
        if own is None:
            raise self._nonsense()
        return own, entries

    def _url(self, path: str, *, folder: bool = False) -> str:
        names = [self._link.token, *self._link.folder.split("/"), *path.split("/")]
        text = "/".join(quote(name, safe="") for name in names if name)
        return f"{self._link.origin}{self._root}{text}{'/' if folder else ''}"

    @asynccontextmanager
    async def _ask(
        self, method: str, url: str, **more: object
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        host = self._link.host
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                allow_redirects=False,
                **more,  # type: ignore[arg-type]  # headers and data
            ) as answer:
                if answer.status not in (200, 207):
                    raise self._refusal(answer.status)
                yield answer
        except TimeoutError as error:
            raise DeadlineExceeded(f"{host} does not answer in time.") from error
        except aiohttp.ClientError as error:
            raise Unavailable(f"{host} does not answer ({type(error).__name__}).") from error

    def _nonsense(self) -> MeshError:
        return Unavailable(f"{self._link.host} answers for this link what cannot be understood.")

    def _refusal(self, status: int) -> MeshError:
        host = self._link.host
        if status == 401:
            return NotAllowed(
                "This link has a password, and a build has nobody to ask for it: make a link without one."
            )
        if status == 403:
            return NotAllowed("This link does not show its files: make one that can be viewed.")
        if status in (404, 405):
            return NotFound(f"{host} has no such link, or it has ended.")
        return Unavailable(f"{host} does not give what this link leads to (HTTP {status}).")


def _entry(response: Element, name: str) -> _Entry:
    for part in response.iterfind("{DAV:}propstat"):
        if " 200" in part.findtext("{DAV:}status", " 200"):
            size = part.findtext("{DAV:}prop/{DAV:}getcontentlength", "")
            return _Entry(
                name=name,
                is_folder=part.find("{DAV:}prop/{DAV:}resourcetype/{DAV:}collection") is not None,
                etag=_plain(part.findtext("{DAV:}prop/{DAV:}getetag", "")),
                size=int(size) if size.isascii() and size.isdigit() else 0,
            )
    return _Entry(name, False, "", 0)


def _checked(entry: _Entry) -> _Entry:
    """The entry, if its name can be one below our folder."""
    if not entry.name or entry.name in (".", "..") or "/" in entry.name or "\0" in entry.name:
        raise InvalidRequest("This link leads to a file whose name cannot be.")
    return entry


def _plain(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _new(path: Path) -> BinaryIO:
    """A file that was not there; a link in its place is not followed."""
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb"
    )
