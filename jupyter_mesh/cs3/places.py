"""From mesh paths to what a site understands: which space, which root, which reference.

Lists of spaces and shares are remembered for some seconds and read again when a name is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from jupyter_mesh.cs3.flavour import Feature, Flavour, FlavourKind
from jupyter_mesh.cs3.wire import opaque_text, reference, resource_id_of, time_of, told_name
from jupyter_mesh.errors import (
    InvalidRequest,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import ResourceId, Space, SpaceKind
from jupyter_mesh.paths import BY_ID, HOME, PROJECTS, SHARES, MeshPath, join, name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cs3.gateway import Gateway
from jupyter_mesh.cs3.place import Entry, Place
from jupyter_mesh.cs3.remote import RemoteShares

__all__ = ["Places"]

UNSURE_LASTS = 300.0
"""Seconds for which a share that cannot be looked at, for no reason that says anything, is still one."""

LIST_LASTS = 10.0
"""Seconds for which a list of spaces is shown again."""

NAME_LASTS = 60.0
"""Seconds for which a name is believed to be that of the same space."""

PAGES_AT_MOST = 1000
STATS_AT_ONCE = 8
HOME_MOUNT, PROJECTS_MOUNT = "/home", "/projects"
VIRTUAL_SHARES = "a0ca6a90-a365-4782-871e-d44447bbc668"
"""Storage id of the space in which spaces sites show received shares; never an address of ours."""


class Places:
    """The map of one site for one user. Does no I/O before the first question."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._found: tuple[Flavour, Entry] | None = None
        self._listed: dict[SpaceKind, tuple[float, list[Entry]]] = {}
        self._told: list[tuple[Any, Any]] = []
        self.remote = RemoteShares(gateway, self.pages)
        self._seen: dict[str, str] = {}
        """Ids of the shares of other sites by the paths under which they were shown."""
        self._lent: dict[str, tuple[str, str]] = {}
        """The same of this site's shares: the id and the id of the owner."""
        self._were: dict[str, Entry] = {}
        """Shares of this site that were looked at, by id, as they were then."""
        self._unsure: dict[str, float] = {}
        """Since when shares of this site could not be looked at, though nothing says that they are gone."""
        self.name_of: Callable[[str], Awaitable[str]] | None = None
        """Tells the display name of a user by id, for what is said about shares."""
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
                        self._list_shares(flavour), self.remote.entries(flavour.has_spaces)
                    )
                    entries = _each_named(local + remote)
                elif flavour.has_spaces:
                    entries = await self._list_projects()
                else:
                    entries = await self._list_project_paths()
                entries.sort(key=lambda entry: entry.space.path)
                self._listed[kind] = (time.monotonic(), entries)
        self._seen |= {entry.space.path: entry.share_id for entry in entries if entry.is_remote}
        self._lent |= {
            entry.space.path: (entry.share_id, entry.space.owner)
            for entry in entries
            if entry.share_id and not entry.is_remote
        }
        return [
            entry
            for entry in entries
            if not (entry.is_remote and self.remote.endings.is_withdrawn(entry.share_id))
        ]

    def is_unsure(self, share: str) -> bool:
        """True if a share of this site could not be looked at for some time, which may pass."""
        since = self._unsure.get(share)
        return since is not None and time.monotonic() - since < UNSURE_LASTS

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
        if share not in self._lent:
            return
        await self.listed(SpaceKind.SHARE, age=0)
        id, owner = self._lent[share]
        if any(received.share.id.opaque_id == id for received, _ in self._told):
            return
        name = ""
        if self.name_of is not None:
            with suppress(MeshError):
                name = await self.name_of(owner)
        raise Withdrawn(f'{name or "Its owner"} stopped sharing "{name_of(share)}".')

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

    async def _list_shares(self, flavour: Flavour) -> list[Entry]:
        """Accepted shares. They are opened by the id of the shared resource on every kind of site."""
        self._told = received = await self._received(flavour)
        accepted = [pair for pair in received if _is_open(pair[0])]
        gate = asyncio.Semaphore(STATS_AT_ONCE)
        named = await asyncio.gather(
            *(self._share_entry(share, info, gate) for share, info in accepted)
        )
        return [entry for entry in named if entry is not None]

    async def received(self) -> list[tuple[Any, Any, Entry | None]]:
        """All that others of this site share with the user, listed afresh.

        Each is the site's ReceivedShare, its ResourceInfo or None, and where it is opened: None unless accepted.
        """
        entries = await self.listed(SpaceKind.SHARE, age=0)
        opened = {entry.share_id: entry for entry in entries if not entry.is_remote}
        return [(share, info, opened.get(share.share.id.opaque_id)) for share, info in self._told]

    async def _received(self, flavour: Flavour) -> list[tuple[Any, Any]]:
        """What the site lists as received: its ReceivedShares, with ResourceInfos where it tells them."""
        known = flavour.can(Feature.RECEIVED_INFOS)
        if known is not False:
            try:
                listed = await self.pages(
                    "ListExistingReceivedShares",
                    sharing.ListReceivedSharesRequest(),
                    "share_infos",
                    "list your shares",
                )
            except (NotSupported, SiteError):
                listed, known = [], False
            if listed or known:
                flavour.learn(Feature.RECEIVED_INFOS, True)
                return [(item.received_share, item.resource_info) for item in listed]
        try:
            listed = await self.pages(
                "ListReceivedShares",
                sharing.ListReceivedSharesRequest(),
                "shares",
                "list your shares",
            )
        except NotSupported:
            return []
        if listed or known is False:
            # Reva leaves out what its receiver cannot look at, and some sites cannot list in that way at all.
            flavour.learn(Feature.RECEIVED_INFOS, False)
        return [(share, None) for share in listed]

    async def _share_entry(self, received: Any, info: Any, gate: asyncio.Semaphore) -> Entry | None:
        """None for a share whose resource is gone. Asks for the name where the site did not tell one."""
        root = resource_id_of(received.share.resource_id)
        if root is None:
            return None
        name = received.alias or name_of(received.mount_point.path)
        if info is not None and info.type:
            name = name or told_name(info)
        elif not name:
            try:
                async with gate:
                    reply = await self._gateway.call(
                        "Stat",
                        provider.StatRequest(ref=reference(root, "")),
                        doing="look at a share",
                        repeat=True,
                    )
            except (NotFound, NotAllowed):
                return None
            except SiteError:
                return self._not_seen(received)
            self._unsure.pop(received.share.id.opaque_id, None)
            info = reply.info
            name = told_name(info)
        space = Space(
            path=join(SHARES, name),
            name=name,
            kind=SpaceKind.SHARE,
            root=root,
            owner=received.share.owner.opaque_id,
            modified=time_of(received.share.mtime if info is None else info.mtime),
        )
        entry = Entry(space=space, share_id=received.share.id.opaque_id, info=info)
        self._were[entry.share_id] = entry
        return entry

    def _not_seen(self, received: Any) -> Entry | None:
        """The entry of a share that cannot be looked at just now, as it was; None without an earlier one."""
        share = received.share.id.opaque_id
        self._unsure.setdefault(share, time.monotonic())
        return self._were.get(share) if self.is_unsure(share) else None

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


def _is_open(received: Any) -> bool:
    """True for a share that was accepted and has not ended: not every site ends it by itself."""
    share = received.share
    ended = share.HasField("expiration") and time_of(share.expiration) <= datetime.now(UTC)
    return received.state == shares.SHARE_STATE_ACCEPTED and not ended


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
