"""The index: what the node knows about its files beyond the files themselves, in one SQLite database.

The files are the truth about names and content. The index adds ids, etags, tree sizes, versions, the
bin, metadata and locks, and the people. It is opened by the running node and by ``jupyter mesh node
user add`` side by side (WAL); within one process only one thread at a time may use an ``Index``.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.ocm.rows import SCHEMA as FEDERATION
from jupyter_mesh.node.rights import EDITOR, OWNER, VIEWER, write_rights

__all__ = ["Index", "make_data_folder", "not_writable", "state_folder"]

_SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, display TEXT NOT NULL, mail TEXT NOT NULL,
    password TEXT NOT NULL, quota INTEGER NOT NULL, number INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE memberships (
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE, grp TEXT NOT NULL, PRIMARY KEY (user, grp)
) WITHOUT ROWID;
CREATE TABLE spaces (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
    folder TEXT NOT NULL UNIQUE, quota INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE members (
    space TEXT NOT NULL REFERENCES spaces ON DELETE CASCADE, grantee TEXT NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (space, grantee)
) WITHOUT ROWID;
CREATE TABLE nodes (
    id TEXT PRIMARY KEY, space TEXT NOT NULL, parent TEXT, name TEXT NOT NULL, folder INTEGER NOT NULL,
    etag TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    inode INTEGER NOT NULL, stamp INTEGER NOT NULL, sha1 TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
    UNIQUE (parent, name)
);
CREATE TABLE metadata (
    node TEXT NOT NULL REFERENCES nodes ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (node, key)
) WITHOUT ROWID;
CREATE TABLE locks (
    node TEXT PRIMARY KEY REFERENCES nodes ON DELETE CASCADE, lock TEXT NOT NULL, kind INTEGER NOT NULL,
    app TEXT NOT NULL, user TEXT NOT NULL, expires INTEGER NOT NULL, created INTEGER NOT NULL,
    extra BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE TABLE versions (
    key TEXT PRIMARY KEY, node TEXT NOT NULL REFERENCES nodes ON DELETE CASCADE,
    size INTEGER NOT NULL, mtime INTEGER NOT NULL, etag TEXT NOT NULL, sha1 TEXT NOT NULL,
    made INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX versions_of ON versions (node);
CREATE TABLE bin (
    key TEXT PRIMARY KEY, space TEXT NOT NULL, node TEXT NOT NULL REFERENCES nodes ON DELETE CASCADE,
    path TEXT NOT NULL, deleted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE uploads (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, space TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER, condition TEXT NOT NULL, expected TEXT NOT NULL, lock TEXT NOT NULL,
    checksum TEXT NOT NULL, mtime INTEGER, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE intents (id INTEGER PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE app_passwords (
    hash TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users ON DELETE CASCADE, label TEXT NOT NULL,
    scope INTEGER NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
"""

_SHARES = f"""
CREATE TABLE shares (
    id TEXT PRIMARY KEY, node TEXT NOT NULL, kind INTEGER NOT NULL, grantee TEXT NOT NULL, rights TEXT NOT NULL,
    creator TEXT NOT NULL, made INTEGER NOT NULL, changed INTEGER NOT NULL, expires INTEGER NOT NULL,
    note TEXT NOT NULL DEFAULT '', UNIQUE (node, kind, grantee)
) WITHOUT ROWID;
CREATE INDEX shares_with ON shares (kind, grantee);
CREATE TABLE answers (
    share TEXT NOT NULL REFERENCES shares ON DELETE CASCADE, user TEXT NOT NULL, state INTEGER NOT NULL,
    hidden INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (share, user)
) WITHOUT ROWID;
CREATE TABLE links (
    id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, node TEXT NOT NULL, rights TEXT NOT NULL,
    password TEXT NOT NULL, creator TEXT NOT NULL, made INTEGER NOT NULL, changed INTEGER NOT NULL,
    expires INTEGER NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX links_on ON links (node);
CREATE TRIGGER shares_end AFTER DELETE ON nodes BEGIN DELETE FROM shares WHERE node = old.id; DELETE FROM links WHERE node = old.id; END;
INSERT INTO shares SELECT lower(hex(randomblob(16))), m.space, 1 + (m.grantee LIKE '@%'), ltrim(m.grantee, '@'),
    CASE m.role WHEN 'OWNER' THEN '{write_rights(OWNER)}' WHEN 'EDITOR' THEN '{write_rights(EDITOR)}' ELSE '{write_rights(VIEWER)}' END,
    s.owner, 0, 0, 0, '' FROM members m JOIN spaces s ON s.id = m.space;
DROP TABLE members;
"""  # noqa: S608 - constants of this room
"""Grants hang on entries, and members of a space are the grantees of its root. That may not have been looked at yet,
so the entry is no foreign key."""

