"""What a CS3 reference points at, in both ways of addressing, and the references that we give out."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import NONE, OWNER, Rights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer
    from jupyter_mesh.node.tree import Place
    from jupyter_mesh.node.users import SpaceRow, UserRow

__all__ = [
    "VIRTUAL",
    "Address",
    "Caller",
    "admit",
    "describe_path",
    "find_space",
    "mount_of",
    "path_id",
    "reach",
    "resolve",
    "resource_id",
    "seen_from",
    "split_path",
]

VIRTUAL = "a0ca6a90-a365-4782-871e-d44447bbc668"
"""Storage and space id of what sites of spaces show of received shares (``facts/opencloud.md`` §2)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Without ``scope`` (an app password that was made for nothing) there is nothing to see."""

    user: UserRow
    scope: bool = True
    link: str = ""
    """Id of the public link that was entered: then its rights count, and not those of the user."""

    def require_scope(self) -> None:
        """Raise Refused(NOT_ALLOWED) for a login that may do nothing in the name of its user."""
        if not self.scope or self.link:
            raise Refused(Reason.NOT_ALLOWED, "This login does not allow this.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A reference, resolved as far as that can be done without looking at the disk."""

    space: SpaceRow
    base: str
    """Id of the entry that ``names`` start at."""
    names: tuple[str, ...]
    style: str
    """How the client addressed it: "absolute", "relative", or "id" (an id with an empty path)."""
    mount: str
    """Absolute path of the entry at ``skip`` names below the root of the space, as the caller knows it."""
    skip: int = 0
    rights: Rights = NONE
    """What the caller may do here."""
    outer: Rights = NONE
    """What of it does not come from a share of this very entry: only that allows to delete or to move it."""
    member: Rights = NONE
    """What of it comes from being a member of the space: only that allows what concerns all of the space."""
    top: tuple[str, ...] = ()
    """Where in the space the uppermost share with the caller is; () for a member of the space."""
    share: str = ""
    """Id of the received share whose mount was named, and nothing below it."""

    def require(self, right: str) -> None:
        """Raise Refused(NOT_ALLOWED) unless the caller has a right here."""
        if right not in self.rights:
            raise self._refused()

    def require_outer(self, right: str) -> None:
        """As ``require``, for what changes the folder that this is in; Refused(IS_ROOT) for the root of a share."""
        self.require(right)
        if right not in self.outer:
            raise Refused(Reason.IS_ROOT, "can't delete or move mount path: a shared entry stays.")

    def require_member(self, right: str) -> None:
        """As ``require``, for what concerns all of the space, its bin above all."""
        if right not in self.member:
            raise self._refused()

    def _refused(self) -> Refused:
        return Refused(Reason.NOT_ALLOWED, f'Your role in "{self.space.name}" does not allow this.')


def resolve(site: Site, caller: Caller, ref: resources.Reference) -> Address:
    """The address of a reference; raises Refused(NO_SPACE) where this user may see nothing."""
    if not caller.scope:
        raise _nothing(site)
    if ref.HasField("resource_id") and ref.resource_id.opaque_id:
        return admit(site, caller, _by_id(site, caller, ref))
    names = split_path(site, ref.path)
    if not ref.path.startswith("/") or not names:
        raise _nothing(site)
    return admit(site, caller, _by_path(site, caller, names))


def find_space(site: Site, caller: Caller, space: str) -> Address:
    """The root of a space by its id; raises Refused(NO_SPACE)."""
    return admit(site, caller, _start(site, caller, _space(site, space), space, (), "relative"))


def reach(site: Site, transfer: Transfer, space: str, base: str, names: tuple[str, ...]) -> Address:
    """Where a transfer goes, with what its user may do there *now*; raises Refused(MISSING) if that is nothing.

    Transfers begin some time after they were allowed: shares end meanwhile, and what they share is moved away.
    """
    try:
        user = site.people.by_id(transfer.user)
        caller = Caller(user, link=transfer.link)
        return admit(
            site, caller, _start(site, caller, _space(site, space), base, names, "relative")
        )
    except (MeshError, Refused):
        raise Refused(Reason.MISSING, "There is nothing to transfer any more.") from None


