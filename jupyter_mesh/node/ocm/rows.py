"""What the node keeps about other sites, as rows of its index. No secret shows in a repr."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["SCHEMA", "Contact", "Given", "Invite", "Received"]

SCHEMA = """
CREATE TABLE peers (domain TEXT PRIMARY KEY, title TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE invites (
    token TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    description TEXT NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE contacts (
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE, id TEXT NOT NULL, domain TEXT NOT NULL,
    name TEXT NOT NULL, mail TEXT NOT NULL, invite TEXT NOT NULL, made INTEGER NOT NULL,
    PRIMARY KEY (user, domain, id)
) WITHOUT ROWID;
CREATE TABLE given (
    id TEXT PRIMARY KEY, space TEXT NOT NULL REFERENCES spaces ON DELETE CASCADE, entry TEXT NOT NULL,
    owner TEXT NOT NULL, sharer TEXT NOT NULL REFERENCES users ON DELETE CASCADE, name TEXT NOT NULL,
    folder INTEGER NOT NULL, grantee TEXT NOT NULL, domain TEXT NOT NULL, editor INTEGER NOT NULL,
    must_exchange INTEGER NOT NULL, secret TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, answer TEXT NOT NULL, note TEXT NOT NULL,
    UNIQUE (sharer, domain, grantee, entry)
) WITHOUT ROWID;
CREATE INDEX given_of ON given (entry);
CREATE TABLE received (
    id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users ON DELETE CASCADE, name TEXT NOT NULL,
    domain TEXT NOT NULL, provider_id TEXT NOT NULL, sender TEXT NOT NULL, sender_name TEXT NOT NULL,
    owner TEXT NOT NULL, owner_domain TEXT NOT NULL, owner_name TEXT NOT NULL, note TEXT NOT NULL,
    url TEXT NOT NULL, secret TEXT NOT NULL, editor INTEGER NOT NULL, may_share INTEGER NOT NULL,
    must_exchange INTEGER NOT NULL, folder INTEGER NOT NULL, expires INTEGER NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, state TEXT NOT NULL, hidden INTEGER NOT NULL,
    UNIQUE (user, domain, provider_id)
) WITHOUT ROWID;
CREATE INDEX received_called ON received (provider_id);
CREATE TABLE access_tokens (
    hash TEXT PRIMARY KEY, share TEXT NOT NULL REFERENCES given ON DELETE CASCADE, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_tokens_of ON access_tokens (share);
"""


def ended(expires: int) -> bool:
    """True when a time in seconds lies in the past; 0 is never."""
    return bool(expires) and time.time() >= expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An invitation that a user of ours made. The token is a capability."""

    token: str = field(repr=False)
    user: str
    description: str
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody at another site whom a user of ours has met by an invitation."""

    user: str
    id: str
    """The userID as the other site told it, byte for byte."""
    domain: str
    name: str
    mail: str = field(repr=False)
    invite: str = field(default="", repr=False)
    """Hash of the invitation by which they met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A share that somebody at another site has from a user of ours."""

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
    sharer: str = ""
    """Id of our user who shared it."""
    name: str = ""
    folder: bool = True
    grantee: str = ""
    """The userID of the receiver, as it was told to us."""
    domain: str = ""
    created: int = 0
    modified: int = 0
    answer: str = ""
    """"accepted" or "declined" when the other side said so; "unsent" while it does not have the share yet."""
    note: str = ""

    @property
    def ended(self) -> bool:
        """True when the share has expired."""
        return ended(self.expires)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A share that a user of ours has from another site."""

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
    """True only in the state ACCEPTED, and before the end of the share."""
    is_file: bool = False
    """What the sender said; only a PROPFIND knows."""
    expires: int = 0
    created: int = 0
    modified: int = 0
    provider_id: str = ""
    sender: str = ""
    sender_name: str = ""
    owner_domain: str = ""
    owner_name: str = ""
    note: str = ""
    may_share: bool = False
    state: str = "pending"
    """"pending", "accepted", "declined" or "withdrawn"."""
    hidden: bool = False
    lost: int = 0
    """Seconds since 1970 since when its site does not open it; 0 while it does."""

    @property
    def ended(self) -> bool:
        """True when the share has expired."""
        return ended(self.expires)
