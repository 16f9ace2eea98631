"""PUT within a share: the bytes go to a temporary file, and take their place when all have come."""

from __future__ import annotations

import asyncio
import filecmp
import time
from typing import TYPE_CHECKING

from jupyter_mesh.node.ocm.access_spool import Spooled
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.uploads import Upload, Uploads
from jupyter_mesh.node.users import room_left

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable
    from datetime import datetime
    from pathlib import Path

    from jupyter_mesh.models import Checksum
    from jupyter_mesh.node.ocm.access_copy import Run
    from jupyter_mesh.node.ocm.wanted import Given
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place

__all__ = ["Saving"]

_NS = 10**9
_LATEST = 2**63

_REPEATED = 60
"""Seconds in which the same content once more is no new save: Reva sends every file twice."""


class Saving:
    """Saves below one share; ``run``, ``target`` and ``lock`` are those of its tree."""

    def __init__(
        self,
        site: Site,
        run: Run,
        target: Callable[..., tuple[Place, str, Place | None]],
        lock: Callable[[Place | None], str],
    ) -> None:
        self._site = site
        self._run = run
        self._target = target
        self._lock = lock
        self._uploads = Uploads(site)

    async def save(
        self,
        path: str,
        content: AsyncIterable[bytes],
        size: int | None,
        *,
        checksum: Checksum | None,
        if_match: str,
        if_absent: bool,
        modified: datetime | None,
    ) -> Place:
        """As ``ShareTree.upload``."""
        condition = "match" if if_match else "absent" if if_absent else ""
        mtime = None if modified is None else int(modified.timestamp() * _NS)
        if mtime is not None and not 0 <= mtime < _LATEST:
            mtime = None

        def start(share: Given) -> tuple[Upload, int]:
            parent, name, place = self._target(share, path)
            upload = self._uploads.start(
                share.owner,
                parent,
                name,
                size=size,
                condition=condition,
                expected=if_match,
                lock=self._lock(place),
                checksum="",
                mtime=mtime,
            )
            try:
                self._uploads.compare(upload, place)
            except Refused:
                self._uploads.drop(upload)
                raise
            used = self._site.tree.root(parent.space).entry.size
            return upload, room_left(parent.space, used) + (place.entry.size if place else 0)

        def twin(share: Given) -> Place | None:
            _parent, _name, place = self._target(share, path)
            size = self._uploads.path(upload).stat().st_size
            if place is None or mtime is not None or place.entry.size != size:
                return None
            return place if time.time_ns() - place.entry.mtime < _REPEATED * _NS else None

        def finish(share: Given, sha1: str, same: Place | None) -> Place:
            parent, _name, place = self._target(share, path)
            self._uploads.compare(upload, place)
            if same is not None and place is not None and place.entry.etag == same.entry.etag:
                self._uploads.drop(upload)
                return place
            if parent.entry.id != upload.parent:
                raise Refused(Reason.CHANGED, f"The folder of /{path} was replaced meanwhile.")
            return self._uploads.finish(upload, sha1, None)

        upload, room = await self._run(start, writes=True)
        try:
            spooled = Spooled(self._uploads.path(upload), room if size is None else size)
            sha1 = await spooled.fill(content, checksum, self._check)
            kept = sha1 if self._site.flavour.compares else ""
            there = await self._run(twin)
            if there is not None and not await asyncio.to_thread(
                _same, there.disk, self._uploads.path(upload)
            ):
                there = None
            return await self._run(lambda share: finish(share, kept, there), writes=True)
        except BaseException:
            await asyncio.shield(self._site.run(lambda: self._uploads.drop(upload)))
            raise

    async def _check(self) -> None:
        await self._run(lambda _: None)


def _same(one: str, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
