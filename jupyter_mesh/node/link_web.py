"""Public links over HTTP: ``/s/<token>`` for browsers without an account.

Every request asks anew what the link allows. A password comes by POST, and is remembered in a cookie that is good for this
link, this password and half a day.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, ClientPayloadError, web
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.address import Address, Caller, resolve
from jupyter_mesh.node.attempts import source_of
from jupyter_mesh.node.flavours import HTTP_STATUS
from jupyter_mesh.node.link_page import (
    HEADERS,
    Page,
    address,
    ended_page,
    password_page,
    refused_page,
)
from jupyter_mesh.node.outgoing import Outgoing
from jupyter_mesh.node.refusal import Reason, Refused, refusal_from
from jupyter_mesh.node.tokens import Transfer
from jupyter_mesh.node.uploads import Uploads
from jupyter_mesh.node.users import room_left

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from jupyter_mesh.node.links import Link
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place
    from jupyter_mesh.node.uploads import Upload

__all__ = ["add_link_routes"]

T = TypeVar("T")

_COOKIE = "mesh-link"
_LONGEST_FORM = 10_000
_FILES_AT_ONCE = 100
_PIECE = 1 << 20
_ADDED = "added"
_SILENCE = 20.0
"""Seconds without a byte after which an upload has been cut off."""


class _Seen(NamedTuple):
    link: Link
    address: Address
    place: Place
    title: str
    owner: str


def add_link_routes(app: web.Application, site: Site) -> None:
    """Serve the public links of a site."""
    pages = _LinkPages(site)
    start = "/s/{token}"
    for route in (start, start + "/in/{path:.+}"):
        app.router.add_get(route, pages.guarded(pages.show))
    app.router.add_get(start + "/get{path:(/.*)?}", pages.guarded(pages.get))
    app.router.add_post(start + "/password", pages.guarded(pages.enter))
    app.router.add_post(start + "/add{path:(/.*)?}", pages.guarded(pages.add))


class _LinkPages:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._outgoing = Outgoing(site)
        self._uploads = Uploads(site)

    def guarded(
        self, handler: Callable[[web.Request, Link], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A handler for the link in the address, once its password is known; every answer gets ``HEADERS``."""

        async def handle(request: web.Request) -> web.StreamResponse:
            token = request.match_info["token"]
            link = await self._site.run(lambda: self._site.links.open(token))
            if link is None:
                return _page(ended_page(), 404)
            entered = not link.password or self._knows_password(request, link)
            if not entered and handler != self.enter:
                return _page(password_page(token, wrong=False), 401)
            try:
                return await handler(request, link)
            except Refused as error:
                if error.reason in (Reason.NO_SPACE, Reason.MISSING):
                    return _page(ended_page(), 404)
                return _page(refused_page(token), HTTP_STATUS.get(error.reason, 500))
            except MeshError:
                return _page(ended_page(), 404)
            except ValueError:
                # aiohttp's word for a form that is none.
                return _page(refused_page(token), 400)

        return handle

    async def show(self, request: web.Request, link: Link) -> web.StreamResponse:
        """A folder or a file; nothing is changed."""
        names = _names(request)
        seen = await self._site.run(lambda: self._look(link, names))
        page = self._view(seen, names, added=request.query.get(_ADDED, ""))
        if not seen.place.entry.folder:
            seen.address.require("initiate_file_download")
            return _page(page.file(seen.place.entry))
        return _page(await self._folder(seen, page))

    async def _folder(self, seen: _Seen, page: Page) -> str:
        if "list_container" not in seen.address.rights:
            if not page.can_upload:
                raise Refused(Reason.MISSING, "There is nothing to see.")
            return page.folder(None)
        entries = await self._site.run(lambda: self._site.tree.listing(seen.place))
        entries = sorted(entries, key=lambda entry: (not entry.folder, entry.name.casefold()))
        # Thousands of rows are put together outside the loop.
        return await asyncio.to_thread(page.folder, entries)

    async def get(self, request: web.Request, link: Link) -> web.StreamResponse:
        """A file, always to be kept and never to be shown: it may hold a page of its own."""
        names = _names(request)
        transfer = Transfer(
            user=link.creator,
            link=link.id,
            space=(await self._site.run(lambda: self._site.space_of(link.node))).id,
            node=link.node,
            path="/".join(names),
        )
        return await self._outgoing.get(
            request, transfer, {**HEADERS, "Content-Security-Policy": "sandbox"}
        )

    async def enter(self, request: web.Request, link: Link) -> web.StreamResponse:
        """Check a password that was typed."""
        if (request.content_length or 0) > _LONGEST_FORM:
            raise Refused(Reason.BAD_REQUEST, "The form is too long.")
        form = await _in_time(request.post())
        try:
            await self._site.enter_link(
                link.token, str(form.get("password", "")), source_of(request.remote or "")
            )
        except Refused as error:
            if error.reason is not Reason.BAD_LOGIN:
                raise
            return _page(password_page(link.token, wrong=True), 403)
        answer = web.Response(status=303, headers={**HEADERS, "Location": address(link.token, "")})
        answer.set_cookie(
            _COOKIE,
            self._site.tokens.entered(link.id, _proof(link)),
            path=address(link.token, ""),
            httponly=True,
            samesite="Lax",
            secure=urlsplit(self._site.federation.origin).scheme == "https",
        )
        return answer

    async def add(self, request: web.Request, link: Link) -> web.StreamResponse:
        """Take files into a folder, each under a name that is free."""
        names = _names(request)
        seen = await self._site.run(lambda: self._look(link, names))
        if not seen.place.entry.folder:
            raise Refused(Reason.NOT_FOLDER, "This is not a folder.")
        seen.address.require("initiate_file_upload")
        if not request.content_type.startswith("multipart/"):
            raise Refused(Reason.BAD_REQUEST, "Files come as a form.")
        count = 0
        form = await request.multipart()
        while (part := await _in_time(form.next())) is not None:
            if isinstance(part, BodyPartReader) and part.filename:
                try:
                    await self._take(link, names, part, part.filename, count)
                except Refused as error:
                    problem = _told(error, part.filename)
                    page = self._view(seen, names, added=str(count or ""), problem=problem)
                    status = HTTP_STATUS.get(error.reason, 500)
                    return _page(await self._folder(seen, page), status)
                count += 1
        where = address(link.token, "in" if names else "", names)
        return web.Response(
            status=303, headers={**HEADERS, "Location": f"{where}?{_ADDED}={count}"}
        )

    async def _take(
        self, link: Link, names: tuple[str, ...], part: BodyPartReader, filename: str, count: int
    ) -> None:
        if count == _FILES_AT_ONCE:
            raise Refused(Reason.BAD_REQUEST, f"add up to {count} files at once.")
        name = filename.replace("\\", "/").rpartition("/")[2]
        transfer = Transfer(user=link.creator, link=link.id)

        def start() -> tuple[Upload, Path, int]:
            place = self._look(link, names).place
            upload = self._uploads.start(
                link.creator,
                place,
                self._free(place, name),
                size=None,
                condition="absent",
                expected="",
                lock="",
                checksum="",
                mtime=None,
            )
            used = self._site.tree.root(place.space).entry.size
            return upload, self._uploads.path(upload), room_left(place.space, used)

        upload, path, room = await self._site.run(start)
        try:
            digest = await _spool(part, path, room)
            sha1 = digest if self._site.flavour.compares else ""
            await self._site.run(lambda: self._uploads.finish(upload, sha1, None, transfer))
        except BaseException:
            with suppress(Refused):
                await asyncio.shield(self._site.run(lambda: self._uploads.drop(upload)))
            raise

    def _free(self, folder: Place, name: str) -> str:
        """The name, with a number where it is taken: nobody overwrites what he may not see."""
        stem, dot, extension = name.rpartition(".")

        def numbered(count: int) -> str:
            return f"{stem} ({count}).{extension}" if dot and stem else f"{name} ({count})"

        def taken(name: str) -> bool:
            return self._site.tree.child(folder, name) is not None

        if not taken(name):
            return name
        # However many there are, a free number lies between the last one found taken and the first found free.
        last, free = 0, 1
        while taken(numbered(free)):
            last, free = free, 2 * free
        while free - last > 1:
            middle = (last + free) // 2
            last, free = (middle, free) if taken(numbered(middle)) else (last, middle)
        return numbered(free)

    def _look(self, link: Link, names: tuple[str, ...]) -> _Seen:
        user = self._site.people.by_id(link.creator)
        path = "/".join(("/public", link.token, *names))
        found = resolve(self._site, Caller(user, link=link.id), resources.Reference(path=path))
        place = self._site.tree.find(found.space, found.base, found.names)
        title = self._site.tree.entries.need(link.node).name or found.space.name
        return _Seen(link, found, place, title, user.display)

    def _view(
        self, seen: _Seen, names: tuple[str, ...], *, added: str = "", problem: str = ""
    ) -> Page:
        notice = ""
        if added.isdecimal() and len(added) < 4:
            notice = "1 file was added." if added == "1" else f"{added} files were added."
        return Page(
            site=self._site.federation.title,
            token=seen.link.token,
            title=seen.title,
            names=names,
            expires=seen.link.expires,
            owner=seen.owner,
            can_upload="initiate_file_upload" in seen.address.rights,
            notice=notice,
            problem=problem,
        )

    def _knows_password(self, request: web.Request, link: Link) -> bool:
        return self._site.tokens.has_entered(
            request.cookies.get(_COOKIE, ""), link.id, _proof(link)
        )


