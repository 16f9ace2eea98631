"""What all parts of the client stand on: the connection, the user, the spaces."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.identity.user.v1beta1 import resources_pb2 as identity
from cs3.identity.user.v1beta1 import user_api_pb2 as users
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.data import DataGateway
from jupyter_mesh.cs3.failures import refusal_of
from jupyter_mesh.cs3.gateway import Gateway
from jupyter_mesh.cs3.meter import Meter
from jupyter_mesh.cs3.place import Entry, Place
from jupyter_mesh.cs3.places import Places
from jupyter_mesh.cs3.sightings import Sightings
from jupyter_mesh.cs3.spooling import Copies
from jupyter_mesh.cs3.wire import UNSAID, clean_name, opaque_text, resource_of, told_name, user_of
from jupyter_mesh.errors import (
    Busy,
    InvalidRequest,
    NotAllowed,
    NotFound,
    SiteError,
    Unavailable,
    Withdrawn,
)
from jupyter_mesh.models import Kind, Permissions, Quota, Resource, Space, SpaceKind, User
from jupyter_mesh.paths import AREAS, BY_ID, HOME, PROJECTS, SHARES, MeshPath, join, name_of

if TYPE_CHECKING:
    from types import TracebackType

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.cs3.flavour import Flavour

__all__ = ["SiteClient"]

FIRST_PAUSE = 0.06
PROCESSING_AT_MOST = 20.0
"""Seconds to wait for a site that processes an upload (for viruses, for example)."""


class SiteClient:
    """The connection to one site for one user.

    Building it does no I/O and needs no loop. It belongs to the loop of its first call; whoever built it
    awaits ``close()``, or uses it as an async context manager.
    """

    def __init__(self, settings: SiteSettings, token: TokenSource) -> None:
        self.site = settings.name
        self.gateway = settings.target
        self.meter = Meter()
        self._gateway = Gateway(settings, token, self.meter)
        self._data = DataGateway(settings, self.meter)
        self._places = Places(self._gateway)
        self._places.local.name_of = self.name_of
        self._copies = Copies()
        self.sightings = Sightings()
        """Where things were seen of which only ids are known."""
        self.moves = 0
        """Grows with everything that is moved, deleted or brought back here: names from before may not hold."""
        self._me: User | None = None
        self._born = datetime.now(UTC)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; calls under way end as Unavailable. May be awaited twice."""
        await self._places.close()
        await asyncio.gather(self._gateway.close(), self._data.close(), self._copies.close())

    async def disconnect(self) -> None:
        """Close the connections, not the copies; the next call opens new ones. Calls under way end as Unavailable."""
        await asyncio.gather(self._gateway.close(), self._data.close())

    @property
    def spooled(self) -> int:
        """Bytes of copies on this machine's disk: ``spooling.py``."""
        return self._copies.size

    async def flavour(self) -> Flavour:
        """What kind of site this is and what it can do; asks the site once."""
        return await self._places.flavour()

    async def whoami(self) -> User:
        """The user that the token speaks for. WhoAmI; raises LoginEnded."""
        return user_of(await self._gateway.whoami())

    async def me(self) -> User:
        """The same, asked for once. WhoAmI; raises LoginEnded."""
        if self._me is None:
            self._me = await self.whoami()
        return self._me

    async def name_of(self, user: str) -> str:
        """The display name of a user by id; "" if the site does not tell it. GetUser."""
        request = users.GetUserRequest(user_id=identity.UserId(opaque_id=user))
        reply = await self._call("GetUser", request, f"ask who {user} is", repeat=True)
        return clean_name(reply.user.display_name or reply.user.username)

    async def spaces(self) -> list[Space]:
        """The personal space, projects and accepted shares, in this order."""
        entries = [
            await self._places.home(),
            *await self._places.listed(SpaceKind.PROJECT),
            *await self._places.listed(SpaceKind.SHARE),
        ]
        return [entry.space for entry in entries]

    async def quota(self, path: str = HOME) -> Quota:
        """Room in the space that holds ``path``. GetQuota; raises NotSupported where there is none."""
        place = await self._place(MeshPath.parse(path))
        reply = await self._gateway.call(
            "GetQuota",
            gw.GetQuotaRequest(ref=place.ref),
            doing=f"ask for the room in {path}",
            repeat=True,
        )
        # No limit is told as 0, as 2^64-1, or in the Opaque.
        limited = reply.total_bytes not in (0, UNSAID) and opaque_text(reply, "remaining") != str(
            UNSAID
        )
        return Quota(used=reply.used_bytes, total=reply.total_bytes if limited else None)

    async def _call(self, name: str, request: Any, doing: str, *, repeat: bool = False) -> Any:
        return await self._gateway.call(name, request, doing=doing, repeat=repeat)

    async def _place(self, path: MeshPath) -> Place:
        if path.is_area:
            raise InvalidRequest(f'"{path}" holds spaces, not files. Choose one of them first.')
        return await self._places.find(path)

    async def _inside(self, path: str) -> Place:
        """The place of something that may be written: anything below the root of a space."""
        parsed = MeshPath.parse(path)
        if parsed.is_area or parsed.is_space_root:
            raise InvalidRequest(f'"{path}" belongs to the site. Choose something inside it.')
        return await self._places.find(parsed)

    async def _stat(self, place: Place) -> Resource:
        try:
            reply = await self._call(
                "Stat", provider.StatRequest(ref=place.ref), f"open {place.path}", repeat=True
            )
        except (NotFound, NotAllowed) as error:
            if not isinstance(error, Withdrawn) and place.path.startswith(f"{SHARES}/"):
                await self._must_still_be_shared(place)
            raise
        except SiteError as error:
            # Reva says INTERNAL for a path below a file.
            refusal, above = refusal_of(error), place.parent
            if refusal is None or refusal.code != "INTERNAL" or above is None:
                raise
            if (await self._stat(above)).is_directory:
                raise
            raise NotFound(f"Could not open {place.path}: {above.path} is a file.") from error
        if not place.is_remote:
            (await self.flavour()).quotes_etags = reply.info.etag.startswith('"')
        by_id = place.path.startswith(BY_ID) and not place.rel
        return resource_of(reply.info, place.path, told_name(reply.info) if by_id else "")

    async def _must_still_be_shared(self, place: Place) -> None:
        """Raise Withdrawn for what is not there because a share has ended: then its root is not there either."""
        if place.rel:
            root = replace(place, path=join(*place.path.split("/")[:2]), rel="")
            with suppress(NotFound, NotAllowed):
                request = provider.StatRequest(ref=root.ref)
                await self._call("Stat", request, f"open {root.path}", repeat=True)
                return
        await self._places.must_not_have_ended(place.path)

    async def _stat_if_there(self, place: Place) -> Resource | None:
        try:
            return await self._stat(place)
        except Withdrawn:
            raise
        except NotFound:
            return None

    async def _processed(self, place: Place) -> Resource:
        """The resource once the site has finished working on it, or as it is after a bounded wait."""
        give_up = time.monotonic() + PROCESSING_AT_MOST
        pause = FIRST_PAUSE
        while (found := await self._stat(place)).processing and time.monotonic() < give_up:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        return found

    async def _patiently(self, place: Place, name: str, request: Any, doing: str) -> Any:
        """A call that some sites refuse while they process an upload: it is made again when they are done."""
        try:
            return await self._call(name, request, doing)
        except Busy:
            await self._processed(place)
            return await self._call(name, request, doing)

    def _area(self, path: str, modified: datetime | None = None) -> Resource:
        """A folder that no site holds: the areas, the list of projects, the list of shares."""
        return Resource(
            path=path,
            name=name_of(path),
            kind=Kind.DIRECTORY,
            modified=modified or self._born,
            etag="",
            permissions=Permissions(read=True),
        )

    async def _list_area(self, path: MeshPath) -> list[Resource]:
        if not path.area:
            return [self._area(area) for area in AREAS]
        kind = SpaceKind.PROJECT if path.area == PROJECTS else SpaceKind.SHARE
        entries = await self._places.listed(kind)
        found = await asyncio.gather(*(self._root(entry) for entry in entries))
        return [resource for resource in found if resource is not None]

    async def _root(self, entry: Entry) -> Resource | None:
        """The root of a space; None if it is gone."""
        if entry.info is not None:
            return resource_of(entry.info, entry.space.path)
        place = Place(
            path=entry.space.path,
            rel="",
            root=entry.space.root,
            mount=entry.mount,
            is_remote=entry.is_remote,
        )
        try:
            return await self._stat_if_there(place)
        except (Withdrawn, Unavailable, SiteError):
            if not entry.is_remote:
                raise
            return None  # Another site is away or has ended it: the others are listed all the same.
