"""Uploads under way: what was announced, and the checks before the content takes its place."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import NotFound
from jupyter_mesh.node.address import reach
from jupyter_mesh.node.entries import new_id
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer
    from jupyter_mesh.node.tree import Place

__all__ = ["Upload", "Uploads"]

_LIFE = 24 * 3600
"""Seconds for which an unfinished upload can be resumed."""

_NS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What InitiateFileUpload announced."""

    id: str
    owner: str
    space: str
    parent: str
    """Id of the folder: the upload follows it when it is renamed meanwhile."""
    name: str
    size: int | None
    condition: str
    """"" or "match" (etag ``expected``), "absent", "unmodified" (since ``expected`` nanoseconds)."""
    expected: str
    lock: str
    checksum: str
    """"<algorithm> <hex digits>", or ""."""
    mtime: int | None
    expires: int


class Uploads:
    """The uploads of a site; all methods run in the worker thread."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def path(self, upload: Upload) -> Path:
        """The temporary file."""
        return self._site.store.uploads / upload.id

    def start(
        self,
        user: str,
        parent: Place,
        name: str,
        *,
        size: int | None,
        condition: str,
        expected: str,
        lock: str,
        checksum: str,
        mtime: int | None,
    ) -> Upload:
        """Announce an upload; nothing at the target changes. Raises Refused if it could not be finished now."""
        upload = Upload(
            id=new_id(),
            owner=user,
            space=parent.space.id,
            parent=parent.entry.id,
            name=name,
            size=size,
            condition=condition,
            expected=expected,
            lock=lock,
            checksum=checksum,
            mtime=mtime,
            expires=int(time.time()) + _LIFE,
        )
        self._check(upload, parent, size or 0)
        self._drop_expired()
        # Whoever sends finds out that a power cut has ended the upload, and begins anew.
        with self._site.index.passing_change():
            self.path(upload).touch(mode=0o600)
            self._site.index.run(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                upload.id,
                user,
                upload.space,
                upload.parent,
                name,
                size,
                condition,
                expected,
                lock,
                checksum,
                mtime,
                upload.expires,
            )
        return upload

    def _drop_expired(self) -> None:
        for row in self._site.index.rows(
            "SELECT * FROM uploads WHERE expires < ?", int(time.time())
        ):
            self.drop(Upload(**dict(row)))

    def get(self, upload: str) -> Upload:
        """An upload that is not finished; raises Refused(USED)."""
        row = self._site.index.row("SELECT * FROM uploads WHERE id = ?", upload)
        if row is None or not (self._site.store.uploads / upload).exists():
            raise Refused(Reason.USED, "This upload is finished, or was given up.")
        return Upload(**dict(row))

    def drop(self, upload: Upload) -> None:
        """Give an upload up."""
        # The file first: on a full disk there is no room to note anything before it is gone.
        self.path(upload).unlink(missing_ok=True)
        with self._site.index.change():
            self._site.index.run("DELETE FROM uploads WHERE id = ?", upload.id)

    def require(self, upload: Upload, transfer: Transfer) -> None:
        """Raise Refused unless whom ``transfer`` was given to may still write there."""
        address = reach(self._site, transfer, upload.space, upload.parent, (upload.name,))
        address.require("initiate_file_upload")

    def check(self, upload: Upload, size: int, transfer: Transfer) -> None:
        """Raise Refused when the target cannot take ``size`` bytes, for whatever reason, before they are sent."""
        self.require(upload, transfer)
        self._check(upload, self._parent(upload), size)

    def finish(
        self, upload: Upload, sha1: str, mtime: int | None, transfer: Transfer | None = None
    ) -> Place:
        """Put the complete, synced temporary file in its place; raises Refused and keeps the old content.

        ``mtime`` in nanoseconds goes before the one that was announced. Without ``transfer`` the caller has found
        that its user may write there.
        """
        if transfer is not None:
            self.require(upload, transfer)
        parent = self._parent(upload)
        path = self.path(upload)
        self._check(upload, parent, path.stat().st_size)
        mtime = upload.mtime if mtime is None else mtime
        if mtime is not None:
            os.utime(path, ns=(mtime, mtime))
        return self._site.store.write(parent, upload.name, path, sha1=sha1)

    def _parent(self, upload: Upload) -> Place:
        try:
            space = self._site.people.space(upload.space)
            return self._site.tree.find(space, upload.parent, ())
        except (NotFound, Refused):
            raise Refused(
                Reason.PARENT_MISSING, f'The folder of "{upload.name}" is gone.'
            ) from None

    def _check(self, upload: Upload, parent: Place, size: int) -> None:
        place = self._site.tree.child(parent, upload.name)
        if place is not None and place.entry.folder:
            raise Refused(Reason.IS_FOLDER, f'"{upload.name}" is a folder.')
        if self._site.flavour.locks:
            if place is not None:
                self._site.locks.check(place.entry.id, upload.lock)
            elif upload.lock:
                raise Refused(Reason.NOT_LOCKED, "not locked")
        if self._site.flavour.compares:
            self.compare(upload, place)
        space = parent.space
        if space.quota:
            used = self._site.tree.root(space).entry.size - (place.entry.size if place else 0)
            if used + size > space.quota:
                raise Refused(
                    Reason.NO_ROOM, f'There is no room for {size} bytes in "{space.name}".'
                )

    def compare(self, upload: Upload, place: Place | None) -> None:
        """Raise Refused(EXISTS) or Refused(CHANGED) when the target is not as the upload's condition says."""
        if upload.condition == "absent" and place is not None:
            raise Refused(Reason.EXISTS, f'"{upload.name}" exists already.')
        if upload.condition == "match" and (place is None or place.entry.etag != upload.expected):
            raise Refused(
                Reason.CHANGED, f'"{upload.name}" was changed meanwhile: the etag is another one.'
            )
        # Clients often keep whole seconds.
        if upload.condition == "unmodified" and (
            place is None or place.entry.mtime // _NS > int(upload.expected) // _NS
        ):
            raise Refused(Reason.CHANGED, f'"{upload.name}" was changed meanwhile.')
