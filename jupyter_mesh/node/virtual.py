"""The folders above the spaces: on a site of paths "/" and "/projects", on one of spaces that of accepted shares."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import Caller, mount_of
from jupyter_mesh.node.mounts import mounts_folder, mounts_listing
from jupyter_mesh.node.refusal import Refused
from jupyter_mesh.node.rights import VIEWER
from jupyter_mesh.node.wire import Describer, permissions, timestamp

if TYPE_CHECKING:
    from jupyter_mesh.node.site import Site

__all__ = ["virtual_folder", "virtual_listing"]

_PROJECTS = "/projects"


def _asked(site: Site, ref: Any) -> str:
    """The virtual path that a reference means, or ""."""
    if (ref.HasField("resource_id") and ref.resource_id.opaque_id) or not ref.path.startswith("/"):
        return ""
    path = "/" + "/".join(name for name in ref.path.split("/") if name not in ("", "."))
    return path if path in ("/", _PROJECTS) else ""


def _folder(path: str) -> resources.ResourceInfo:
    return resources.ResourceInfo(
        type=resources.RESOURCE_TYPE_CONTAINER,
        path=path,
        etag='"virtual"',
        mime_type="httpd/unix-directory",
        size=4096,
        mtime=timestamp(time.time_ns() // 10**9 * 10**9),
        permission_set=permissions(VIEWER),
        id=resources.ResourceId(storage_id="virtual", opaque_id=f"fileid-{path.strip('/')}"),
    )


def virtual_folder(site: Site, caller: Caller, ref: Any) -> resources.ResourceInfo | None:
    """The Stat of a virtual folder, or None when the reference means something in a space."""
    if site.flavour.spaces:
        return mounts_folder(site, caller, ref)
    path = _asked(site, ref)
    return _folder(path) if path and caller.scope and not caller.link else None


def virtual_listing(site: Site, caller: Caller, ref: Any) -> list[resources.ResourceInfo] | None:
    """What is in a virtual folder: the areas, or the caller's projects."""
    if site.flavour.spaces:
        return mounts_listing(site, caller, ref)
    path = _asked(site, ref)
    if not path or not caller.scope or caller.link:
        return None
    infos = []
    for space, rights in site.people.spaces_of(caller.user):
        if (space.kind == "personal") == (path == "/"):
            try:
                root = site.tree.root(space).entry
            except Refused:
                # Its folder was removed by hand: the others can still be listed.
                continue
            infos.append(
                Describer(site, space, rights).info(root, (), mount_of(site, space, caller.user.id))
            )
    return [*infos, _folder(_PROJECTS)] if path == "/" else infos