def admit(site: Site, caller: Caller, address: Address) -> Address:
    """The same address with what the caller may do there; raises Refused(NO_SPACE) if that is nothing."""
    space = address.space
    if not caller.link and space.kind == "personal" and space.owner == caller.user.id:
        return replace(address, rights=OWNER, outer=OWNER, member=OWNER)
    way, there = _way(site, address)
    granted = site.shares.granted(caller, [entry for entry, _ in way])
    if not granted:
        raise _nothing(site)
    rights = NONE.union(*granted.values())
    target = way[-1][0] if there else ""
    outer = NONE.union(*(given for entry, given in granted.items() if entry != target))
    first = next(at for at, (entry, _) in enumerate(way) if entry in granted)
    top = tuple(name for _, name in way[1 : first + 1])
    return replace(
        address,
        rights=rights,
        outer=rights if target == space.id else outer,
        member=NONE if caller.link else granted.get(space.id, NONE),
        top=top,
    )


def _way(site: Site, address: Address) -> tuple[list[tuple[str, str]], bool]:
    """Ids and names of the entries on the way to an address, and whether it is there, as the index knows it."""
    space = address.space
    try:
        way = site.tree.way(space, address.base.partition(".REV.")[0])
    except Refused:
        # A member hears that it is missing; others hear nothing.
        return [(space.id, "")], False
    for name in address.names:
        entry = site.tree.entries.by_name(way[-1][0], name)
        if entry is None:
            return way, False
        way.append((entry.id, name))
    return way, True


def mount_of(site: Site, space: SpaceRow, user: str) -> str:
    """The absolute path of a space for the user of that id."""
    if space.kind != "personal":
        return f"/projects/{space.name}"
    if site.flavour.spaces:
        return f"/users/{space.id}"
    return "/home" if space.owner == user else f"/users/{_folder(space)}"


def resource_id(
    site: Site, space: SpaceRow, names: Sequence[str], entry: str
) -> resources.ResourceId:
    """The id of the entry ``entry`` at ``names``, as this flavour gives it out."""
    if site.flavour.spaces:
        return resources.ResourceId(storage_id=site.storage_id, space_id=space.id, opaque_id=entry)
    return resources.ResourceId(
        storage_id=_storage(site, space),
        space_id=base64.b32encode(f"/{space.folder}".encode()).decode(),
        opaque_id=path_id(space, names),
    )


def path_id(space: SpaceRow, names: Sequence[str]) -> str:
    """The opaque id where ids follow from paths."""
    return "fileid-" + "%2F".join(map(_quoted, (_folder(space), *names)))


def _folder(space: SpaceRow) -> str:
    return space.folder.rpartition("/")[2]


@lru_cache(4096)
def _quoted(name: str) -> str:
    return quote(name, safe="")


def describe_path(site: Site, address: Address, place: Place) -> str:
    """The ``path`` field of a reply, which depends on how the resource was asked for.

    Whom something is shared with hears of no folder above it, except where sites know only paths.
    """
    if address.style == "absolute" or (not site.flavour.spaces and address.style == "id"):
        return "/".join((address.mount, *place.names[address.skip :]))
    if site.flavour.spaces and address.style != "id":
        return place.names[-1] if place.names else "."
    return "/" + "/".join(place.names[max(0, len(address.top) - 1) :])


def seen_from(address: Address, place: Place, info: resources.ResourceInfo) -> None:
    """Make the message of an entry that of a shared one, where that is what the caller asked for.

    The id of the folder above is not told, and a mount has an id of its own.
    """
    if address.top and place.names == address.top:
        info.ClearField("parent_id")
    if address.share:
        info.id.CopyFrom(
            resources.ResourceId(storage_id=VIRTUAL, space_id=VIRTUAL, opaque_id=address.share)
        )


