"""Public links of a site, and the addresses that they lead to.

A site tells the token of a link and not its address. It is built from, in this order:

1. ``link_address`` of the site's settings (``MESH_LINK_ADDRESS``): what comes before the token;
2. what the site says with its links (``link-address`` in the Opaque of the answer), as our node does;
3. ``/s/`` at the host of the data gateway, as at oCIS and OpenCloud, once a link was seen to lead somewhere.

Where none of them holds, links are not offered: a link that leads nowhere is worse than none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cs3.sharing.link.v1beta1 import link_api_pb2 as links
from cs3.sharing.link.v1beta1 import resources_pb2 as rs
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.failures import Refusal, refusal_of
from jupyter_mesh.cs3.grants import has_ended, link_of, permissions_to, stamp_of
from jupyter_mesh.cs3.located import Located, Told, told_places
from jupyter_mesh.cs3.tree import Tree
from jupyter_mesh.cs3.wire import opaque_text, resource_id_to
from jupyter_mesh.errors import InvalidRequest, MeshError, NotAllowed, NotFound, NotSupported
from jupyter_mesh.models import UNCHANGED, Role
from jupyter_mesh.paths import HOME, MeshPath, join

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.models import Link, ResourceId, Unchanged

__all__ = ["Links"]

TOLD = "link-address"
PAGE = "/s/"
"""Where oCIS, OpenCloud and our node show what a link leads to, at the host that also serves the data."""

_UPDATE = links.UpdatePublicShareRequest.Update
_NO_ADDRESS = (
    "{site} does not tell where its links lead. Its operators know; set MESH_LINK_ADDRESS to what comes before "
    "the last part of a link, for example https://mesh.example.org/s/."
)


class Links(Tree, Located):
    """Public links. Their addresses open what they lead to: they are never logged."""

    def __init__(self, settings: SiteSettings, token: TokenSource) -> None:
        super().__init__(settings, token)
        self._link_address = settings.link_address
        self._leads_nowhere = False

    @property
    def links_lead_nowhere(self) -> bool:
        """True once it was found out that nobody knows the address of this site's links."""
        return self._leads_nowhere and not self._link_address

    async def links(self, path: str = "") -> list[Link]:
        """The public links of the user, or those of ``path`` itself; latest first. ListPublicShares.

        Ended ones are left out, and so are all of a site whose links have no known address.
        """
        request = links.ListPublicSharesRequest()
        resource: ResourceId | None = None
        if path:
            resource = (await self._stat(await self._linkable(path))).id
            if resource is None:
                return []
            request.filters.add(
                type=links.ListPublicSharesRequest.Filter.TYPE_RESOURCE_ID,
                resource_id=resource_id_to(resource),
            )
        doing = "list your links"
        told = []
        places: dict[str, Told] = {}
        for reply in await self._places.replies("ListPublicShares", request, doing):
            self._link_address = self._link_address or _told_address(reply)
            told += list(reply.share)
            places |= told_places(reply)
        listed = []
        for share in told:
            url = await self._url(share.token)
            if url:
                listed.append((link_of(share, url), places.get(share.id.opaque_id)))
        found = await self._placed([one for one in listed if not has_ended(one[0].expires)])
        if resource is not None:
            found = [
                replace(link, path=path)
                for link in found
                if (link.resource.storage, link.resource.opaque)
                == (resource.storage, resource.opaque)
            ]
        found.sort(key=lambda link: link.created.timestamp() if link.created else 0, reverse=True)
        return found

    async def create_link(
        self,
        path: str,
        role: Role,
        *,
        password: str = "",
        expires: datetime | None = None,
        name: str = "",
    ) -> Link:
        """Make a public link to a file or folder. Stat, CreatePublicShare.

        The password stands in the body of the call and nowhere else. Raises InvalidRequest where the site does
        not accept it (or wants one), NotSupported where the link would lead nowhere.
        """
        doing = f"make a link to {path}"
        _must_make_sense(role, expires, doing)
        if self.links_lead_nowhere:
            raise self._no_address(doing)
        place = await self._linkable(path)
        asked = provider.StatRequest(ref=place.ref)
        info = (await self._call("Stat", asked, f"open {path}", repeat=True)).info
        if name:
            # Where sites of the Reva family look for the name.
            info.arbitrary_metadata.metadata["name"] = name
        request = links.CreatePublicShareRequest(
            resource_info=info,
            grant=_grant(role=role, password=password, expires=expires),
            description=name,
        )
        try:
            reply = await self._call("CreatePublicShare", request, doing)
        except InvalidRequest as error:
            raise _explained(error, doing, bool(password)) from error
        self._link_address = self._link_address or _told_address(reply)
        url = await self._url(reply.share.token)
        made = replace(
            link_of(reply.share, url, path), has_password=bool(password), expires=expires
        )
        if not url:
            await self.remove_link(made)
            raise self._no_address(doing)
        if made.role is not role:
            await self.remove_link(made)
            raise NotSupported(f"Could not {doing}: {self.site} knows no links of this kind.")
        return replace(made, name=made.name or name)

    async def update_link(
        self,
        link: Link,
        *,
        role: Role | Unchanged = UNCHANGED,
        password: str | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
    ) -> Link:
        """Change a link; its address stays. One UpdatePublicShare for each change, since sites read no more.

        "" takes the password away, None the end. What protects comes before what opens. What was changed elsewhere
        meanwhile is told as the site has it now. Raises NotFound.
        """
        doing = f"change the link {link.name}".rstrip()
        _must_make_sense(
            link.role if role is UNCHANGED else role,
            None if expires is UNCHANGED else expires,
            doing,
        )
        changes: list[Any] = []
        changed: dict[str, Any] = {}
        if password is not UNCHANGED:
            changes.append(_UPDATE(type=_UPDATE.TYPE_PASSWORD, grant=_grant(password=password)))
            changed["has_password"] = bool(password)
        if expires is not UNCHANGED:
            changes.append(_UPDATE(type=_UPDATE.TYPE_EXPIRATION, grant=_grant(expires=expires)))
            changed["expires"] = expires
        if name is not UNCHANGED:
            changes.append(_UPDATE(type=_UPDATE.TYPE_DISPLAYNAME, display_name=name))
            changed["name"] = name
        if role is not UNCHANGED:
            changes.append(_UPDATE(type=_UPDATE.TYPE_PERMISSIONS, grant=_grant(role=role)))
            changed["role"] = role
        if password == "":
            changes.append(changes.pop(0))
        for change in changes:
            request = links.UpdatePublicShareRequest(ref=_ref(link), update=change)
            try:
                reply = await self._call("UpdatePublicShare", request, doing)
            except InvalidRequest as error:
                has_password = changed.get("has_password", link.has_password)
                raise _explained(error, doing, has_password) from error
            if reply.share.id.opaque_id == link.id:
                told = link_of(reply.share, link.url, link.path)
                link = replace(told, created=told.created or link.created)
        return replace(link, **changed)

    async def remove_link(self, link: Link) -> None:
        """End a link; no error if it has ended already. RemovePublicShare."""
        try:
            await self._call(
                "RemovePublicShare",
                links.RemovePublicShareRequest(ref=_ref(link)),
                f"end the link {link.name}".rstrip(),
            )
        except NotFound:
            return

    async def _linkable(self, path: str) -> Any:
        parsed = MeshPath.parse(path)
        if parsed.is_area or (parsed.area == HOME and not parsed.rel):
            raise InvalidRequest(
                f'No link can lead to all of "{path}". Choose something inside it.'
            )
        return await self._places.find(parsed)

    async def _url(self, token: str) -> str:
        """Where a link leads; "" if nobody knows."""
        if not self._link_address and not self._leads_nowhere and token:
            await self._find_address(token)
        return self._link_address + quote(token, safe="") if self._link_address and token else ""

    async def _find_address(self, token: str) -> None:
        """Look whether a link leads somewhere at the data gateway."""
        home = await self._place(MeshPath.parse(join(HOME, "link")))
        request = provider.InitiateFileDownloadRequest(ref=home.ref)
        try:
            reply = await self._call("InitiateFileDownload", request, "find the address of links")
            endpoint = next(
                way.download_endpoint for way in reply.protocols if way.download_endpoint
            )
            parts = urlsplit(endpoint)
            address = f"{parts.scheme}://{parts.netloc}{PAGE}"
            if await self._data.answers(address + quote(token, safe="")):
                self._link_address = address
                return
        except (NotFound, NotAllowed, StopIteration, Refusal):
            pass
        self._leads_nowhere = True

    def _no_address(self, doing: str) -> NotSupported:
        return NotSupported(f"Could not {doing}: {_NO_ADDRESS.format(site=self.site)}")


