"""From mesh paths to what a site understands: which space, which root, which reference.

Lists of spaces and shares are remembered for some seconds and read again when a name is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from jupyter_mesh.cs3.flavour import Flavour, FlavourKind
from jupyter_mesh.cs3.wire import opaque_text, reference, resource_id_of, time_of, told_name
from jupyter_mesh.errors import (
    InvalidRequest,
    NotFound,
    NotSupported,
    SiteError,
)
from jupyter_mesh.models import ResourceId, Space, SpaceKind
from jupyter_mesh.paths import BY_ID, HOME, PROJECTS, SHARES, MeshPath, join, name_of

if TYPE_CHECKING:
    from jupyter_mesh.cs3.gateway import Gateway
from jupyter_mesh.cs3.local import LocalShares
from jupyter_mesh.cs3.place import Entry, Place
from jupyter_mesh.cs3.remote import RemoteShares

__all__ = ["Places"]

LIST_LASTS = 10.0
"""Seconds for which a list of spaces is shown again."""

NAME_LASTS = 60.0
"""Seconds for which a name is believed to be that of the same space."""

PAGES_AT_MOST = 1000
HOME_MOUNT, PROJECTS_MOUNT = "/home", "/projects"
VIRTUAL_SHARES = "a0ca6a90-a365-4782-871e-d44447bbc668"
"""Storage id of the space in which spaces sites show received shares; never an address of ours."""


class Places:
    """The map of one site for one user. Does no I/O before the first question."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._found: tuple[Flavour, Entry] | None = None
        self._listed: dict[SpaceKind, tuple[float, list[Entry]]] = {}
        self.remote = RemoteShares(gateway, self.pages)
        self.local = LocalShares(gateway, self.pages)
        self._seen: dict[str, str] = {}
        """Ids of the shares of other sites by the paths under which they were shown."""
        self._detecting = asyncio.Lock()
        self._listing = asyncio.Lock()

    async def close(self) -> None:
        """End what goes on in the background. May be awaited twice."""
        await self.remote.endings.close()

    async def flavour(self) -> Flavour:
        """The kind of the site, found once: a personal space whose root has an id makes a site of spaces.

        Some sites of paths list a personal space as well, with an empty root (``facts/cs3.md`` §5).
        """
        return (await self._known())[0]

    async def home(self) -> Entry:
        """The personal space."""
        return (await self._known())[1]

    async def listed(self, kind: SpaceKind, *, age: float = LIST_LASTS) -> list[Entry]:
        """Projects or accepted shares, sorted by name; at most ``age`` seconds old."""
        flavour = await self.flavour()
        async with self._listing:
            when, entries = self._listed.get(kind, (float("-inf"), []))
            if time.monotonic() - when >= age:
                if kind is SpaceKind.SHARE:
                    local, remote = await asyncio.gather(
                        self.local.entries(flavour), self.remote.entries(flavour.has_spaces)
                    )
                    entries = _each_named(local + remote)
                elif flavour.has_spaces:
                    entries = await self._list_projects()
                else:
                    entries = await self._list_project_paths()
                entries.sort(key=lambda entry: entry.space.path)
                self._listed[kind] = (time.monotonic(), entries)
        self._seen |= {entry.space.path: entry.share_id for entry in entries if entry.is_remote}
        self.local.note(entries)
        return [
            entry
            for entry in entries
            if not (entry.is_remote and self.remote.endings.is_withdrawn(entry.share_id))
        ]

    def forget(self) -> None:
        """List spaces afresh the next time: something about them was changed."""
        self._listed.clear()
        self.remote.forget()

    async def find(self, path: MeshPath) -> Place:
        """The place of a path below a space; raises NotFound if there is no such space.

        Areas have no place: the caller answers for them.
        """
        text = str(path)
        if path.area == HOME:
            entry = await self.home()
        elif path.area == BY_ID:
            root = ResourceId.parse(path.space)
            if root.storage == VIRTUAL_SHARES or root.space == VIRTUAL_SHARES:
                raise InvalidRequest(
                    f'"{text}" is the mount of a share and not the shared folder. Open it below shares/.'
                )
            return await self._by_id(text, path.rel, root)
        else:
            entry = await self._named(join(path.area, path.space))
        share = entry.share_id if not path.rel else ""
        return Place(
            path=text,
            rel=path.rel,
            root=entry.space.root,
            mount=entry.mount,
            share_id=share,
            is_remote=entry.is_remote,
        )

    async def _by_id(self, text: str, rel: str, root: ResourceId) -> Place:
        share = self.remote.share_of_id(root)
        if share and not await self.remote.opens(share):
            raise NotFound(f"Could not open {text}: it is in no share that you have accepted.")
        return Place(path=text, rel=rel, root=root, is_remote=bool(share))

    async def remote_paths(self) -> dict[str, str]:
        """The mesh paths of the open shares of other sites, by the id of the share."""
        entries = await self.listed(SpaceKind.SHARE)
        return {entry.share_id: entry.space.path for entry in entries if entry.is_remote}

    async def remote_share(self, path: str) -> str:
        """The id of the share of another site that lies at a path; "" for any other."""
        entries = await self.listed(SpaceKind.SHARE, age=NAME_LASTS)
        found = (e.share_id for e in entries if e.is_remote and e.space.path == path)
        return next(found, "")

    async def at_root(self, root: ResourceId) -> Entry | None:
        """The space or received share whose root has this id, listed afresh; None for any other id."""
        for entry in [
            await self.home(),
            *await self.listed(SpaceKind.PROJECT, age=0),
            *await self.listed(SpaceKind.SHARE, age=0),
        ]:
            if entry.space.root == root:
                return entry
        return None

    async def root_of(self, path: MeshPath) -> ResourceId | None:
        """The id of the root of the space that holds a path; None where no listing told it."""
        if path.area == BY_ID:
            return ResourceId.parse(path.space)
        if path.area == HOME:
            return (await self.home()).space.root
        entry = await self._named(join(path.area, path.space))
        info = entry.info
        return entry.space.root or (resource_id_of(info.id) if info is not None else None)

    async def mounts(self) -> set[str]:
        """The absolute paths that are roots on a site of paths."""
        projects = await self.listed(SpaceKind.PROJECT, age=0)
        shares = await self.listed(SpaceKind.SHARE)
        return {"/", HOME_MOUNT, PROJECTS_MOUNT, *(entry.mount for entry in projects + shares)}

    async def _named(self, path: str) -> Entry:
        kind = SpaceKind.PROJECT if path.startswith(PROJECTS) else SpaceKind.SHARE
        for age in (NAME_LASTS, 0):
            for entry in await self.listed(kind, age=age):
                if entry.space.path == path:
                    return entry
        if path in self._seen:
            await self.remote.endings.must_not_have_ended(self._seen[path])
        await self.must_not_have_ended(path)
        raise NotFound(
            f"Could not open {path}: there is no such {'project' if kind == 'project' else 'share'}."
        )

    async def must_not_have_ended(self, path: str) -> None:
        """Raise Withdrawn for what was in a share of this site that its owner has ended meanwhile.

        Whoever has left a share himself hears nothing of it.
        """
        share = "/".join(path.split("/")[:2])
        if self.local.has_shown(share):
            await self.listed(SpaceKind.SHARE, age=0)
            await self.local.must_be_told(share)

    async def _known(self) -> tuple[Flavour, Entry]:
        async with self._detecting:
            self._found = self._found or await self._detect()
            return self._found

    async def _detect(self) -> tuple[Flavour, Entry]:
        try:
            personal = await self._list_spaces("personal")
        except SiteError:
            # An old site of paths, or a site of spaces in trouble: only the first has /home.
            if await self._home_path() != HOME_MOUNT:
                raise
            personal = None
        if personal is not None and not personal:
            # Logging in over gRPC alone makes no personal space on OpenCloud.
            try:
                await self._gateway.call(
                    "CreateHome", provider.CreateHomeRequest(), doing="make your home"
                )
            except (NotSupported, SiteError):
                pass
            else:
                personal = await self._list_spaces("personal")
        rooted = [space for space in personal or [] if resource_id_of(space.root)]
        if len(rooted) > 1:
            me = (await self._gateway.whoami()).id.opaque_id
            rooted = [space for space in rooted if space.owner.id.opaque_id == me] or rooted
        if rooted:
            return Flavour(FlavourKind.SPACES), _entry_of(rooted[0], HOME, SpaceKind.PERSONAL)
        home = Space(path=HOME, name=HOME, kind=SpaceKind.PERSONAL)
        return Flavour(FlavourKind.PATHS), Entry(space=home, mount=HOME_MOUNT)

    async def _home_path(self) -> str:
        try:
            reply = await self._gateway.call(
                "GetHome", provider.GetHomeRequest(), doing="find your home", repeat=True
            )
        except (SiteError, NotSupported, NotFound):
            return ""
        path: str = reply.path
        return path

    async def _list_spaces(self, kind: str) -> list[Any] | None:
        """Spaces of a type; None on a site that has no such call."""
        by_type = spaces_api.ListStorageSpacesRequest.Filter(
            type=spaces_api.ListStorageSpacesRequest.Filter.TYPE_SPACE_TYPE, space_type=kind
        )
        request = spaces_api.ListStorageSpacesRequest(filters=[by_type])
        try:
            return await self.pages(
                "ListStorageSpaces", request, "storage_spaces", "list your spaces"
            )
        except NotSupported:
            return None

    async def _list_projects(self) -> list[Entry]:
        spaces = [
            space
            for space in await self._list_spaces("project") or []
            # A disabled project is listed to its managers, and cannot be opened.
            if resource_id_of(space.root) and not opaque_text(space, "trashed")
        ]
        names = Counter(_segment(space.name) for space in spaces)
        entries = []
        for space in spaces:
            name = _segment(space.name)
            if names[name] > 1 or not name:
                name = f"{name} ({space.root.opaque_id[:8]})".strip()
            entries.append(_entry_of(space, join(PROJECTS, name), SpaceKind.PROJECT))
        return entries

    async def _list_project_paths(self) -> list[Entry]:
        try:
            reply = await self._gateway.call(
                "ListContainer",
                provider.ListContainerRequest(ref=reference(None, PROJECTS_MOUNT)),
                doing="list your projects",
                repeat=True,
            )
        except (NotFound, SiteError, NotSupported):
            return []  # This site has no projects.
        entries = []
        for info in reply.infos:
            name = told_name(info)
            space = Space(
                path=join(PROJECTS, name),
                name=name,
                kind=SpaceKind.PROJECT,
                owner=info.owner.opaque_id,
                modified=time_of(info.mtime),
            )
            entries.append(Entry(space=space, mount=f"{PROJECTS_MOUNT}/{name}", info=info))
        return entries

    async def received(self) -> list[tuple[Any, Any, Entry | None]]:
        """All that others of this site share with the user, listed afresh.

        Each is the site's ReceivedShare, its ResourceInfo or None, and where it is opened: None unless accepted.
        """
        entries = await self.listed(SpaceKind.SHARE, age=0)
        opened = {entry.share_id: entry for entry in entries if not entry.is_remote}
        told = self.local.told
        return [(share, info, opened.get(share.share.id.opaque_id)) for share, info in told]

    async def pages(self, name: str, request: Any, field: str, doing: str) -> list[Any]:
        """All items of a listing."""
        replies = await self.replies(name, request, doing)
        return [item for reply in replies for item in getattr(reply, field)]

    async def replies(self, name: str, request: Any, doing: str) -> list[Any]:
        """All pages of a listing; a page token that comes twice ends it."""
        replies: list[Any] = []
        for _ in range(PAGES_AT_MOST):
            reply = await self._gateway.call(name, request, doing=doing, repeat=True)
            replies.append(reply)
            if not reply.next_page_token or reply.next_page_token == request.page_token:
                break
            request.page_token = reply.next_page_token
        return replies


def _segment(name: str) -> str:
    """A name of a space as one part of a path."""
    name = name.replace("/", "\N{DIVISION SLASH}").replace("\0", "")
    return "" if name in (".", "..") else name


def _entry_of(space: Any, path: str, kind: SpaceKind) -> Entry:
    described = Space(
        path=path,
        name=space.name or name_of(path),
        kind=kind,
        root=resource_id_of(space.root),
        owner=space.owner.id.opaque_id,
        modified=time_of(space.mtime),
    )
    return Entry(space=described, info=space.root_info if space.root_info.type else None)


def _each_named(entries: list[Entry]) -> list[Entry]:
    """Shares under names that can stand in a path and are told apart."""
    counts = Counter(_segment(entry.space.name) for entry in entries)
    return [_told_apart(entry, counts) for entry in entries]


def _told_apart(entry: Entry, counts: Counter[str]) -> Entry:
    """The same share under a name that no other has."""
    name = _segment(entry.space.name)
    if counts[name] > 1 or not name:
        name = f"{name} ({entry.share_id[-8:]})".strip()
    path = join(SHARES, name)
    if (entry.space.name, entry.space.path) == (name, path):
        return entry
    return replace(entry, space=replace(entry.space, name=name, path=path))
