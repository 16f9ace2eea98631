"""What the hub remembers, encrypted, about a user's login at the site."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

__all__ = ["ASSUMED_LIFE", "Bearer", "Credential", "Lasting"]

ASSUMED_LIFE = 3600.0
"""Seconds after which a token is replaced when the site does not tell how long it lives."""

RENEW_BEFORE = 300.0
STILL_USEFUL = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Something that ends. Times are seconds since the epoch by the clock of the hub, whatever others' clocks say."""

    received: float
    expires: float

    def is_fresh(self, now: float) -> bool:
        """True while there is no need to ask for the next one."""
        return self.expires - now > min(RENEW_BEFORE, (self.expires - self.received) / 2)

    def is_alive(self, now: float) -> bool:
        """True while it can still do one piece of work."""
        return self.expires - now > min(STILL_USEFUL, (self.expires - self.received) / 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer(Lasting):
    """A token of an identity provider for the site."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Lasting):
    """A login at the site: the token in use and, where the site has them, an app password for the next.

    Secrets are kept out of ``repr``.
    """

    token: str = field(repr=False)
    username: str
    user: str
    """Who the site says this is, ``idp!id``: a renewed token must speak for the same user."""
    app_password: str = field(default="", repr=False)
    label: str = ""
    """Name of the app password in the user's list at the site; it revokes it."""
    logged_out: bool = False
    """The user has logged out while a server still ran: forget everything when the last one stops."""

    def to_state(self) -> dict[str, Any]:
        """As JSON for auth_state."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any] | None) -> Self | None:
        """Read what ``to_state`` wrote; None when nothing readable is there, as after an upgrade."""
        try:
            return cls(**(state or {}))
        except TypeError:
            return None
