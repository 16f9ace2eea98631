"""Names of sites and of people at other sites, in the many spellings that travel between sites.

Bytes are kept for calls; what is made here is for showing and comparing only (``facts/ocm.md`` §2).
"""

from __future__ import annotations

import base64
import binascii

__all__ = ["domain_of", "remote_id"]

HTTPS_PORT = ":443"


def domain_of(text: str) -> str:
    """``host[:port]`` in lower case, without scheme, path and the port of HTTPS: for comparing."""
    host = text.strip()
    scheme, found, rest = host.partition("://")
    if found and scheme.casefold() in ("http", "https"):
        host = rest
    host = host.partition("/")[0].casefold()
    return host.removesuffix(HTTPS_PORT)


def remote_id(opaque: str, idp: str, own: str = "") -> tuple[str, str]:
    """The id of somebody at another site as people may read it, and the domain of that site.

    ``opaque`` is the id as a server keeps it: bare, or ``<id>@<host>``, or base64 of that with a scheme in
    it; ``idp`` is the other site, or the ``own`` one where a server hides the other in the id.
    """
    domain, text = domain_of(idp), _decoded(opaque) or opaque
    front, at, host = text.rpartition("@")
    if at and domain == own != "" and front:
        domain = domain_of(host)
    # "id@host@https://host" was seen: what only repeats the site says nothing.
    while at and front and domain_of(host) == domain:
        text = front
        front, at, host = text.rpartition("@")
    return text, domain


def _decoded(opaque: str) -> str:
    """What an id holds that is base64 of ``<id>@<host>``, else ""."""
    if len(opaque) % 4 or len(opaque) < 8:
        return ""
    try:
        text = base64.b64decode(opaque, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    front, at, host = text.rpartition("@")
    return text if at and front and host and text.isprintable() and " " not in text else ""
