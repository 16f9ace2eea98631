"""RPCs about files and folders: look, list, make, move, delete, and the start of every transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.node.address import Address, Caller, describe_path, resolve, seen_from
from jupyter_mesh.node.metadata import metadata_in_folder, metadata_of
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import OWNER
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.shares import REJECTED
from jupyter_mesh.node.virtual import virtual_folder, virtual_listing
from jupyter_mesh.node.wire import Describer, permissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.entries import Entry
    from jupyter_mesh.node.tree import Place

__all__ = ["FileRpcs"]


class FileRpcs(Rpcs):
    """Stat, ListContainer, CreateContainer, TouchFile, Delete, Move."""

    @answers(provider.StatResponse)
    def Stat(self, caller: Caller, request: Any) -> Any:
        """One file or folder."""
        virtual = virtual_folder(self.site, caller, request.ref)
        if virtual is not None:
            return provider.StatResponse(info=virtual)
        address = resolve(self.site, caller, request.ref)
        address.require("stat")
        place = self._find(address)
        info = Describer(self.site, place.space, address.rights).info(
            place.entry,
            place.names,
            describe_path(self.site, address, place),
            metadata=metadata_of(self.site.index, place.entry.id, request.arbitrary_metadata_keys),
            lock=self.site.locks.get(place.entry.id),
        )
        seen_from(address, place, info)
        return provider.StatResponse(info=info)

    @answers(provider.ListContainerResponse)
    def ListContainer(self, caller: Caller, request: Any) -> Any:
        """All that is in a folder; sorted by name on a site of paths, in any order else."""
        virtual = virtual_listing(self.site, caller, request.ref)
        if virtual is not None:
            return provider.ListContainerResponse(infos=virtual)
        address = resolve(self.site, caller, request.ref)
        address.require("list_container")
        place = self._find(address)
        entries: Sequence[Entry] = self.site.tree.listing(place)
        if not self.site.flavour.spaces:
            entries = sorted(entries, key=lambda entry: entry.name)
        locks = self.site.locks.in_folder(place.entry.id)
        metadata = metadata_in_folder(
            self.site.index, place.entry.id, request.arbitrary_metadata_keys
        )
        describer = Describer(self.site, place.space, address.rights)
        folder = describe_path(self.site, address, place).rstrip("/") + "/"
        if self.site.flavour.spaces and address.style == "relative":
            folder = ""
        reply = provider.ListContainerResponse()
        for entry in entries:
            describer.fill(
                reply.infos.add(),
                entry,
                (*place.names, entry.name),
                folder + entry.name,
                metadata=metadata.get(entry.id),
                lock=locks.get(entry.id),
            )
        if address.rights != OWNER:
            more = self.site.shares.granted_in(caller, place.entry.id)
            for entry, info in zip(entries, reply.infos, strict=True):
                if entry.id in more:
                    info.permission_set.CopyFrom(permissions(address.rights | more[entry.id]))
        return reply

    @answers(provider.CreateContainerResponse)
    def CreateContainer(self, caller: Caller, request: Any) -> Any:
        """Make a folder in a folder that is there."""
        parent, name = self._free(caller, request.ref, "create_container")
        self.site.store.mkdir(parent, name)
        return provider.CreateContainerResponse()

    @answers(provider.TouchFileResponse)
    def TouchFile(self, caller: Caller, request: Any) -> Any:
        """Make an empty file at a free name."""
        parent, name = self._free(caller, request.ref, "initiate_file_upload")
        self.site.store.write(parent, name, self.site.store.new_upload())
        return provider.TouchFileResponse()

    @answers(provider.DeleteResponse)
    def Delete(self, caller: Caller, request: Any) -> Any:
        """Move a file or a tree to the bin; never the root of a space."""
        address = resolve(self.site, caller, request.ref)
        address.require("delete")
        if address.share:
            # Real sites delete the folder of the owner here (facts/opencloud.md §3.2).
            self.site.shares.answer(caller.user.id, address.share, state=REJECTED)
            return provider.DeleteResponse()
        address.require_outer("delete")
        place = self._find(address)
        if place.is_root:
            raise Refused(Reason.IS_ROOT, "can't delete mount path: the root of a space stays.")
        self._check_lock(place, request.lock_id)
        self.site.store.delete(place)
        return provider.DeleteResponse()

    @answers(provider.MoveResponse)
    def Move(self, caller: Caller, request: Any) -> Any:
        """Rename within a space."""
        source, target = (
            resolve(self.site, caller, request.source),
            resolve(self.site, caller, request.destination),
        )
        for address in (source, target):
            address.require("move")
        place = self._find(source)
        if source.space.id != target.space.id or source.top != target.top:
            raise Refused(
                Reason.OTHER_SPACE,
                "Moving from one space to another is not supported: copy, then delete.",
            )
        if place.is_root:
            raise Refused(Reason.IS_ROOT, "can't move mount path: the root of a space stays.")
        source.require_outer("move")
        if source.share:
            raise Refused(Reason.IS_ROOT, "can't move mount path: a shared entry stays.")
        parent, name = self.site.tree.find_parent(target.space, target.base, target.names)
        if (*parent.names, name)[: len(place.names)] == place.names and (
            *parent.names,
            name,
        ) != place.names:
            raise Refused(Reason.INTO_ITSELF, f'"{place.entry.name}" cannot be moved into itself.')
        existing = self.site.tree.child(parent, name)
        if existing is not None and existing.entry.id == place.entry.id:
            return self._unmoved()
        if existing is not None and not (
            self.site.flavour.overwrites and not existing.entry.folder and not place.entry.folder
        ):
            raise Refused(Reason.EXISTS, f'There is a "{name}" already.')
        target.require_outer("move")
        self._check_lock(place, request.lock_id)
        self.site.store.move(place, parent, name)
        return provider.MoveResponse()

    def _unmoved(self) -> Any:
        if self.site.flavour.overwrites:
            return provider.MoveResponse()
        raise Refused(Reason.EXISTS, "Source and target are the same.")

    def _find(self, address: Address) -> Place:
        return self.site.tree.find(address.space, address.base, address.names)

    def _free(self, caller: Caller, ref: Any, right: str) -> tuple[Place, str]:
        """The folder and the name for something new; raises Refused when the name is taken."""
        address = resolve(self.site, caller, ref)
        address.require(right)
        whole = (*self.site.tree.names(address.space, address.base), *address.names)
        if not whole:
            raise Refused(Reason.EXISTS, f'"{address.space.name}" exists already.')
        parent, name = self.site.tree.find_parent(address.space, address.base, address.names)
        if self.site.tree.child(parent, name) is not None:
            raise Refused(Reason.EXISTS, f'There is a "{name}" already.')
        return parent, name

    def _check_lock(self, place: Place, lock: str) -> None:
        if self.site.flavour.locks:
            self.site.locks.check(place.entry.id, lock)