def _ref(link: Link) -> Any:
    return rs.PublicShareReference(id=rs.PublicShareId(opaque_id=link.id))


def _grant(*, role: Role | None = None, password: str = "", expires: datetime | None = None) -> Any:
    permissions = (
        None if role is None else rs.PublicSharePermissions(permissions=permissions_to(role))
    )
    return rs.Grant(
        permissions=permissions,
        password=password,
        expiration=None if expires is None else stamp_of(expires),
    )


def _told_address(reply: Any) -> str:
    """The address that the site tells, if it is one that a browser may be sent to."""
    address = opaque_text(reply, TOLD)
    return address if address.startswith(("https://", "http://")) else ""


def _must_make_sense(role: Role, expires: datetime | None, doing: str) -> None:
    if role in (Role.CUSTOM, Role.OWNER):
        raise InvalidRequest(f"Could not {doing}: choose what people with the link may do.")
    if has_ended(expires):
        raise InvalidRequest(f"Could not {doing}: the end lies in the past.")


def _explained(error: MeshError, doing: str, has_password: bool) -> MeshError:
    """OpenCloud wants passwords for links, and good ones; it says so in many words."""
    refusal = refusal_of(error)
    if refusal is None or not refusal.says("password", "character"):
        return error
    wish = "another password for it" if has_password else "a password for every link"
    return InvalidRequest(
        f"Could not {doing}: this site wants {wish}, of at least 8 characters with capital and small letters, a "
        "digit and a sign such as !."
    )
