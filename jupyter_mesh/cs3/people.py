"""The people and groups of a site: looking for them, and their names by id."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.identity.group.v1beta1 import group_api_pb2 as groups
from cs3.identity.group.v1beta1 import resources_pb2 as group_ids
from cs3.identity.user.v1beta1 import user_api_pb2 as users

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.gateway import OldForm
from jupyter_mesh.cs3.grants import group_of, person_of, user_id_to
from jupyter_mesh.errors import (
    InvalidRequest,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
)
from jupyter_mesh.models import GranteeKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.models import Grantee

__all__ = ["People"]

NAMES_LAST = 3600.0
"""Seconds for which a name is shown again beside the same id."""

UNKNOWN_LASTS = 60.0
"""The same for an id that the site does not know."""

NAMES_AT_MOST = 10_000
ASKED_AT_ONCE = 8
SEARCH_WITHIN = 10.0


class People(SiteClient):
    """Users and groups. Mail addresses are dropped where they arrive."""

    def __init__(self, settings: SiteSettings, token: TokenSource) -> None:
        super().__init__(settings, token)
        self._people: OrderedDict[str, tuple[float, Grantee]] = OrderedDict()
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        self._finding = asyncio.Lock()

    async def find_users(self, text: str) -> list[Grantee]:
        """Users of this site by a part of their name, without the user. FindUsers."""
        me, found = await asyncio.gather(self.me(), self._find("FindUsers", text))
        people = [person_of(user) for user in found]
        return self._noted(person for person in people if person and person.id != me.id)

    async def find_groups(self, text: str) -> list[Grantee]:
        """Groups of this site by a part of their name. FindGroups."""
        found = await self._find("FindGroups", text)
        return self._noted(group_of(group) for group in found)

    async def user(self, grantee: Grantee) -> Grantee:
        """The same user or group with names, as far as the site tells them. GetUser or GetGroup, remembered.

        Nobody is gone because a name is: somebody whom the site does not know any more comes back as given.
        """
        if grantee.kind is GranteeKind.CONTACT:
            return grantee
        known = self._named_user(grantee)
        if known is not None:
            return known
        async with self._asking:
            return self._named_user(grantee) or await self._ask(grantee)

    def known_user(self, grantee: Grantee) -> Grantee:
        """The same with names if they are known already; asks nobody."""
        if grantee.name:
            self._note(grantee)
            return grantee
        return self._named_user(grantee) or grantee

    async def _find(self, name: str, text: str) -> list[Any]:
        """Users or groups, in the form of search that the site understands (``facts/cs3.md`` §9)."""
        flavour = await self.flavour()
        known = flavour.can(Feature.FILTERED_SEARCH)
        if known is None:
            async with self._finding:
                known = flavour.can(Feature.FILTERED_SEARCH)
                if known is None:
                    known = await self._reads_filters()
                    if known is not None:
                        flavour.learn(Feature.FILTERED_SEARCH, known)
        request = _by_text(name, text) if known is False else _by_filter(name, text)
        return await self._asked(name, request)

    async def _reads_filters(self) -> bool | None:
        """Whether the site finds the user by filters: an older one takes them for a name, and finds nobody.

        None where it finds the user in neither form.
        """
        me = (await self.me()).username
        for form, works in ((_by_filter, True), (_by_text, False)):
            try:
                if await self._asked("FindUsers", form("FindUsers", me)):
                    return works
            except (SiteError, InvalidRequest):
                continue
        return None

    async def _asked(self, name: str, request: Any) -> list[Any]:
        what = "people" if name == "FindUsers" else "groups"
        reply = await self._gateway.call(
            name, request, doing=f"look for {what}", repeat=True, timeout=SEARCH_WITHIN
        )
        return list(reply.users if name == "FindUsers" else reply.groups)

    async def _ask(self, grantee: Grantee) -> Grantee:
        named: Grantee | None = None
        try:
            if grantee.kind is GranteeKind.USER:
                user = user_id_to(grantee.id, grantee.idp)
                asked = users.GetUserRequest(user_id=user, skip_fetching_user_groups=True)
                reply = await self._call("GetUser", asked, "ask for a name", repeat=True)
                named = person_of(reply.user)
            elif grantee.kind is GranteeKind.GROUP:
                group = group_ids.GroupId(opaque_id=grantee.id, idp=grantee.idp)
                wanted = groups.GetGroupRequest(group_id=group)
                reply = await self._call("GetGroup", wanted, "ask for a name", repeat=True)
                named = group_of(reply.group)
        except (NotFound, NotAllowed, NotSupported, SiteError, InvalidRequest):
            pass
        except MeshError:
            # A name is not worth an error: it is asked for again the next time.
            return grantee
        if named is None:
            self._note(grantee, UNKNOWN_LASTS)
            return grantee
        named = replace(named, id=grantee.id, idp=grantee.idp)
        self._note(named)
        return named

    def _named_user(self, grantee: Grantee) -> Grantee | None:
        until, named = self._people.get(_id(grantee), (0.0, grantee))
        if until <= time.monotonic():
            return None
        return replace(named, idp=grantee.idp or named.idp)

    def _noted(self, found: Iterable[Grantee]) -> list[Grantee]:
        people = list(found)
        for person in people:
            self._note(person)
        return people

    def _note(self, grantee: Grantee, lasts: float = NAMES_LAST) -> None:
        key = _id(grantee)
        self._people[key] = (time.monotonic() + lasts, grantee)
        self._people.move_to_end(key)
        while len(self._people) > NAMES_AT_MOST:
            self._people.popitem(last=False)


def _id(grantee: Grantee) -> str:
    """Some sites leave the identity provider out of their answers: ids alone tell their users apart."""
    return f"{grantee.kind}:{grantee.id}"


def _by_filter(name: str, text: str) -> Any:
    if name == "FindUsers":
        query = users.Filter(type=users.Filter.TYPE_QUERY, query=text)
        return users.FindUsersRequest(filters=[query], skip_fetching_user_groups=True)
    wanted = groups.Filter(type=groups.Filter.TYPE_QUERY, query=text)
    return groups.FindGroupsRequest(filters=[wanted])


def _by_text(name: str, text: str) -> Any:
    """The form of before autumn 2025: field 2 was the text itself."""
    query = text.encode()
    reply = users.FindUsersResponse if name == "FindUsers" else groups.FindGroupsResponse
    return OldForm(b"\x12" + _varint(len(query)) + query, reply)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
