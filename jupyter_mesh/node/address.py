"""What a CS3 reference points at, in both ways of addressing, and the references that we give out."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place
    from jupyter_mesh.node.users import Role, SpaceRow, UserRow

__all__ = [
    "Address",
    "Caller",
    "describe_path",
    "find_space",
    "mount_of",
    "path_id",
    "resolve",
    "resource_id",
    "split_path",
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Without ``scope`` (an app password that was made for nothing) there is nothing to see."""

    user: UserRow
    scope: bool = True

    def require_scope(self) -> None:
        """Raise Refused(NOT_ALLOWED) for a login that may see and do nothing."""
        if not self.scope:
            raise Refused(Reason.NOT_ALLOWED, "This login does not allow this.")


@dataclass(frozen=True, slots=True)
class Address:
    """A reference, resolved as far as that can be done without looking at the disk."""

    space: SpaceRow
    role: Role
    base: str
    """Id of the entry that ``names`` start at."""
    names: tuple[str, ...]
    style: str
    """How the client addressed it: "absolute", "relative", or "id" (an id with an empty path)."""

    def require(self, role: Role) -> None:
        """Raise Refused(NOT_ALLOWED) for a member with a lower role."""
        if self.role < role:
            raise Refused(
                Reason.NOT_ALLOWED, f'Your role in "{self.space.name}" does not allow this.'
            )


def resolve(site: Site, caller: Caller, ref: resources.Reference) -> Address:
    """The address of a reference; raises Refused(NO_SPACE) when it is in no space that this user may enter."""
    if ref.HasField("resource_id") and ref.resource_id.opaque_id:
        return _by_id(site, caller, ref)
    names = split_path(site, ref.path)
    if not ref.path.startswith("/") or not names:
        raise _nothing(site)
    for space, role in _spaces(site, caller):
        mount = mount_of(site, space).strip("/").split("/")
        if list(names[: len(mount)]) == mount:
            return Address(space, role, space.id, names[len(mount) :], "absolute")
    raise _nothing(site)


def find_space(site: Site, caller: Caller, space: str) -> Address:
    """The root of a space by its id; raises Refused(NO_SPACE)."""
    for known, role in _spaces(site, caller):
        if known.id == space:
            return Address(known, role, known.id, (), "relative")
    raise _nothing(site)


def mount_of(site: Site, space: SpaceRow) -> str:
    """The absolute path of a space."""
    if space.kind == "personal":
        return f"/users/{space.id}" if site.flavour.spaces else "/home"
    return f"/projects/{space.name}"


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
    folder = space.folder.rpartition("/")[2]
    return "fileid-" + "%2F".join(map(_quoted, (folder, *names)))


@lru_cache(4096)
def _quoted(name: str) -> str:
    return quote(name, safe="")


def describe_path(site: Site, address: Address, place: Place) -> str:
    """The ``path`` field of a reply, which depends on how the resource was asked for."""
    if address.style == "absolute" or (not site.flavour.spaces and address.style == "id"):
        return "/".join((mount_of(site, place.space), *place.names))
    if site.flavour.spaces and address.style != "id":
        return place.names[-1] if place.names else "."
    return "/" + "/".join(place.names)


def _by_id(site: Site, caller: Caller, ref: resources.Reference) -> Address:
    asked = ref.resource_id
    names = split_path(site, ref.path)
    style = "relative" if ref.path else "id"
    for space, role in _spaces(site, caller):
        if site.flavour.spaces:
            if asked.space_id == space.id and asked.storage_id in ("", site.storage_id):
                return Address(space, role, asked.opaque_id, names, style)
        elif asked.storage_id == _storage(site, space) and asked.opaque_id.startswith("fileid-"):
            folder, *rest = unquote(asked.opaque_id.removeprefix("fileid-")).split("/")
            if f"{space.folder.partition('/')[0]}/{folder}" == space.folder:
                return Address(
                    space, role, space.id, (*split_path(site, "/".join(rest)), *names), style
                )
    raise _nothing(site)


def _storage(site: Site, space: SpaceRow) -> str:
    return f"{site.storage_id}-{'home' if space.kind == 'personal' else 'projects'}"


def _spaces(site: Site, caller: Caller) -> list[tuple[SpaceRow, Role]]:
    return site.people.spaces_of(caller.user) if caller.scope else []


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
