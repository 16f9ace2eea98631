"""Marks on files: locks against the saves of others, and small metadata.

Rules for locks: ``facts/collaboration.md`` §9.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.failures import sentence
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.wire import lock_of, lock_to
from jupyter_mesh.cs3.writing import APP_NAME
from jupyter_mesh.errors import (
    Conflict,
    InvalidRequest,
    Locked,
    LockEnded,
    NotFound,
    NotSupported,
    SiteError,
)
from jupyter_mesh.models import Lock
from jupyter_mesh.paths import MeshPath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.models import Resource, User

__all__ = ["SAVED", "Locks", "lock_id_of"]

SAVED = "jupyter-mesh.saved"
"""Metadata key of who saved a file last: JSON with ``name``, ``user`` and the ``etag`` that the save made."""

IDS = uuid.UUID("6d657368-2d73-4176-a573-2d6c6f636b73")

LOCK_LIFE = timedelta(minutes=5)


class Locks(SiteClient):
    """Locks and metadata."""

    async def lock(
        self, path: str, lock_id: str, *, life: timedelta = LOCK_LIFE, holder: str = ""
    ) -> Lock:
        """Take the write lock of a file; saves then need this ``lock_id``. SetLock.

        ``holder`` is the name that others are shown.
        Raises Locked if anybody holds it, also with the same id; NotSupported on sites without locks.
        """
        place = await self._place(MeshPath.parse(path))
        expires = _end_of(lock_id, life)
        request = provider.SetLockRequest(
            ref=place.ref, lock=lock_to(lock_id, APP_NAME, expires, holder)
        )
        try:
            await self._lock_call("SetLock", place, request, f"lock {path}")
        except Conflict as error:
            raise Locked(sentence(Locked, f"lock {path}", self.site)) from error
        return Lock(id=lock_id, app=APP_NAME, holder=holder, expires=expires)

    async def get_lock(self, path: str) -> Lock | None:
        """The lock of a file, or None. GetLock. Raises NotFound if there is no such file."""
        place = await self._place(MeshPath.parse(path))
        try:
            reply = await self._lock_call(
                "GetLock",
                place,
                provider.GetLockRequest(ref=place.ref),
                f"look for a lock of {path}",
                repeat=True,
            )
        except NotFound:
            await self._stat(place)
            return None
        return lock_of(reply.lock) if reply.lock.lock_id else None

    async def refresh_lock(
        self, path: str, lock_id: str, *, life: timedelta = LOCK_LIFE, holder: str = ""
    ) -> Lock:
        """Keep a lock for another ``life``. RefreshLock. Raises LockEnded if it is not ours any more."""
        place = await self._place(MeshPath.parse(path))
        expires = _end_of(lock_id, life)
        request = provider.RefreshLockRequest(
            ref=place.ref,
            lock=lock_to(lock_id, APP_NAME, expires, holder),
            existing_lock_id=lock_id,
        )
        doing = f"keep the lock of {path}"
        try:
            await self._lock_call("RefreshLock", place, request, doing)
        except (Conflict, Locked) as error:
            raise _not_ours(doing) from error
        return Lock(id=lock_id, app=APP_NAME, holder=holder, expires=expires)

    async def unlock(self, path: str, lock_id: str) -> None:
        """Give a lock back. Unlock. Raises LockEnded if it is not ours any more."""
        place = await self._place(MeshPath.parse(path))
        request = provider.UnlockRequest(
            ref=place.ref, lock=lock_to(lock_id, APP_NAME, datetime.now(UTC) + LOCK_LIFE)
        )
        doing = f"unlock {path}"
        try:
            await self._lock_call("Unlock", place, request, doing)
        except (Conflict, Locked) as error:
            raise _not_ours(doing) from error

    async def set_metadata(self, path: str, metadata: dict[str, str], *, lock_id: str = "") -> None:
        """Set small texts on a file or folder; others stay. SetArbitraryMetadata. The etag stays, too."""
        place = await self._place(MeshPath.parse(path))
        request = provider.SetArbitraryMetadataRequest(ref=place.ref, lock_id=lock_id)
        request.arbitrary_metadata.metadata.update(metadata)
        await self._call("SetArbitraryMetadata", request, f"set metadata of {path}")

    async def unset_metadata(self, path: str, keys: Iterable[str]) -> None:
        """Remove texts set on a file or folder; unknown keys are fine. UnsetArbitraryMetadata."""
        place = await self._place(MeshPath.parse(path))
        request = provider.UnsetArbitraryMetadataRequest(
            ref=place.ref, arbitrary_metadata_keys=list(keys)
        )
        await self._call("UnsetArbitraryMetadata", request, f"unset metadata of {path}")

    async def _lock_call(
        self, name: str, place: Place, request: Any, doing: str, *, repeat: bool = False
    ) -> Any:
        flavour = await self.flavour()
        if flavour.can(Feature.LOCKS, place.scope) is False:
            raise NotSupported(sentence(NotSupported, doing, self.site))
        try:
            reply = await self._call(name, request, doing, repeat=repeat)
        except (SiteError, NotSupported) as error:
            says_so = isinstance(error, NotSupported) or not flavour.has_spaces
            if says_so and flavour.can(Feature.LOCKS, place.scope) is None:
                # Reva says INTERNAL for it, also for a file that does not exist.
                await self._stat(place)
                flavour.learn(Feature.LOCKS, False, place.scope)
                raise NotSupported(sentence(NotSupported, doing, self.site)) from error
            raise
        flavour.learn(Feature.LOCKS, True, place.scope)
        return reply


def lock_id_of(user: User, resource: Resource) -> str:
    """The id of the lock that programs of a user hold on a file while they save it: the same in all of them."""
    return f"opaquelocktoken:{uuid.uuid5(IDS, f'{user.id}@{user.idp} {resource.id}')}"


def _end_of(lock_id: str, life: timedelta) -> datetime:
    if not lock_id:
        raise InvalidRequest("A lock needs an id.")
    return datetime.now(UTC) + life


def _not_ours(doing: str) -> LockEnded:
    return LockEnded(
        f"Could not {doing}: it has ended, or somebody else holds the lock now. Lock it again."
    )
