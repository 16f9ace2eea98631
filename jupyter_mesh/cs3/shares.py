"""Shares with people and groups of one's own site, with the guards that real sites need.

What real sites answer and leave undone stands in ``facts/cs3.md`` §6.4 and §19, ``facts/opencloud.md`` §2.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as rs
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from google.protobuf.field_mask_pb2 import FieldMask

from jupyter_mesh.cs3.failures import refusal_of
from jupyter_mesh.cs3.flavour import Feature, FlavourKind
from jupyter_mesh.cs3.given import Given
from jupyter_mesh.cs3.grants import (
    grantee_to,
    has_ended,
    permissions_to,
    share_of,
    stamp_of,
)
from jupyter_mesh.cs3.trees import settled
from jupyter_mesh.cs3.wire import (
    clean_name,
    opaque,
    resource_id_to,
)
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    MeshError,
    NotFound,
    NotSupported,
    ShareConflict,
    SiteError,
)
from jupyter_mesh.models import UNCHANGED, Grantee, GranteeKind, Role
from jupyter_mesh.paths import PROJECTS, name_of

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.models import Share, Unchanged

__all__ = ["Shares", "called", "lost"]

LONGEST_TEXT = 64 << 10
CONFLICTS_AT_MOST = 20

MEMBER = "member:"
"""What the id of somebody's membership in a project begins with, where the site gives it none."""


class Terms(NamedTuple):
    """What a share is to allow, how long, and what is said with it."""

    role: Role
    expires: datetime | None
    note: str