def _by_id(site: Site, caller: Caller, ref: resources.Reference) -> Address:
    asked = ref.resource_id
    names = split_path(site, ref.path)
    style = "relative" if ref.path else "id"
    if not site.flavour.spaces:
        area = asked.storage_id.removeprefix(f"{site.storage_id}-")
        if area not in ("home", "projects") or not asked.opaque_id.startswith("fileid-"):
            raise _nothing(site)
        folder, *rest = unquote(asked.opaque_id.removeprefix("fileid-")).split("/")
        space = _space_in(site, f"{area}/{folder}")
        below = (*split_path(site, "/".join(rest)), *names)
        return _start(site, caller, space, space.id, below, style)
    if asked.space_id == VIRTUAL:
        if asked.opaque_id != VIRTUAL:
            return _mounted(site, caller, names, style, share=asked.opaque_id)
        return _mounted(site, caller, names[1:], style, name=next(iter(names), ""))
    if asked.storage_id not in ("", site.storage_id):
        raise _nothing(site)
    return _start(site, caller, _space(site, asked.space_id), asked.opaque_id, names, style)


def _by_path(site: Site, caller: Caller, names: tuple[str, ...]) -> Address:
    area, name, rest = names[0], next(iter(names[1:]), ""), names[2:]
    if area == "public" and caller.link:
        link = site.links.by_token(name)
        if link is None or link.id != caller.link:
            raise _nothing(site)
        address = _start(site, caller, site.space_of(link.node), link.node, rest, "absolute")
        skip = len(site.tree.way(address.space, link.node)) - 1
        return replace(address, mount=f"/public/{name}", skip=skip)
    if area == "projects":
        space = _space_in(site, f"projects/{name}")
    elif site.flavour.spaces and area == "users":
        if name == caller.user.id and rest[:1] == ("Shares",):
            return _mounted(site, caller, rest[2:], "absolute", name=next(iter(rest[1:]), ""))
        space = _space(site, name)
    elif not site.flavour.spaces and area == "users":
        space = _space_in(site, f"home/{name}")
    elif not site.flavour.spaces and area == "home":
        space, rest = _space(site, caller.user.id), names[1:]
    else:
        raise _nothing(site)
    if space.kind == "project" and area == "users":
        raise _nothing(site)
    return _start(site, caller, space, space.id, rest, "absolute")


def _mounted(
    site: Site,
    caller: Caller,
    names: tuple[str, ...],
    style: str,
    *,
    share: str = "",
    name: str = "",
) -> Address:
    """An address through the mount of an accepted share, by the id of the share or by its name there."""
    mounted = None if caller.link else site.shares.mounted(caller.user.id, share=share, name=name)
    if mounted is None:
        raise _nothing(site)
    space = site.space_of(mounted.grant.node)
    address = _start(site, caller, space, mounted.grant.node, names, style)
    return replace(
        address,
        mount=f"/users/{caller.user.id}/Shares/{mounted.name}",
        skip=len(site.tree.way(space, mounted.grant.node)) - 1,
        share="" if names else mounted.grant.id,
    )


def _start(
    site: Site, caller: Caller, space: SpaceRow, base: str, names: tuple[str, ...], style: str
) -> Address:
    mount = mount_of(site, space, caller.user.id)
    return Address(space=space, base=base, names=names, style=style, mount=mount)


def _space(site: Site, space: str) -> SpaceRow:
    try:
        return site.people.space(space)
    except MeshError:
        raise _nothing(site) from None


def _space_in(site: Site, folder: str) -> SpaceRow:
    space = site.people.space_in(folder)
    if space is None:
        raise _nothing(site)
    return space


def _storage(site: Site, space: SpaceRow) -> str:
    return f"{site.storage_id}-{'home' if space.kind == 'personal' else 'projects'}"


def split_path(site: Site, path: str) -> tuple[str, ...]:
    """The names in a path; raises Refused for ".."."""
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if ".." in names:
        reason = Reason.BAD_NAME if site.flavour.spaces else Reason.MISSING
        raise Refused(reason, 'A path cannot hold "..".')
    return names


def _nothing(site: Site) -> Refused:
    text = "gateway could not find space" if site.flavour.spaces else "storage provider not found"
    return Refused(Reason.NO_SPACE, text)
