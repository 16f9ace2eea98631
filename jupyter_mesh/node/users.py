"""The people of a site and the spaces they may enter: users, groups, projects, roles."""

# ruff: noqa: S608 - only "?" is put into a statement

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists, InvalidRequest, NotFound
from jupyter_mesh.node.index import Index
from jupyter_mesh.node.rights import OWNER, ROLES, Rights, read_rights, write_rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from sqlite3 import Row

__all__ = [
    "ACTIVE",
    "GROUP",
    "MINE",
    "USER",
    "AppPassword",
    "People",
    "SpaceRow",
    "UserRow",
    "add_project",
    "add_user",
    "hash_password",
    "password_matches",
]

_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
NO_LIMIT = 2**64 - 1
"""How sites write "no limit" in a number of bytes."""

USER, GROUP = 1, 2
"""The kinds of grantees, with the numbers of CS3."""

MINE = (
    "((shares.kind = 1 AND shares.grantee = :user) OR (shares.kind = 2 AND shares.grantee IN "
    "(SELECT grp FROM memberships WHERE user = :user)))"
)
"""Rows of ``shares`` that are for a user, or for a group that the user is in now."""

ACTIVE = "(expires = 0 OR expires > :now)"
"""Rows of ``shares`` and ``links`` that have not ended."""