class Shares(Given):
    """Shares that the user gives inside one site."""

    async def share(
        self,
        path: str,
        grantee: Grantee,
        role: Role,
        *,
        expires: datetime | None = None,
        note: str = "",
        force: bool = False,
    ) -> Share:
        """Share a file or folder with a user or group of this site. WhoAmI once, Stat, CreateShare.

        ``force`` replaces shares below that are in the way, where the site offers it. A site that gives other
        access than it was asked for is found out, and the share removed. Raises AlreadyExists, ShareConflict,
        InvalidRequest for oneself, NotSupported for a role, an end or a note that the site does not keep.
        """
        doing = f"share {path} with {called(grantee)}"
        _must_make_sense(grantee, role, expires, doing)
        if note and not self.keeps_notes:
            await self._shares()  # With it the site says whether it does.
        if note and not self.keeps_notes:
            raise NotSupported(f"Could not {doing}: {self.site} keeps no notes with shares.")
        place = await self._shareable(path)
        if role is Role.OWNER and not (place.path.startswith(PROJECTS) and not place.rel):
            raise InvalidRequest(f"Could not {doing}: a share cannot make somebody an owner.")
        if grantee.kind is GranteeKind.USER and grantee.id == (await self.me()).id:
            raise _oneself(doing)
        info = await self._info(place)
        wanted = Terms(role, expires, note)
        return await self._give(info, grantee, wanted, force=force, doing=doing, path=place.path)

    async def update_share(
        self,
        share: Share,
        *,
        role: Role | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
    ) -> Share:
        """Change the role or the end of a share, and nothing that was changed elsewhere meanwhile.

        GetShare, UpdateShare for each, GetShare. What the site does not do, though it may say OK, is done by removing the share and making it again: it
        has another id then. If that fails the old share is made again. Raises NotFound if the share is gone.
        """
        doing = f"change the share of {_what(share)} with {called(share.grantee)}"
        share = await self.current_share(share, doing)
        wanted = replace(
            share,
            role=share.role if role is UNCHANGED else role,
            expires=share.expires if expires is UNCHANGED else expires,
        )
        _must_make_sense(
            share.grantee, wanted.role, None if expires is UNCHANGED else wanted.expires, doing
        )
        if wanted == share:
            return share
        if wanted.role is not share.role:
            await self._change(share, doing, "permissions", permissions_to(wanted.role))
        if wanted.expires != share.expires:
            end = None if wanted.expires is None else stamp_of(wanted.expires)
            await self._change(share, doing, "expiration", end)
        there = await self._looked_at(share, doing)
        if there.role is wanted.role and _same_time(there.expires, wanted.expires):
            return replace(wanted, id=there.id)
        return await self._made_again(there, wanted, doing)

    async def remove_share(self, share: Share) -> None:
        """Stop sharing; no error if it has ended already. RemoveShare."""
        doing = f"stop sharing {_what(share)} with {called(share.grantee)}"
        try:
            await self._call("RemoveShare", sharing.RemoveShareRequest(ref=_ref(share)), doing)
        except NotFound:
            return
        except SiteError:
            # OpenCloud says INTERNAL for a share that is gone.
            with suppress(NotFound):
                await self._looked_at(share, doing)
                raise

    async def current_share(self, share: Share, doing: str = "look at a share") -> Share:
        """A share that was listed earlier, with what it allows now. GetShare; raises NotFound if it is gone."""
        now = await self._looked_at(share, doing)
        return replace(share, role=now.role, expires=now.expires, note=now.note or share.note)

    async def _info(self, place: Place) -> Any:
        """What the site says of a resource, as it wants it back in requests about shares."""
        request = provider.StatRequest(ref=place.ref)
        return (await self._call("Stat", request, f"open {place.path}", repeat=True)).info

    async def _give(
        self,
        info: Any,
        grantee: Grantee,
        terms: Terms,
        *,
        force: bool = False,
        doing: str,
        path: str,
    ) -> Share:
        """CreateShare, and a look at what the site has made of it."""
        request = sharing.CreateShareRequest(
            resource_info=info,
            grant=rs.ShareGrant(
                grantee=grantee_to(grantee),
                permissions=rs.SharePermissions(permissions=permissions_to(terms.role)),
                expiration=None if terms.expires is None else stamp_of(terms.expires),
            ),
            opaque=opaque(
                ({"force": "true"} if force else {})
                | ({"description": terms.note} if terms.note else {})
            ),
        )
        try:
            reply = await self._call("CreateShare", request, doing)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"{name_of(path)} is shared with {called(grantee)} already. Change the role there.",
                trace=error.trace,
            ) from error
        except (Conflict, SiteError, InvalidRequest) as error:
            raise _explained(error, doing) from error
        made = share_of(reply.share, info, path)
        made = replace(made, grantee=self.known_user(grantee))
        if not reply.share.id.opaque_id:
            # Members of a project have no share of their own on sites of spaces.
            return replace(made, id=_member_id(made), **terms._asdict())
        kept = (made.role, made.expires is None) == (terms.role, terms.expires is None)
        if reply.share.HasField("permissions") and not kept:
            await self.remove_share(made)
            what = "end of shares" if made.role is terms.role else "role"
            raise NotSupported(f"Could not {doing}: {self.site} knows no such {what}.")
        return replace(made, **terms._asdict())

    async def _change(self, share: Share, doing: str, field: str, value: Any) -> None:
        """One UpdateShare in the form that the site understands; what it does not do shows afterwards.

        A field that goes (None) can be said in one of the forms only.
        """
        flavour = await self.flavour()
        known = flavour.can(Feature.SHARE_FIELDS)
        forms = [flavour.kind is FlavourKind.PATHS] if known is None else [known]
        forms += [] if known is not None else [not forms[0]]
        for by_field in forms:
            if by_field and value is None:
                continue
            request = _update(share, field, value, by_field=by_field)
            try:
                await self._call("UpdateShare", request, doing)
            except (NotSupported, SiteError, InvalidRequest):
                continue
            flavour.learn(Feature.SHARE_FIELDS, by_field)
            return

    async def _looked_at(self, share: Share, doing: str) -> Share:
        """A share as the site has it now; raises NotFound if it is gone."""
        if share.id.startswith(MEMBER):
            return share
        try:
            reply = await self._call(
                "GetShare", sharing.GetShareRequest(ref=_ref(share)), doing, repeat=True
            )
        except (NotFound, SiteError, InvalidRequest, NotSupported) as error:
            for known in await self._shares():
                if known.id == share.id:
                    return known
            raise NotFound(f"Could not {doing}: it is not shared any more.") from error
        return share_of(reply.share)

    async def _made_again(self, old: Share, wanted: Share, doing: str) -> Share:
        """Remove a share and make it as it is wanted; the old one comes back if that fails."""
        info = await self._info(self._by_id(old.resource))

        async def give(share: Share) -> Share:
            terms = Terms(share.role, share.expires, wanted.note)
            path = wanted.path or wanted.name
            return await self._give(info, share.grantee, terms, doing=doing, path=path)

        async def replaced() -> Share:
            await self.remove_share(old)
            try:
                made = await give(wanted)
            except MeshError as error:
                try:
                    await give(old)
                except AlreadyExists:
                    pass  # Somebody else has shared it with them in the meantime.
                except MeshError:
                    raise lost(error, wanted.grantee) from error
                raise
            return replace(wanted, id=made.id)

        # Between the two steps there is no share: whoever waits may go, the steps are finished.
        return await settled(replaced())


