"""What goes back: errors as clients of WebDAV read them, and multistatus, streamed when it is long."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.errors import AlreadyExists, IsADirectory, MeshError, NotADirectory, NotFound
from jupyter_mesh.webdav.properties import NAMESPACES, said

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MultiStatus", "error_answer", "status_of", "stream"]

log = logging.getLogger(__name__)

XML = "application/xml; charset=utf-8"
HEAD = f'<?xml version="1.0" encoding="utf-8"?>\n<d:multistatus {NAMESPACES}>'
TAIL = "</d:multistatus>"

AT_ONCE = 200
"""Entries that are written before others get their turn: a few milliseconds."""


def status_of(error: MeshError, method: str) -> int:
    """The status of an error where WebDAV has its own words for it."""
    creates = method in ("PUT", "MKCOL", "COPY", "MOVE")
    if isinstance(error, AlreadyExists) and method == "MKCOL":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if isinstance(error, IsADirectory):
        return HTTPStatus.METHOD_NOT_ALLOWED
    if isinstance(error, NotADirectory):
        # Something below a file: it is not there, and cannot be made there.
        return HTTPStatus.CONFLICT if creates else HTTPStatus.NOT_FOUND
    if isinstance(error, NotFound) and method in ("PUT", "MKCOL"):
        return HTTPStatus.CONFLICT
    return error.status


def error_answer(error: MeshError, method: str, status: int = 0) -> web.Response:
    """One sentence, where clients of ownCloud look for it."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">'
        f"<s:exception>{type(error).__name__}</s:exception><s:message>{said(str(error))}</s:message></d:error>"
    )
    return web.Response(
        status=status or status_of(error, method), body=text.encode(), headers={"Content-Type": XML}
    )


class MultiStatus:
    """The responses of a 207, one per resource."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, href: str, *propstats: tuple[int, str]) -> None:
        """A resource with its properties by status."""
        self._parts.append(response_xml(href, *propstats))

    def answer(self) -> web.Response:
        """All of them at once."""
        text = "".join([HEAD, *self._parts, TAIL])
        return web.Response(status=207, body=text.encode(), headers={"Content-Type": XML})


def response_xml(href: str, *propstats: tuple[int, str]) -> str:
    """One ``d:response``; empty groups of properties are left out."""
    groups = [
        f"<d:propstat><d:prop>{props}</d:prop><d:status>{line_of(status)}</d:status></d:propstat>"
        for status, props in propstats
        if props
    ]
    body = "".join(groups) or f"<d:status>{line_of(200)}</d:status>"
    return f"<d:response><d:href>{href}</d:href>{body}</d:response>"


def line_of(status: int) -> str:
    """A status line as multistatus quotes it."""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


async def stream(request: web.BaseRequest, parts: Iterator[str]) -> web.StreamResponse:
    """A 207 of any length: parts are made while they are sent."""
    first = _some(parts)
    if len(first) < AT_ONCE:
        body = "".join([HEAD, *first, TAIL]).encode()
        return web.Response(status=207, body=body, headers={"Content-Type": XML})
    response = web.StreamResponse(status=207, headers={"Content-Type": XML})
    await response.prepare(request)
    await response.write("".join([HEAD, *first]).encode())
    while some := _some(parts):
        await response.write("".join(some).encode())
        await asyncio.sleep(0)  # A client that takes all at once would keep everybody else waiting.
    await response.write_eof(TAIL.encode())
    return response


def _some(parts: Iterator[str]) -> list[str]:
    return list(islice(parts, AT_ONCE))
