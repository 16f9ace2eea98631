"""Handed: invitations that came as a link, until Lab has asked for them."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

from jupyter_mesh.errors import InvalidRequest, NotFound

__all__ = ["Handed"]

LASTS = 600.0
"""Seconds that somebody may take to log in and to read."""

AT_ONCE = 100
LONGEST = 4096


class Handed:
    """Texts of invitations in the memory of this server, by a name that is worth nothing elsewhere.

    So the token stands neither in the address of Lab, nor in the history of a browser, nor in a log.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def keep(self, token: str, domain: str) -> str:
        """The nonce of an invitation of a site; raises InvalidRequest for what can be none."""
        if not token or len(token) + len(domain) > LONGEST:
            raise InvalidRequest("This link holds no invitation. Ask for a new one.")
        nonce = secrets.token_urlsafe(16)
        self._kept[nonce] = (time.monotonic(), f"{token}@{domain}" if domain else token)
        while len(self._kept) > AT_ONCE:
            self._kept.popitem(last=False)
        return nonce

    def read(self, nonce: str) -> str:
        """The text to read or accept; raises NotFound for one that was accepted, or is too old."""
        when, text = self._kept.get(nonce, (float("-inf"), ""))
        if time.monotonic() - when > LASTS:
            self._kept.pop(nonce, None)
            raise NotFound(
                "This invitation is no longer at hand. Open its link again, or paste it."
            )
        return text

    def forget(self, nonce: str) -> None:
        """It has served."""
        self._kept.pop(nonce, None)