def called(grantee: Grantee) -> str:
    """How a sentence names somebody."""
    return grantee.name or grantee.username or grantee.id


def lost(error: MeshError, grantee: Grantee) -> SiteError:
    """What to say where a share could be made neither as it was wanted nor as it was."""
    return SiteError(
        f"{error} {called(grantee)} has no access now: share it again.", trace=error.trace
    )


def _what(share: Share) -> str:
    return share.name or name_of(share.path) or "it"


def _oneself(doing: str) -> InvalidRequest:
    return InvalidRequest(f"Could not {doing}: that is you, and you have access already.")


def _must_make_sense(grantee: Grantee, role: Role, expires: datetime | None, doing: str) -> None:
    if grantee.kind is GranteeKind.CONTACT:
        raise InvalidRequest(f"Could not {doing}: this is somebody at another site.")
    if role is Role.CUSTOM:
        raise InvalidRequest(f"Could not {doing}: choose a role.")
    if has_ended(expires):
        raise InvalidRequest(f"Could not {doing}: the end lies in the past.")


def _update(share: Share, field: str, value: Any, *, by_field: bool) -> Any:
    """An UpdateShare for one field: sites of paths read ``field``, sites of spaces ``share`` and a mask."""
    if field == "permissions":
        value = rs.SharePermissions(permissions=value)
    if by_field:
        change = sharing.UpdateShareRequest.UpdateField(**{field: value})
        return sharing.UpdateShareRequest(ref=_ref(share), field=change)
    changed = rs.Share(id=rs.ShareId(opaque_id=share.id), **{field: value})
    return sharing.UpdateShareRequest(
        ref=_ref(share), share=changed, update_mask=FieldMask(paths=[field])
    )


def _ref(share: Share) -> Any:
    """How the site is told which share is meant."""
    if share.id.startswith(MEMBER):
        key = rs.ShareKey(
            resource_id=resource_id_to(share.resource), grantee=grantee_to(share.grantee)
        )
        return rs.ShareReference(key=key)
    return rs.ShareReference(id=rs.ShareId(opaque_id=share.id))


def _member_id(share: Share) -> str:
    return f"{MEMBER}{share.grantee.key}"


def _same_time(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) < 1


def _explained(error: MeshError, doing: str) -> MeshError:
    """The error for a share that the site refused, from what it says."""
    refusal = refusal_of(error)
    if refusal is None:
        return error
    if refusal.says("are the same", "themselves", "yourself"):
        return _oneself(doing)
    if refusal.code != "ABORTED" or len(refusal.text) > LONGEST_TEXT:
        return error
    try:
        told = json.loads(refusal.text)
        items = told["conflicting_shares"]
        above = told["error_type"] == "parent_conflict"
        force = told["can_force"] is True
        paths = tuple(
            clean_name(str(item["path"])).strip("/") for item in items[:CONFLICTS_AT_MOST]
        )
    except (ValueError, KeyError, TypeError):
        return error
    where = ", ".join(f'"{path}"' for path in paths[:3]) or "something"
    reason = (
        f"the folder above it ({where}) is shared in that way already."
        if above
        else f"shares of what lies in it ({where}) are in the way."
    )
    return ShareConflict(f"Could not {doing}: {reason}", paths=paths, can_force=force)