_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user of this site."""

    id: str
    name: str
    display: str
    mail: str
    groups: tuple[str, ...]
    quota: int
    """Bytes for the personal space, 0 for no limit."""
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRow:
    """A space of this site. Its root folder has the id of the space."""

    id: str
    kind: str
    name: str
    owner: str
    folder: str
    """Where its files are, relative to the data folder."""
    quota: int


def room_left(space: SpaceRow, used: int) -> int:
    """Bytes that may still be added to a space; a very large number without a quota."""
    return max(0, space.quota - used) if space.quota else NO_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPassword:
    """What is known of an app password; the password itself is not kept."""

    hash: str
    label: str
    scope: bool
    """True when it opens everything of its user, False when it opens nothing."""
    made: int
    expires: int


def hash_password(password: str, salt: bytes) -> str:
    """What is kept of a password; takes 30 ms."""
    digest = hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
    return f"scrypt${salt.hex()}${digest.hex()}"


_NOBODY = hash_password(secrets.token_hex(), os.urandom(16))


def password_matches(password: str, stored: str | None) -> bool:
    """True if ``stored`` was made from ``password``. Takes as long for an unknown user (None): 30 ms."""
    known = stored or _NOBODY
    made = hash_password(password, bytes.fromhex(known.split("$")[1]))
    return hmac.compare_digest(made, known) and stored is not None


def _check_space_name(name: str) -> None:
    if (
        not name
        or name.startswith(".")
        or "/" in name
        or not name.isprintable()
        or len(name.encode()) > 200
    ):
        raise InvalidRequest(
            f'"{name}" cannot be the name of a project: use up to 200 printable characters, no "/" and no leading dot.'
        )


class People:
    """Users, groups and spaces in an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def add_user(
        self,
        name: str,
        password: str,
        *,
        display: str = "",
        mail: str = "",
        groups: Iterable[str] = (),
        quota: int = 0,
    ) -> UserRow:
        """Add a user. Raises AlreadyExists, or InvalidRequest for a name that cannot be a folder."""
        if not _USER_NAME.fullmatch(name):
            raise InvalidRequest(
                f'"{name}" cannot be a user name: use up to 64 letters, digits and . _ @ + -, a letter or digit first.'
            )
        if not password:
            raise InvalidRequest("An empty password is not allowed.")
        if quota < 0:
            raise InvalidRequest("A quota is a number of bytes, or 0 for no limit.")
        hashed = hash_password(password, os.urandom(16))
        user = str(uuid.uuid4())
        with self._index.change():
            # Two users whose names differ in case alone would share a folder on some disks.
            if self._index.row("SELECT 1 FROM users WHERE name = ? COLLATE NOCASE", name):
                raise AlreadyExists(f'There is a user "{name}" already.')
            self._index.run(
                "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(number), 9999) + 1 FROM users))",
                user,
                name,
                display or name,
                mail,
                hashed,
                quota,
            )
            for group in set(groups):
                self._index.run("INSERT INTO memberships VALUES (?, ?)", user, group)
        return self.by_id(user)

    def add_project(self, name: str, members: Mapping[str, str], *, quota: int = 0) -> SpaceRow:
        """Add a project, or change the members named of one that is there.

        ``members`` maps user names, and group names after "@", to "viewer", "editor" or "owner".
        Raises NotFound for an unknown user, InvalidRequest for a bad name or role.
        """
        _check_space_name(name)
        grants: dict[tuple[int, str], Rights] = {}
        for member, role in members.items():
            if role.lower() not in ("viewer", "editor", "owner"):
                raise InvalidRequest(f'"{role}" is not a role: use viewer, editor or owner.')
            group = member.startswith("@")
            grantee = (GROUP, member[1:]) if group else (USER, self.by_name(member).id)
            grants[grantee] = ROLES[role.lower()]
        owner = next(
            (who for (kind, who), rights in grants.items() if kind == USER and rights == OWNER), ""
        )
        folder = f"projects/{name}"
        with self._index.change():
            space = self._index.value("SELECT id FROM spaces WHERE folder = ?", folder)
            if space is None:
                space = str(uuid.uuid4())
                self._index.run(
                    "INSERT INTO spaces VALUES (?, 'project', ?, ?, ?, ?)",
                    space,
                    name,
                    owner,
                    folder,
                    quota,
                )
            now = time.time_ns()
            for (kind, who), rights in grants.items():
                self._index.run(
                    "INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '') ON CONFLICT (node, kind, grantee) "
                    "DO UPDATE SET rights = excluded.rights, changed = excluded.changed, expires = 0",
                    uuid.uuid4().hex,
                    space,
                    kind,
                    who,
                    write_rights(rights),
                    owner,
                    now,
                    now,
                )
        return self.space(space)

    def add_home(self, user: UserRow) -> SpaceRow:
        """The personal space of a user, made if there is none. Its id is the id of the user."""
        with self._index.change():
            self._index.run(
                "INSERT OR IGNORE INTO spaces VALUES (?, 'personal', ?, ?, ?, ?)",
                user.id,
                user.display,
                user.id,
                f"home/{user.name}",
                user.quota,
            )
        return self.space(user.id)

    def password_of(self, name: str) -> str | None:
        """The stored form of a user's password, for ``password_matches``; None for an unknown user."""
        found: str | None = self._index.value("SELECT password FROM users WHERE name = ?", name)
        return found

    def by_name(self, name: str) -> UserRow:
        """The user of that name; raises NotFound."""
        return self._user(self._index.row("SELECT * FROM users WHERE name = ?", name), name)

    def by_mail(self, mail: str) -> UserRow:
        """The user with that mail address; raises NotFound."""
        row = self._index.row("SELECT * FROM users WHERE mail = ? AND mail != ''", mail)
        return self._user(row, mail)

    def by_id(self, user: str) -> UserRow:
        """The user of that id; raises NotFound."""
        return self._user(self._index.row("SELECT * FROM users WHERE id = ?", user), user)

    def find_users(self, text: str) -> list[UserRow]:
        """The users with a text in name, display name or mail address, whatever its case, sorted by display name."""
        wanted = text.casefold()
        rows = self._index.rows("SELECT * FROM users ORDER BY display COLLATE NOCASE, name")
        groups: dict[str, list[str]] = {}
        for user, group in self._index.tuples("SELECT user, grp FROM memberships ORDER BY grp"):
            groups.setdefault(user, []).append(group)
        return [
            _user_row(row, groups.get(row["id"], ()))
            for row in rows
            if any(wanted in row[field].casefold() for field in ("name", "display", "mail"))
        ]

    def find_groups(self, text: str) -> list[str]:
        """The groups with a text in their name, whatever its case, sorted."""
        wanted = text.casefold()
        rows = self._index.tuples("SELECT DISTINCT grp FROM memberships ORDER BY grp")
        return [name for (name,) in rows if wanted in name.casefold()]

    def members(self, group: str) -> list[str]:
        """Ids of the users in a group; a group without any is none."""
        rows = self._index.tuples("SELECT user FROM memberships WHERE grp = ?", group)
        return [user for (user,) in rows]

    def _user(self, row: Row | None, asked: str) -> UserRow:
        if row is None:
            raise NotFound(f'There is no user "{asked}" at this site.')
        groups = self._index.rows(
            "SELECT grp FROM memberships WHERE user = ? ORDER BY grp", row["id"]
        )
        return _user_row(row, [group[0] for group in groups])

    def space(self, space: str) -> SpaceRow:
        """The space of that id; raises NotFound."""
        row = self._index.row("SELECT * FROM spaces WHERE id = ?", space)
        if row is None:
            raise NotFound("There is no such space.")
        return SpaceRow(**dict(row))

    def space_in(self, folder: str) -> SpaceRow | None:
        """The space whose files are in a folder of the data folder, or None."""
        row = self._index.row("SELECT * FROM spaces WHERE folder = ?", folder)
        return None if row is None else SpaceRow(**dict(row))

    def spaces_of(self, user: UserRow) -> list[tuple[SpaceRow, Rights]]:
        """The spaces whose member a user is, with what he may do there; the personal one first."""
        found: dict[str, tuple[SpaceRow, Rights]] = {}
        for row in self._index.rows(
            "SELECT s.*, :owner AS rights FROM spaces s WHERE s.kind = 'personal' AND s.owner = :user UNION ALL "
            "SELECT s.*, shares.rights FROM shares JOIN spaces s ON s.id = shares.node "
            f"WHERE s.kind != 'personal' AND {MINE} AND {ACTIVE}",
            {"user": user.id, "owner": write_rights(OWNER), "now": time.time_ns()},
        ):
            values = dict(row)
            rights = read_rights(values.pop("rights"))
            space = SpaceRow(**values)
            found[space.id] = (space, rights | found.get(space.id, (space, frozenset()))[1])
        return sorted(
            found.values(), key=lambda known: (known[0].kind != "personal", known[0].name)
        )

    def add_app_password(
        self, user: UserRow, *, label: str, scope: bool, expires: int
    ) -> tuple[str, AppPassword]:
        """Make an app password that ends at the Unix time ``expires`` (0: never)."""
        password = secrets.token_urlsafe(24)
        # 192 random bits need no slow hash.
        hashed = hashlib.sha256(password.encode()).hexdigest()
        made = AppPassword(
            hash=hashed, label=label, scope=scope, made=int(time.time()), expires=expires
        )
        with self._index.change():
            self._index.run(
                "INSERT INTO app_passwords VALUES (?, ?, ?, ?, ?, ?)",
                hashed,
                user.id,
                label,
                scope,
                made.made,
                expires,
            )
        return password, made

    def app_passwords(self, user: UserRow) -> list[AppPassword]:
        """The app passwords of a user, oldest first."""
        rows = self._index.rows("SELECT * FROM app_passwords WHERE user = ? ORDER BY made", user.id)
        return [
            AppPassword(
                hash=row["hash"],
                label=row["label"],
                scope=bool(row["scope"]),
                made=row["made"],
                expires=row["expires"],
            )
            for row in rows
        ]

    def app_password(self, user: UserRow, password: str) -> AppPassword | None:
        """The app password of a user that is ``password`` and has not ended, or None."""
        hashed = hashlib.sha256(password.encode()).hexdigest()
        now = time.time()
        for known in self.app_passwords(user):
            if hmac.compare_digest(known.hash, hashed) and (
                not known.expires or now < known.expires
            ):
                return known
        return None

    def remove_app_password(self, user: UserRow, hashed: str) -> bool:
        """Remove an app password by its hash; False when there is none."""
        with self._index.change():
            return bool(
                self._index.run(
                    "DELETE FROM app_passwords WHERE user = ? AND hash = ?", user.id, hashed
                )
            )


def _user_row(row: Row, groups: Iterable[str]) -> UserRow:
    return UserRow(
        id=row["id"],
        name=row["name"],
        display=row["display"],
        mail=row["mail"],
        groups=tuple(groups),
        quota=row["quota"],
        number=row["number"],
    )


def add_user(
    data: Path,
    name: str,
    password: str,
    *,
    display: str = "",
    mail: str = "",
    groups: Iterable[str] = (),
    quota: int = 0,
) -> UserRow:
    """Add a user to the site in ``data``, whether it runs or not. Raises as ``People.add_user``."""
    with Index(data) as index:
        return People(index).add_user(
            name, password, display=display, mail=mail, groups=groups, quota=quota
        )


def add_project(data: Path, name: str, members: Mapping[str, str], *, quota: int = 0) -> SpaceRow:
    """Add a project to the site in ``data``, whether it runs or not. Raises as ``People.add_project``."""
    with Index(data) as index:
        return People(index).add_project(name, members, quota=quota)
