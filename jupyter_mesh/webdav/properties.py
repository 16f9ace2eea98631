"""Properties of files and folders as XML: those of WebDAV, and those that ownCloud clients look for.

Others that a client sets are kept as metadata of the resource, under the keys that ocdav uses.
"""

from __future__ import annotations

import re
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree.ElementTree import Element, tostring
from xml.sax.saxutils import escape

from jupyter_mesh.webdav.ranges import entity_tag

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from jupyter_mesh.models import Quota, Resource

__all__ = [
    "DAV",
    "LIVE",
    "OC",
    "PROTECTED",
    "dead_key",
    "dead_value",
    "href_of",
    "prop_xml",
    "when",
]

DAV, OC = "DAV:", "http://owncloud.org/ns"
NAMESPACES = f'xmlns:d="{DAV}" xmlns:oc="{OC}"'

# XML 1.0 cannot say these at all, names of files can hold them; ``href`` has the name letter by letter.
UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def href_of(path: str, directory: bool) -> str:
    """A path as a URL path: what is not plain is percent-encoded, so it needs no quoting in XML either."""
    quoted = "/" + quote(path)
    return f"{quoted}/" if directory and path else quoted


def said(text: str) -> str:
    """Any text as XML."""
    return escape(UNSAYABLE.sub("\ufffd", text))


def when(text: str) -> datetime | None:
    """A time as HTTP writes it; None for anything else."""
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None


def _type(resource: Resource) -> str:
    return "<d:collection/>" if resource.is_directory else ""


def _length(resource: Resource) -> str | None:
    return None if resource.is_directory else str(resource.size)


def _content_type(resource: Resource) -> str | None:
    return None if resource.is_directory else said(resource.mimetype or "application/octet-stream")


def _modified(resource: Resource) -> str:
    return format_datetime(resource.modified, usegmt=True)


def _etag(resource: Resource) -> str | None:
    return said(entity_tag(resource.etag)) if resource.etag else None


def _id(resource: Resource) -> str | None:
    return said(str(resource.id)) if resource.id else None


def _checksums(resource: Resource) -> str | None:
    checksum = resource.checksum
    if checksum is None:
        return None
    return f"<oc:checksum>{checksum.algorithm.upper()}:{checksum.value}</oc:checksum>"


def _permissions(resource: Resource) -> str:
    """As ownCloud writes them: share, delete, rename, move, create files and folders, or write."""
    allowed = resource.permissions
    letters = "R" if allowed.share else ""
    letters += "D" if allowed.delete else ""
    letters += "NV" if allowed.move else ""
    if resource.is_directory:
        return letters + ("CK" if allowed.create or allowed.write else "")
    return letters + ("W" if allowed.write else "")


LIVE: dict[str, Callable[[Resource], str | None]] = {
    f"{{{DAV}}}resourcetype": _type,
    f"{{{DAV}}}displayname": lambda resource: said(resource.name),
    f"{{{DAV}}}getcontentlength": _length,
    f"{{{DAV}}}getcontenttype": _content_type,
    f"{{{DAV}}}getlastmodified": _modified,
    f"{{{DAV}}}getetag": _etag,
    f"{{{OC}}}id": _id,
    f"{{{OC}}}fileid": _id,
    f"{{{OC}}}size": lambda resource: str(resource.size),
    f"{{{OC}}}permissions": _permissions,
    f"{{{OC}}}checksums": _checksums,
}
"""How each property is told; None where a resource has none of it."""

QUOTA: dict[str, Callable[[Quota], str | None]] = {
    f"{{{DAV}}}quota-used-bytes": lambda quota: str(quota.used),
    f"{{{DAV}}}quota-available-bytes": lambda quota: (
        None if quota.free is None else str(quota.free)
    ),
}
"""Told of folders, when they are asked for by name."""

PROTECTED = {*LIVE, *QUOTA, f"{{{DAV}}}supportedlock", f"{{{DAV}}}lockdiscovery"}


def dead_key(name: str) -> str:
    """The metadata key of a property that a client set."""
    namespace, _, local = name.removeprefix("{").rpartition("}")
    return f"{namespace}/{local}"


def dead_value(prop: Element) -> str:
    """What a client set: text, or the XML inside."""
    return escape(prop.text or "") + "".join(tostring(child, "unicode") for child in prop)


def prop_xml(name: str, inner: str = "") -> str:
    """One property as an element."""
    namespace, _, local = name.removeprefix("{").rpartition("}")
    prefix = {DAV: "d", OC: "oc"}.get(namespace)
    if prefix:
        tag = declared = f"{prefix}:{local}"
    else:
        tag = local
        declared = f'{local} xmlns="{escape(namespace, {chr(34): "&quot;"})}"'
    return f"<{declared}>{inner}</{tag}>" if inner else f"<{declared}/>"


def quota_value(name: str, quota: Quota) -> str | None:
    """A property about the room in a space; None where it sets no limit."""
    return QUOTA[name](quota)
