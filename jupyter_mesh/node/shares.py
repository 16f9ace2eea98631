"""Shares: grants on an entry to a user or a group of this site, and what each receiver made of them.

A grant hangs on the id of its entry: it follows renames, sleeps while the entry is in the bin, and goes with it. A grant on
the root of a space makes a member of that space.
"""

# ruff: noqa: S608 - only constants are put into a statement

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.node.entries import new_id
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import NONE, Rights, read_rights, reduced, write_rights
from jupyter_mesh.node.users import ACTIVE, MINE, SpaceRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Row

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.flavours import Flavour
    from jupyter_mesh.node.index import Index

__all__ = ["ACCEPTED", "PENDING", "REJECTED", "Grant", "Received", "Shares"]

PENDING, ACCEPTED, REJECTED = 1, 2, 3
"""States of a received share, with the numbers of CS3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A share. Times in nanoseconds since 1970; ``expires`` 0 for never."""

    id: str
    node: str
    kind: int
    grantee: str
    rights: Rights
    creator: str
    made: int
    changed: int
    expires: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A share as one of its receivers has it. ``name`` is that of its mount, once it was accepted."""

    grant: Grant
    state: int
    hidden: bool
    name: str


class Shares:
    """The shares of a site. Used by one thread at a time; shares that have ended are nowhere seen."""

    def __init__(self, index: Index, flavour: Flavour) -> None:
        self._index = index
        self._flavour = flavour

    def granted(self, caller: Caller, nodes: Sequence[str]) -> dict[str, Rights]:
        """What the shares on some entries allow a caller, by entry; through a public link, what that allows."""
        return self._granted(
            caller, "node IN (SELECT value FROM json_each(:where))", json.dumps(nodes)
        )

    def granted_in(self, caller: Caller, folder: str) -> dict[str, Rights]:
        """The same for all that is in a folder, of what is shared in it by itself."""
        return self._granted(caller, "node IN (SELECT id FROM nodes WHERE parent = :where)", folder)

    def _granted(self, caller: Caller, condition: str, where: str) -> dict[str, Rights]:
        table = "links WHERE id = :link" if caller.link else f"shares WHERE {MINE}"
        found: dict[str, Rights] = {}
        for node, rights in self._index.rows(
            f"SELECT node, rights FROM {table} AND {condition} AND {ACTIVE}",
            {
                "user": caller.user.id,
                "link": caller.link,
                "where": where,
                "now": time.time_ns(),
            },
        ):
            found[node] = read_rights(rights) | found.get(node, NONE)
        return found

    def add(
        self,
        node: str,
        kind: int,
        grantee: str,
        rights: Rights,
        *,
        creator: str,
        expires: int,
        note: str = "",
    ) -> Grant:
        """Share an entry; raises Refused(EXISTS) when it is shared with this grantee already."""
        now = time.time_ns()
        grant = Grant(
            id=new_id() if self._flavour.spaces else str(secrets.randbelow(10**15)),
            node=node,
            kind=kind,
            grantee=grantee,
            rights=rights if self._flavour.spaces else reduced(rights),
            creator=creator,
            made=now,
            changed=now,
            expires=expires,
            note=note,
        )
        with self._index.change():
            self._index.run("DELETE FROM shares WHERE expires != 0 AND expires <= ?", now)
            added = self._index.run(
                "INSERT OR IGNORE INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                grant.id,
                node,
                kind,
                grantee,
                write_rights(grant.rights),
                creator,
                now,
                now,
                expires,
                note,
            )
        if not added:
            raise Refused(Reason.EXISTS, "error: a share with this grantee already exists")
        return grant

    def update(
        self, share: str, *, rights: Rights | None = None, expires: int | None = None
    ) -> None:
        """Change what a share allows, or when it ends."""
        if rights is not None and not self._flavour.spaces:
            rights = reduced(rights)
        with self._index.change():
            self._index.run(
                "UPDATE shares SET rights = coalesce(?, rights), expires = coalesce(?, expires), changed = ? WHERE id = ?",
                None if rights is None else write_rights(rights),
                expires,
                time.time_ns(),
                share,
            )

    def remove(self, shares: Iterable[str]) -> None:
        """End shares."""
        with self._index.change():
            for share in shares:
                self._index.run("DELETE FROM shares WHERE id = ?", share)

    def get(self, share: str) -> Grant | None:
        """The share of that id, or None."""
        return next(iter(self._select("id = :id", id=share)), None)

    def on(self, nodes: Iterable[str]) -> list[Grant]:
        """The shares of some entries, oldest first."""
        return self._select(
            "node IN (SELECT value FROM json_each(:nodes))", nodes=json.dumps(list(nodes))
        )

    def given(self, user: str) -> list[Grant]:
        """The shares that a user has made, or whose entries are his own, oldest first."""
        return self._select(
            "(creator = :user OR node IN (SELECT n.id FROM shares g JOIN nodes n ON n.id = g.node "
            "JOIN spaces s ON s.id = n.space WHERE s.owner = :user))",
            user=user,
        )

    def with_grantee(self, kind: int, grantee: str) -> list[Grant]:
        """The shares with one user or group, oldest first."""
        return self._select("kind = :kind AND grantee = :grantee", kind=kind, grantee=grantee)

    def names_of(self, users: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Display name and user name of users, in one query."""
        rows = self._index.rows(
            "SELECT id, display, name FROM users WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps(list(set(users))),
        )
        return {row[0]: (row[1] or row[2], row[2]) for row in rows}

    def spaces_of(self, nodes: Iterable[str]) -> dict[str, SpaceRow]:
        """The space of each entry, in one query; a root that nobody has looked at is its own."""
        rows = self._index.rows(
            "SELECT j.value AS node, s.* FROM json_each(?) j LEFT JOIN nodes n ON n.id = j.value "
            "JOIN spaces s ON s.id = coalesce(n.space, j.value)",
            json.dumps(list(set(nodes))),
        )
        found = {}
        for row in rows:
            values = dict(row)
            node = values.pop("node")
            found[node] = SpaceRow(**values)
        return found

    def received(self, user: str, share: str = "") -> list[Received]:
        """The shares with a user and with his groups, oldest first; those of his own making or files left out."""
        rows = self._index.rows(
            "SELECT shares.*, r.state, r.hidden, r.name FROM shares JOIN nodes n ON n.id = shares.node "
            "JOIN spaces s ON s.id = n.space LEFT JOIN answers r ON r.share = shares.id AND r.user = :user "
            f"WHERE {MINE} AND {ACTIVE} AND shares.node != s.id AND shares.creator != :user AND s.owner != :user "
            "AND (:share = '' OR shares.id = :share) ORDER BY shares.made, shares.id",
            {"user": user, "share": share, "now": time.time_ns()},
        )
        first = PENDING if self._flavour.spaces else ACCEPTED
        return [
            Received(
                grant=_grant(row),
                state=first if row["state"] is None else row["state"],
                hidden=bool(row["hidden"]),
                name=row["name"] or "",
            )
            for row in rows
        ]

    def mounted(self, user: str, *, share: str = "", name: str = "") -> Received | None:
        """The accepted share with that id, or with that name of its mount, or None."""
        for one in self.received(user, share):
            if one.state == ACCEPTED and one.name and name in ("", one.name):
                return one
        return None

    def answer(
        self,
        user: str,
        share: str,
        *,
        state: int | None = None,
        hidden: bool | None = None,
        name: str = "",
    ) -> Received:
        """Note what a receiver makes of a share; raises Refused(MISSING) for a share that he does not have.

        ``name`` is wished for the mount; it gets a number when another has it.
        """
        known = next(iter(self.received(user, share)), None) if share else None
        if known is None:
            raise Refused(Reason.MISSING, f"not found: {share}")
        state = known.state if state is None else state
        hidden = known.hidden if hidden is None else hidden
        if state == ACCEPTED and self._flavour.spaces:
            name = self._free_name(user, share, name or known.name or self._name(known.grant.node))
        with self._index.change():
            self._index.run(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT (share, user) DO UPDATE SET "
                "state = excluded.state, hidden = excluded.hidden, name = excluded.name",
                share,
                user,
                state,
                hidden,
                name or known.name,
            )
        return next(iter(self.received(user, share)))

    def ways(self, nodes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The names from the root of its space to each entry, in one query.

        What is in the bin, or was removed by hand, is left out, with all below it.
        """
        rows = self._index.tuples(
            "WITH RECURSIVE up(start, id, parent, name, gone, depth) AS ("
            "SELECT n.id, n.id, n.parent, n.name, n.gone, 0 FROM json_each(?) j JOIN nodes n ON n.id = j.value "
            "UNION ALL SELECT up.start, n.id, n.parent, n.name, n.gone, up.depth + 1 FROM up JOIN nodes n ON n.id = up.parent) "
            "SELECT up.start, up.id, up.parent, up.name, up.gone, n.space FROM up JOIN nodes n ON n.id = up.id "
            "ORDER BY up.start, up.depth DESC",
            json.dumps(list(set(nodes))),
        )
        ways: dict[str, list[str]] = {}
        ended: set[str] = set()
        for start, entry, parent, name, gone, space in rows:
            if gone or (parent is None and entry != space):
                ended.add(start)
            way = ways.setdefault(start, [])
            if parent is not None:
                way.append(name)
        return {start: tuple(way) for start, way in ways.items() if start not in ended}

    def _select(self, where: str, **values: str | int) -> list[Grant]:
        rows = self._index.rows(
            f"SELECT * FROM shares WHERE {where} AND {ACTIVE} ORDER BY made, id",
            {**values, "now": time.time_ns()},
        )
        return [_grant(row) for row in rows]

    def _name(self, node: str) -> str:
        return str(self._index.value("SELECT name FROM nodes WHERE id = ?", node) or "")

    def _free_name(self, user: str, share: str, wished: str) -> str:
        taken = {
            row[0]
            for row in self._index.rows(
                "SELECT name FROM answers WHERE user = ? AND share != ? AND state = ?",
                user,
                share,
                ACCEPTED,
            )
        }
        name, count = wished, 0
        while name in taken:
            count += 1
            name = f"{wished} ({count})"
        return name


def _grant(row: Row) -> Grant:
    return Grant(
        id=row["id"],
        node=row["node"],
        kind=row["kind"],
        grantee=row["grantee"],
        rights=read_rights(row["rights"]),
        creator=row["creator"],
        made=row["made"],
        changed=row["changed"],
        expires=row["expires"],
        note=row["note"],
    )
