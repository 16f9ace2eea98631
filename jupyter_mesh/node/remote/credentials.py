"""What our node shows to a peer: the secret of a share, or the token that it has to be exchanged for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.node.ocm.wanted import Received

__all__ = ["Credentials"]

_EARLY = 30.0
"""Seconds before its end at which a token is no longer used."""

_AT_MOST = 10_000


class Credentials:
    """Tokens for received shares, kept until they end. In memory only.

    ``exchange`` asks a peer for one, and tells for how many seconds it is good.
    """

    def __init__(self, exchange: Callable[[Received], Awaitable[tuple[str, float]]]) -> None:
        self._exchange = exchange
        self._tokens: dict[str, tuple[str, str, float]] = {}
        self._exchanging: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def bearer(self, share: Received) -> str:
        """What opens a share now. Raises what the exchange raises; only asks the peer where the share says so."""
        if not share.must_exchange:
            return share.secret
        lock = self._exchanging.setdefault(share.id, asyncio.Lock())
        async with lock:
            secret, token, until = self._tokens.get(share.id, ("", "", 0.0))
            if secret == share.secret and time.monotonic() < until:
                return token
            token, seconds = await self._exchange(share)
            self._tokens.pop(share.id, None)
            self._tokens[share.id] = share.secret, token, time.monotonic() + seconds - _EARLY
            while len(self._tokens) > _AT_MOST:
                del self._tokens[next(iter(self._tokens))]
            return token

    def refuse(self, share: Received, bearer: str) -> bool:
        """Forget a token that the peer did not accept; True if another one may be asked for."""
        _secret, token, _until = self._tokens.get(share.id, ("", "", 0.0))
        if share.must_exchange and token == bearer:
            del self._tokens[share.id]
        return share.must_exchange
