"""What the bytes between sites need to know: the shares given out, those received, and a way to the peer.

``store.py``, ``tokens.py`` and ``client.py`` provide it; ``access.py`` and ``node/remote`` ask for no more.
Methods that are not coroutines read or write the index: they run in the worker thread of the site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from contextlib import AbstractAsyncContextManager

    import aiohttp

__all__ = ["Given", "Peers", "Received", "Shares"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A share that somebody at another site has from a user of ours, as its bytes are asked for."""

    id: str
    """The providerId: it stands in the address."""
    space: str
    entry: str
    """Id of the file or folder that is shared."""
    owner: str
    """Id of our user whose quota it is and who is told as the author."""
    editor: bool
    """True if it may be written."""
    secret: str = field(repr=False)
    must_exchange: bool = False
    """True if the secret alone opens nothing: only a token that it was exchanged for does."""
    expires: int = 0
    """Seconds since 1970; 0 for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A share that a user of ours has from another site, as it is mounted."""

    id: str
    user: str
    """Id of our user who received it."""
    name: str
    domain: str
    """Host and port of the other site."""
    owner: str
    """The userID of the owner there, as the peer writes it."""
    url: str
    """Absolute address of the root, resolved from uri, url or discovery."""
    secret: str = field(repr=False)
    editor: bool = False
    must_exchange: bool = False
    accepted: bool = False
    """True only in the state ACCEPTED; a withdrawn one is not."""
    is_file: bool = False
    """What the sender said; only a PROPFIND knows."""
    expires: int = 0
    created: int = 0


class Shares(Protocol):
    """The rows of shares over sites."""

    def given(self, provider_id: str) -> Given | None:
        """The share with that providerId; None when there is none, or it was removed."""

    def given_by_token(self, token: str) -> Given | None:
        """The share that an exchanged access token was made for and is still good for."""

    def received(self, share: str) -> Received | None:
        """The received share of that id, whoever has it."""

    def received_of(self, user: str) -> list[Received]:
        """All that a user has received, in any state."""

    def withdrawn(self, share: str) -> None:
        """Note that the other side has ended a received share: it is no longer listed."""


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

    async def exchange(self, share: Received) -> tuple[str, float]:
        """A token for the secret of a share, and the seconds it is good for (OCM code flow).

        Raises Withdrawn when the peer does not know the secret any more, else MeshError.
        """
