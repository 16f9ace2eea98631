"""Public links: whoever has the token may enter, some with a password.

A link hangs on the id of its entry, as a share does.
"""

# ruff: noqa: S608 - only constants are put into a statement

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_mesh.node.entries import new_id
from jupyter_mesh.node.rights import Rights, read_rights, write_rights
from jupyter_mesh.node.users import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Row

    from jupyter_mesh.node.index import Index
    from jupyter_mesh.node.shares import Shares

__all__ = ["Link", "Links"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A public link. Times in nanoseconds since 1970; ``expires`` 0 for never."""

    id: str
    token: str = field(repr=False)
    node: str
    rights: Rights
    password: str = field(repr=False)
    """The hash that ``users.password_matches`` takes, or "" without a password."""
    creator: str
    made: int
    changed: int
    expires: int
    name: str
    note: str

    @property
    def ended(self) -> bool:
        """True once its time is over."""
        return bool(self.expires) and self.expires <= time.time_ns()


class Links:
    """The public links of a site. Used by one thread at a time."""

    def __init__(self, index: Index, shares: Shares) -> None:
        self._index = index
        self._shares = shares

    def add(
        self,
        node: str,
        rights: Rights,
        *,
        password: str,
        creator: str,
        expires: int,
        name: str,
        note: str,
    ) -> Link:
        """Make a link; ``password`` is a hash."""
        now = time.time_ns()
        link = Link(
            id=new_id(),
            token=secrets.token_urlsafe(18),
            node=node,
            rights=rights,
            password=password,
            creator=creator,
            made=now,
            changed=now,
            expires=expires,
            name=name,
            note=note,
        )
        with self._index.change():
            self._index.run(
                "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                link.id,
                link.token,
                node,
                write_rights(rights),
                password,
                creator,
                now,
                now,
                expires,
                name,
                note,
            )
        return link

    def change(self, link: str, column: str, value: str | int) -> None:
        """Set one column: rights, password, expires, name or note."""
        if column not in ("rights", "password", "expires", "name", "note"):
            raise ValueError(column)
        with self._index.change():
            self._index.run(
                f"UPDATE links SET {column} = ?, changed = ? WHERE id = ?",
                value,
                time.time_ns(),
                link,
            )

    def remove(self, link: str) -> None:
        """End a link."""
        with self._index.change():
            self._index.run("DELETE FROM links WHERE id = ?", link)

    def by_token(self, token: str) -> Link | None:
        """The link of that token that has not ended, or None."""
        return next(iter(self._select(f"token = :token AND {ACTIVE}", token=token)), None)

    def open(self, token: str) -> Link | None:
        """The link of that token, if it has not ended and what it leads to is there; else None."""
        link = self.by_token(token)
        return link if link is not None and self._shares.ways([link.node]) else None

    def get(self, link: str) -> Link | None:
        """The link of that id, also one that has ended, or None."""
        return next(iter(self._select("id = :id", id=link)), None)

    def on(self, nodes: Iterable[str]) -> list[Link]:
        """The links to some entries, oldest first, also those that have ended."""
        return self._select(
            "node IN (SELECT value FROM json_each(:nodes))", nodes=json.dumps(list(nodes))
        )

    def given(self, user: str) -> list[Link]:
        """The links that a user has made, or to his own files, oldest first, also those that have ended."""
        return self._select(
            "(creator = :user OR node IN (SELECT n.id FROM links l JOIN nodes n ON n.id = l.node "
            "JOIN spaces s ON s.id = n.space WHERE s.owner = :user))",
            user=user,
        )

    def _select(self, where: str, **values: str) -> list[Link]:
        rows = self._index.rows(
            f"SELECT * FROM links WHERE {where} ORDER BY made, id",
            {**values, "now": time.time_ns()},
        )
        return [_link(row) for row in rows]


def _link(row: Row) -> Link:
    return Link(**{**dict(row), "rights": read_rights(row["rights"])})
