"""What the bytes between sites need to know: the shares given out, those received, and a way to the peer.

``store.py``, ``tokens.py`` and ``client.py`` provide it; ``access.py`` and ``node/remote`` ask for no more.
Methods that are not coroutines read or write the index: they run in the worker thread of the site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jupyter_mesh.node.ocm.rows import Given, Received

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from contextlib import AbstractAsyncContextManager

    import aiohttp

__all__ = ["Given", "Peers", "Received", "Shares"]


class Shares(Protocol):
    """The rows of shares over sites."""

    def given(self, provider_id: str) -> Given | None:
        """The share with that providerId; None when there is none, or it was removed."""

    def given_by_token(self, token: str) -> Given | None:
        """The share that an exchanged access token was made for and is still good for."""

    def received(self, share: str) -> Received | None:
        """The received share of that id, whoever has it."""

    def received_of(self, user: str) -> list[Received]:
        """All that a user has received and that its site opens, as far as is known."""

    def lost(self, share: str) -> None:
        """Note that its site does not open a received share: it is not listed until ``found``."""

    def found(self, share: str) -> None:
        """Note that its site opens a received share again."""


class Peers(Protocol):
    """The way to other sites: only addresses that are allowed, no redirects, bounded in time."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | AsyncIterable[bytes] | None = None,
        patience: float = 30.0,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One request; the body of the answer is not read yet, and may be longer than any limit for JSON.

        ``patience`` bounds connecting and every silence, not the whole. Raises MeshError when the peer is not
        allowed (NotAllowed), does not answer (Unavailable) or takes too long (DeadlineExceeded).
        """
