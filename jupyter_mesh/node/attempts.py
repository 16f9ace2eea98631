"""How often somebody may try a password."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict

__all__ = ["Attempts", "source_of"]

_KEPT = 10_000


def source_of(address: str) -> str:
    """Who is behind an address: of IPv6 the network, which everybody has as a whole."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


class Attempts:
    """Counts tries by key: after ``most`` wrong ones within ``span`` seconds no more are made until those are over.

    Used on the event loop. Keys beyond the newest ten thousand are forgotten.
    """

    def __init__(self, *, most: int = 10, span: float = 60.0) -> None:
        self._most = most
        self._span = span
        self._tries: OrderedDict[str, list[float]] = OrderedDict()

    def begin(self, key: str) -> bool:
        """Count one more try; False when it may not be made. ``succeeded`` takes all of them back."""
        since = time.monotonic() - self._span
        recent = [when for when in self._tries.pop(key, ()) if when > since]
        allowed = len(recent) < self._most
        self._tries[key] = [*recent, time.monotonic()] if allowed else recent
        while len(self._tries) > _KEPT:
            self._tries.popitem(last=False)
        return allowed

    def succeeded(self, key: str) -> None:
        """Forget the tries that went before a right one."""
        self._tries.pop(key, None)
