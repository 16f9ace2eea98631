"""Public links as people paste them. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from jupyter_mesh.config import is_loopback

__all__ = ["PublicLink"]

TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")
CRATE = "ro-crate-metadata.json"


@dataclass(frozen=True, slots=True)
class PublicLink:
    """A link, and the folder below it that is meant.

    =====================================  ==============================================
    ``https://HOST/s/TOKEN``               as the share dialog gives it
    ``cs3://HOST/s/TOKEN``                 the same, and nobody else's
    ``…/s/TOKEN/sub/folder``               a folder below it; ``/in/sub/folder`` is, too
    ``…/s/TOKEN?path=/sub/folder``         as web pages have it
    ``…/ro-crate-metadata.json``           the folder of that crate
    =====================================  ==============================================
    """

    origin: str
    """Scheme and host."""
    token: str
    folder: str
    """"" for what the link leads to."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The link in a text; None for anything else. Plain HTTP is for this machine alone."""
        parts = urlsplit(text.strip())
        if parts.scheme not in ("cs3", "https", "http") or not parts.hostname:
            return None
        if parts.username is not None or parts.password is not None:
            return None
        scheme = parts.scheme
        if scheme == "cs3":
            scheme = "http" if is_loopback(parts.hostname) else "https"
        if scheme == "http" and not is_loopback(parts.hostname):
            return None
        names = [unquote(name) for name in parts.path.split("/") if name]
        if names[:1] == ["index.php"]:
            names = names[1:]
        if len(names) < 2 or names[0] != "s" or not TOKEN.fullmatch(names[1]):
            return None
        below = names[2:]
        if below[:1] == ["in"]:
            below = below[1:]
        if not below:
            path = parse_qs(parts.query).get("path", [""])[0]
            below = [name for name in path.split("/") if name]
        if below[-1:] == [CRATE]:
            below = below[:-1]
        if any(name in (".", "..") or "/" in name or "\0" in name for name in below):
            return None
        return cls(f"{scheme}://{parts.netloc}", names[1], "/".join(below))

    @property
    def host(self) -> str:
        """The host, without its port."""
        return urlsplit(self.origin).hostname or ""

    @property
    def url(self) -> str:
        """The link in one spelling."""
        return f"{self.origin}/s/{self.token}" + (f"/{quote(self.folder)}" if self.folder else "")
