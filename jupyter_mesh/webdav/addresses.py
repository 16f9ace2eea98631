"""From the URLs of a request to the paths of a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from jupyter_mesh.errors import InvalidRequest, SiteError
from jupyter_mesh.paths import normalise

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["destination_of", "path_of"]


def path_of(raw: str, prefix: str = "") -> str:
    """The path that a request target names, below ``prefix``; each name is decoded once, and checked.

    Raises InvalidRequest for what is no name: "..", an encoded slash, NUL, other bytes than UTF-8.
    """
    path = urlsplit(raw).path if "://" in raw else raw.partition("?")[0].partition("#")[0]
    if prefix and path != prefix and not path.startswith(prefix + "/"):
        raise InvalidRequest("This address does not belong here.")
    parts = []
    for part in path.removeprefix(prefix).split("/"):
        try:
            name = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            raise InvalidRequest("The address is not valid UTF-8.") from None
        if "/" in name:
            raise InvalidRequest("A name cannot hold a slash.")
        if name != ".":
            # Some clients address a folder as "folder/.", and what is in it as "folder/./name".
            parts.append(name)
    return normalise("/".join(parts))


def destination_of(request: web.BaseRequest, prefix: str = "") -> str:
    """The path that a copy or a move goes to. Raises SiteError (502) for another server."""
    text = request.headers.get("Destination", "")
    parts = urlsplit(text)
    if not text or (parts.scheme and parts.scheme not in ("http", "https")):
        raise InvalidRequest("This request needs a Destination.")
    if parts.netloc and parts.netloc != request.host:
        raise SiteError("Copies and moves to other servers are not made here.")
    return path_of(text, prefix)
