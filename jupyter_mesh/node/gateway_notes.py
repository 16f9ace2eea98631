"""RPCs about what clients attach to a file or folder: metadata and locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.node.address import Caller, resolve
from jupyter_mesh.node.locks import Wanted
from jupyter_mesh.node.metadata import set_metadata, unset_metadata
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.wire import lock_message, read_seconds

if TYPE_CHECKING:
    from jupyter_mesh.node.tree import Place

__all__ = ["NoteRpcs"]

_NS = 10**9


class NoteRpcs(Rpcs):
    """Set- and UnsetArbitraryMetadata, SetLock, GetLock, RefreshLock, Unlock."""

    @answers(provider.SetArbitraryMetadataResponse)
    def SetArbitraryMetadata(self, caller: Caller, request: Any) -> Any:
        """Set texts by key. The key "mtime" sets the time of change, "etag" has no effect."""
        place = self._place(caller, request.ref, "initiate_file_upload")
        self._check_lock(place, request.lock_id)
        values = dict(request.arbitrary_metadata.metadata)
        values.pop("etag", None)
        mtime = read_seconds(values.pop("mtime", ""))
        if mtime is not None:
            self.site.store.set_mtime(place, mtime)
        set_metadata(self.site.index, place.entry.id, values)
        return provider.SetArbitraryMetadataResponse()

    @answers(provider.UnsetArbitraryMetadataResponse)
    def UnsetArbitraryMetadata(self, caller: Caller, request: Any) -> Any:
        """Remove texts by key; unknown keys are no error."""
        place = self._place(caller, request.ref, "initiate_file_upload")
        self._check_lock(place, request.lock_id)
        unset_metadata(self.site.index, place.entry.id, request.arbitrary_metadata_keys)
        return provider.UnsetArbitraryMetadataResponse()

    @answers(provider.SetLockResponse)
    def SetLock(self, caller: Caller, request: Any) -> Any:
        """Lock a file or folder that is not locked."""
        place, wanted = self._lockable(caller, request)
        self.site.locks.set(place.entry.id, wanted)
        return provider.SetLockResponse()

    @answers(provider.GetLockResponse)
    def GetLock(self, caller: Caller, request: Any) -> Any:
        """The lock that holds now."""
        self._need_locks()
        place = self._place(caller, request.ref, "stat")
        row = self.site.locks.get(place.entry.id)
        if row is None:
            raise Refused(Reason.NOT_LOCKED, "not locked")
        return provider.GetLockResponse(lock=lock_message(self.site, row))

    @answers(provider.RefreshLockResponse)
    def RefreshLock(self, caller: Caller, request: Any) -> Any:
        """Prolong a lock, or exchange the one named by ``existing_lock_id``."""
        place, wanted = self._lockable(caller, request)
        self.site.locks.refresh(place.entry.id, wanted, request.existing_lock_id)
        return provider.RefreshLockResponse()

    @answers(provider.UnlockResponse)
    def Unlock(self, caller: Caller, request: Any) -> Any:
        """Give a lock back."""
        place, wanted = self._lockable(caller, request)
        self.site.locks.unset(place.entry.id, wanted)
        return provider.UnlockResponse()

    def _lockable(self, caller: Caller, request: Any) -> tuple[Place, Wanted]:
        self._need_locks()
        lock = request.lock
        if not lock.lock_id:
            raise Refused(Reason.BAD_REQUEST, "A lock needs a lock_id.")
        expires = (
            lock.expiration.seconds * _NS + lock.expiration.nanos
            if lock.HasField("expiration")
            else 0
        )
        wanted = Wanted(
            id=lock.lock_id,
            kind=lock.type,
            app=lock.app_name,
            user=lock.user.opaque_id,
            expires=min(expires, 2**63 - 1),
            extra=lock.opaque.SerializeToString(),
        )
        return self._place(caller, request.ref, "initiate_file_upload"), wanted

    def _need_locks(self) -> None:
        if not self.site.flavour.locks:
            raise Refused(Reason.UNSUPPORTED, "locks are not supported")

    def _check_lock(self, place: Place, lock: str) -> None:
        if self.site.flavour.locks:
            self.site.locks.check(place.entry.id, lock)

    def _place(self, caller: Caller, ref: Any, right: str) -> Place:
        address = resolve(self.site, caller, ref)
        address.require(right)
        return self.site.tree.find(address.space, address.base, address.names)