def _proof(link: Link) -> str:
    """Changes with the password, so that a new one ends what was entered with the old."""
    return hashlib.sha256(link.password.encode()).hexdigest()[:16]


def _names(request: web.Request) -> tuple[str, ...]:
    """The names in an address. A name that looks like a way elsewhere is refused where it is resolved."""
    return tuple(name for name in request.match_info.get("path", "").split("/") if name)


def _told(error: Refused, name: str) -> str:
    if error.reason is Reason.NO_ROOM:
        return f'"{name}" was not added: there is no room for it.'
    return f'"{name}" was not added: {error}'


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


async def _spool(part: BodyPartReader, path: Path, room: int) -> str:
    """Write one file of a form to the disk, in pieces and in threads, and sync it; returns its SHA1."""
    digest = hashlib.sha1(usedforsecurity=False)

    def write(piece: bytes) -> None:
        file.write(piece)
        digest.update(piece)

    def sync() -> None:
        file.flush()
        os.fsync(file.fileno())

    size = 0
    file = await asyncio.to_thread(path.open, "wb")
    try:
        while piece := await _in_time(part.read_chunk(_PIECE)):
            size += len(piece)
            if size > room:
                raise Refused(Reason.NO_ROOM, "There is no room for this file.")
            await asyncio.to_thread(write, piece)
        await asyncio.to_thread(sync)
    except OSError as error:
        raise refusal_from(error) from error
    finally:
        await asyncio.to_thread(file.close)
    return digest.hexdigest()


async def _in_time(coming: Awaitable[T]) -> T:
    """What comes of a form; raises Refused(BROKEN) where it is cut short or falls silent."""
    try:
        async with asyncio.timeout(_SILENCE):
            return await coming
    except (TimeoutError, ConnectionError, ClientPayloadError):
        raise Refused(Reason.BROKEN, "The connection was cut.") from None
