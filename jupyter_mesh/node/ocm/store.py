"""Contacts, invitations and shares over sites in the index. All of it runs in the worker thread of the site."""

# ruff: noqa: S608 - only names of columns of this module are put into a statement

from __future__ import annotations

import hashlib
import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import AlreadyExists
from jupyter_mesh.node.ocm.rows import Contact, Given, Invite, Received

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Row

    from jupyter_mesh.node.index import Index

__all__ = ["FederationStore", "hashed"]

_GONE_KEPT = 30 * 86400
_LIVE = "(expires = 0 OR expires > ?)"


def hashed(secret: str) -> str:
    """What is kept of a secret that is only compared; 128 random bits and more need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class FederationStore:
    """Reads and writes the rows. What has ended is not found, whatever the row says."""

    def __init__(self, index: Index) -> None:
        self._index = index

    # Sites

    def peers(self) -> dict[str, str]:
        """Title by domain of the sites that were added by command."""
        return {row["domain"]: row["title"] for row in self._index.rows("SELECT * FROM peers")}

    def peer(self, domain: str) -> str | None:
        """Title of a site that was added by command, or None."""
        title = self._index.value("SELECT title FROM peers WHERE domain = ?", domain)
        return None if title is None else str(title)

    def add_peer(self, domain: str, title: str) -> None:
        """Trust a site, or change its title."""
        with self._index.change():
            self._index.run("INSERT OR REPLACE INTO peers VALUES (?, ?)", domain, title)

    def remove_peer(self, domain: str) -> bool:
        """Trust a site no longer; False when it was not trusted by command."""
        with self._index.change():
            return bool(self._index.run("DELETE FROM peers WHERE domain = ?", domain))

    # Invitations and contacts

    def add_invite(self, invite: Invite) -> None:
        """Keep an invitation; those that ended long ago go."""
        with self._index.change():
            self._index.run("DELETE FROM invites WHERE expires < ?", int(time.time()) - 86400)
            self._index.run(
                "INSERT INTO invites VALUES (?, ?, ?, ?)",
                invite.token,
                invite.user,
                invite.description,
                invite.expires,
            )

    def invites_of(self, user: str) -> list[Invite]:
        """The invitations of a user that can still be accepted, the first to end first."""
        rows = self._index.rows(
            "SELECT * FROM invites WHERE user = ? AND expires > ? ORDER BY expires, token",
            user,
            int(time.time()),
        )
        return [Invite(**row) for row in map(dict, rows)]

    def invite(self, token: str) -> Invite | None:
        """The invitation with that token, while it can be accepted."""
        row = self._index.row(
            "SELECT * FROM invites WHERE token = ? AND expires > ?", token, int(time.time())
        )
        return None if row is None else Invite(**dict(row))

    def put_contact(self, contact: Contact) -> bool:
        """Keep a contact, or what was told anew of one; True when it was not known."""
        with self._index.change():
            new = self.contact(contact.user, contact.id, contact.domain) is None
            self._index.run(
                "INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, domain, id) DO UPDATE SET "
                "name = excluded.name, mail = excluded.mail, invite = excluded.invite",
                contact.user,
                contact.id,
                contact.domain,
                contact.name,
                contact.mail,
                contact.invite,
                int(time.time()),
            )
        return new

    def contact(self, user: str, identifier: str, domain: str) -> Contact | None:
        """The contact of a user with that id, byte for byte, at that site."""
        row = self._index.row(
            "SELECT * FROM contacts WHERE user = ? AND domain = ? AND id = ?",
            user,
            domain,
            identifier,
        )
        return None if row is None else _contact(row)

    def contacts_of(self, user: str, domain: str = "") -> list[Contact]:
        """The contacts of a user by name, of one site if it is said."""
        rows = self._index.rows(
            "SELECT * FROM contacts WHERE user = ? AND ? IN ('', domain) ORDER BY name, domain, id",
            user,
            domain,
        )
        return [_contact(row) for row in rows]

    def contacts_count(self, user: str, domain: str) -> int:
        """How many contacts a user has at one site."""
        query = "SELECT count(*) FROM contacts WHERE user = ? AND domain = ?"
        return int(self._index.value(query, user, domain))

    def remove_contact(self, user: str, identifier: str, domain: str) -> bool:
        """Forget a contact on our side; False when there is none."""
        with self._index.change():
            return bool(
                self._index.run(
                    "DELETE FROM contacts WHERE user = ? AND domain = ? AND id = ?",
                    user,
                    domain,
                    identifier,
                )
            )

    # Shares given

    def forget_unsent(self) -> list[Given]:
        """Forget shares whose sending a killed process left undone; returns them: they may have arrived."""
        with self._index.change():
            rows = self._index.rows("SELECT * FROM given WHERE answer = 'unsent'")
            self._index.run("DELETE FROM given WHERE answer = 'unsent'")
        return [_given(row) for row in rows]

    def add_given(self, share: Given) -> None:
        """Keep a share; raises AlreadyExists when the same sharer has shared the same with the same contact."""
        with self._index.change():
            if self._index.row(
                f"SELECT 1 FROM given WHERE sharer = ? AND domain = ? AND grantee = ? AND entry = ? AND {_LIVE}",
                share.sharer,
                share.domain,
                share.grantee,
                share.entry,
                time.time(),
            ):
                raise AlreadyExists("This is shared with that contact already.")
            self._index.run("DELETE FROM given WHERE expires > 0 AND expires <= ?", time.time())
            self._write("given", _given_row(share))

    def change_given(self, share: Given) -> None:
        """Keep what was changed of a share."""
        with self._index.change():
            self._write("given", _given_row(replace(share, modified=int(time.time()))))

    def given(self, provider_id: str) -> Given | None:
        """The share with that providerId; None when there is none, it was removed, or has ended."""
        row = self._index.row(
            f"SELECT * FROM given WHERE id = ? AND {_LIVE}", provider_id, time.time()
        )
        return None if row is None else _given(row)

    def given_by(self, user: str) -> list[Given]:
        """The shares that a user gave, or others of what is the user's; oldest first."""
        query = (
            f"SELECT * FROM given WHERE (sharer = ? OR owner = ?) AND answer != 'unsent' AND {_LIVE} "
            "ORDER BY created, id"
        )
        return [_given(row) for row in self._index.rows(query, user, user, time.time())]

    def given_of(self, entry: str) -> list[Given]:
        """The shares of a file or folder, whoever gave them."""
        query = f"SELECT * FROM given WHERE entry = ? AND answer != 'unsent' AND {_LIVE} ORDER BY created, id"
        return [_given(row) for row in self._index.rows(query, entry, time.time())]

    def given_by_secret(self, secret: str) -> Given | None:
        """The share with that secret."""
        query = f"SELECT * FROM given WHERE secret = ? AND {_LIVE}"
        row = self._index.row(query, secret, time.time())
        return None if row is None else _given(row)

    def answered_given(self, provider_id: str, answer: str) -> None:
        """Keep what the receiver said to a share."""
        with self._index.change():
            self._index.run("UPDATE given SET answer = ? WHERE id = ?", answer, provider_id)

    def remove_given(self, provider_id: str) -> bool:
        """End a share, and every token for it; False when there is none."""
        with self._index.change():
            return bool(self._index.run("DELETE FROM given WHERE id = ?", provider_id))

    def add_token(self, token: str, share: str, expires: int) -> None:
        """Keep an access token for a share; those that ended go."""
        with self._index.passing_change():
            self._index.run("DELETE FROM access_tokens WHERE expires <= ?", time.time())
            self._index.run(
                "INSERT INTO access_tokens VALUES (?, ?, ?)", hashed(token), share, expires
            )

    def given_by_token(self, token: str) -> Given | None:
        """The share that an exchanged access token was made for and is still good for."""
        share = self._index.value(
            "SELECT share FROM access_tokens WHERE hash = ? AND expires > ?",
            hashed(token),
            time.time(),
        )
        return None if share is None else self.given(share)

    # Shares received

    def put_received(self, share: Received) -> Received:
        """Keep a share that arrived; one that arrives again takes the place of the first and keeps its id.

        The user's answer stays, unless the share had been withdrawn, or comes from somebody else. What ended a month
        ago goes.
        """
        with self._index.change():
            self._index.run(
                "DELETE FROM received WHERE user = ? AND domain = ? AND modified < ?3 AND "
                "(state = 'withdrawn' OR (expires > 0 AND expires < ?3))",
                share.user,
                share.domain,
                int(time.time()) - _GONE_KEPT,
            )
            row = self._index.row(
                "SELECT * FROM received WHERE user = ? AND domain = ? AND provider_id = ?",
                share.user,
                share.domain,
                share.provider_id,
            )
            if row is not None:
                known = _received(row)
                # What was accepted from one is not accepted from another.
                other = (known.sender, known.owner) != (share.sender, share.owner)
                again = known.state == "withdrawn" or known.ended or other
                share = replace(
                    share,
                    id=known.id,
                    created=known.created,
                    state="pending" if again else known.state,
                    hidden=known.hidden and not again,
                )
            self._write("received", _received_row(share))
        return share

    def received(self, share: str) -> Received | None:
        """The received share of that id, whoever has it, and whatever state it is in."""
        row = self._index.row("SELECT * FROM received WHERE id = ?", share)
        return None if row is None else _received(row)

    def received_of(self, user: str) -> list[Received]:
        """All that a user has received: neither ended, nor withdrawn, nor lost; oldest first."""
        return self._received_where(user, "lost = 0")

    def lost_of(self, user: str) -> list[Received]:
        """What a user had accepted and its site does not open any more; the one lost last comes first."""
        lost = self._received_where(user, "lost > 0 AND state = 'accepted'")
        return sorted(lost, key=lambda share: -share.lost)

    def _received_where(self, user: str, where: str) -> list[Received]:
        query = (
            f"SELECT * FROM received WHERE user = ? AND state != 'withdrawn' AND {where} AND {_LIVE} "
            "ORDER BY created, id"
        )
        return [_received(row) for row in self._index.rows(query, user, time.time())]

    def received_count(self, user: str, domain: str) -> int:
        """How many shares of a user come from one site and have not ended."""
        query = (
            "SELECT count(*) FROM received WHERE user = ? AND domain = ? AND state != 'withdrawn' "
            f"AND {_LIVE}"
        )
        return int(self._index.value(query, user, domain, time.time()))

    def received_called(self, provider_id: str) -> list[Received]:
        """What any site calls by that providerId, of all our users."""
        query = "SELECT * FROM received WHERE provider_id = ?"
        return [_received(row) for row in self._index.rows(query, provider_id)]

    def received_from(self, domain: str, provider_id: str) -> list[Received]:
        """What one site calls by that providerId, of all our users."""
        query = "SELECT * FROM received WHERE domain = ? AND provider_id = ?"
        return [_received(row) for row in self._index.rows(query, domain, provider_id)]

    def change_received(
        self,
        share: str,
        *,
        state: str = "",
        hidden: bool | None = None,
        editor: bool | None = None,
    ) -> None:
        """Keep a user's answer, whether the share is hidden, or what the other side allows now."""
        with self._index.change():
            self._index.run(
                "UPDATE received SET state = CASE ?1 WHEN '' THEN state ELSE ?1 END, "
                "hidden = coalesce(?2, hidden), editor = coalesce(?3, editor), modified = ?4 WHERE id = ?5",
                state,
                hidden,
                editor,
                int(time.time()),
                share,
            )

    def withdrawn(self, share: str) -> None:
        """Note that the other side has told the end of a received share: it is no longer listed."""
        self.change_received(share, state="withdrawn")

    def lost(self, share: str) -> None:
        """Note that its site does not open a received share: it is not listed until ``found``."""
        self._mark_lost(share, int(time.time()))

    def found(self, share: str) -> None:
        """Note that its site opens a received share again."""
        self._mark_lost(share, 0)

    def _mark_lost(self, share: str, when: int) -> None:
        with self._index.change():
            self._index.run("UPDATE received SET lost = ? WHERE id = ?", when, share)

    def _write(self, table: str, values: dict[str, Any]) -> None:
        columns = ", ".join(values)
        changes = ", ".join(f"{column} = excluded.{column}" for column in values)
        self._index.run(
            f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))}) "
            f"ON CONFLICT (id) DO UPDATE SET {changes}",
            *values.values(),
        )


def _contact(row: Row) -> Contact:
    return Contact(
        user=row["user"],
        id=row["id"],
        domain=row["domain"],
        name=row["name"],
        mail=row["mail"],
        invite=row["invite"],
    )


_GIVEN = [one.name for one in fields(Given)]
_RECEIVED = [one.name for one in fields(Received) if one.name not in ("accepted", "is_file")]


def _flags(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return values | {name: bool(values[name]) for name in names}


def _given(row: Row) -> Given:
    return Given(**_flags(dict(row), ("folder", "editor", "must_exchange")))


def _given_row(share: Given) -> dict[str, Any]:
    return {name: getattr(share, name) for name in _GIVEN}


def _received(row: Row) -> Received:
    values = _flags(dict(row), ("editor", "may_share", "must_exchange", "hidden"))
    is_file = not values.pop("folder")
    found = Received(**values, is_file=is_file)
    return replace(found, accepted=found.state == "accepted" and not found.ended)


def _received_row(share: Received) -> dict[str, Any]:
    return {name: getattr(share, name) for name in _RECEIVED} | {"folder": not share.is_file}