_FIRST_SCHEMA = 2
"""The version that ``_SCHEMA`` makes; ``_STEPS`` lead on from there, and from what was before."""

_STEPS = {
    2: "ALTER TABLE locks ADD COLUMN extra BLOB NOT NULL DEFAULT x''",
    3: FEDERATION,
    4: _SHARES,
    5: "ALTER TABLE received ADD COLUMN lost INTEGER NOT NULL DEFAULT 0",
}
_SCHEMA_VERSION = max(_STEPS)


def not_writable(data: Path) -> MeshError:
    """What to say when the data folder cannot be used."""
    return MeshError(f"The data folder {data} cannot be written. Choose another one with --data.")


def state_folder(data: Path) -> Path:
    """Where a node with the data folder ``data`` keeps what is not a user's file."""
    return data / ".node"


def make_data_folder(data: Path) -> None:
    """Make what is missing of a data folder, for nobody else on this machine; one that is there stays as it is."""
    data.parent.mkdir(parents=True, exist_ok=True)
    for folder in (data, state_folder(data)):
        folder.mkdir(mode=0o700, exist_ok=True)


def _bound(values: tuple[Any, ...]) -> Any:
    return values[0] if values and isinstance(values[0], dict) else values


class Index:
    """An open index. Close it, or use it as a context manager.

    Raises MeshError with one sentence when the folder cannot be written, or the file is no database, or one
    of a newer node; nothing is changed then.
    """

    def __init__(self, data: Path, *, create: bool = True) -> None:
        folder = state_folder(data)
        path = folder / "index.sqlite"
        try:
            if create:
                make_data_folder(data)
            # The store's single worker thread uses it, but another one opens and closes it.
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
        except (OSError, sqlite3.Error) as error:
            raise not_writable(data) from error
        try:
            self._db.row_factory = sqlite3.Row
            # FULL: what was acknowledged survives a power cut, not only a killed process.
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
                self._db.execute(f"PRAGMA {pragma}")
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise MeshError(
                f"The database of the site in {data} cannot be read ({error}). Put {path.relative_to(data)} back from a "
                "backup, or move it away: then the files stay, but users and versions are lost."
            ) from error

    def _prepare(self, path: Path) -> None:
        version = self.value("PRAGMA user_version")
        if version > _SCHEMA_VERSION:
            raise sqlite3.DatabaseError("it was written by a newer version of jupyter-mesh")
        if version == _SCHEMA_VERSION:
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        with self.change():
            # A second process may have made the tables while we waited for the write lock.
            version = self.value("PRAGMA user_version")
            if version == 0:
                self._execute_all(_SCHEMA)
                version = _FIRST_SCHEMA
            for step in range(version + 1, _SCHEMA_VERSION + 1):
                self._execute_all(_STEPS[step])
            if self.value("PRAGMA user_version") != _SCHEMA_VERSION:
                self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        path.chmod(0o600)

    def _execute_all(self, script: str) -> None:
        for statement in script.split(";\n"):
            self._db.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; what was committed stays."""
        self._db.close()

    @contextmanager
    def passing_change(self) -> Iterator[None]:
        """As ``change``, of what nobody misses after a power cut; a killed process loses none of it either.

        The disk is not waited for: the next ``change`` brings it there with its own.
        """
        self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            with self.change():
                yield
        finally:
            self._db.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def change(self) -> Iterator[None]:
        """A write transaction: all of it is kept, or nothing. Inside another one it is part of that."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # After some failures SQLite has ended the transaction by itself.
            with suppress(sqlite3.OperationalError):
                self._db.execute("ROLLBACK")
            raise

    def run(self, statement: str, *values: Any) -> int:
        """Execute one statement; returns the number of rows it changed. One mapping binds by name, here and below."""
        return self._db.execute(statement, _bound(values)).rowcount

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(query, _bound(values)).fetchall()

    def tuples(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """As ``rows``, as plain tuples: half the time for a long listing."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        return cursor.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found: sqlite3.Row | None = self._db.execute(query, _bound(values)).fetchone()
        return found

    def value(self, query: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.row(query, *values)
        return None if found is None else found[0]

    def setting(self, key: str, default: str) -> str:
        """A setting of this site; ``default`` is stored when there is none yet."""
        with self.change():
            self.run("INSERT OR IGNORE INTO settings VALUES (?, ?)", key, default)
            return str(self.value("SELECT value FROM settings WHERE key = ?", key))
