"""Protobuf <-> our models for what goes between sites: contacts, sites, shares given and received.

Secrets (``token``, ``code``, ``shared_secret``) stand in these messages and are never read. A field that a
site of another age fills in another way is taken for absent (``facts/ocm.md`` §16).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cs3.identity.user.v1beta1 import resources_pb2 as identity
from cs3.sharing.ocm.v1beta1 import resources_pb2 as ocm
from cs3.storage.provider.v1beta1 import resources_pb2 as rs

from jupyter_mesh.cs3.domains import domain_of, remote_id
from jupyter_mesh.cs3.grants import NOWHERE, has_ended, permissions_to, role_of
from jupyter_mesh.cs3.wire import clean_name, resource_id_of, time_of
from jupyter_mesh.models import (
    Grantee,
    GranteeKind,
    Invitation,
    Kind,
    ReceivedShare,
    Role,
    Share,
    ShareState,
    Site,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "access_of",
    "contact_of",
    "granted",
    "granted_of",
    "grantee_to",
    "invitation_of",
    "kind_of",
    "may_open",
    "permissions_of",
    "received_of",
    "role_for",
    "share_of",
    "site_of",
    "state_to",
    "user_id",
]

STATES = {
    ocm.SHARE_STATE_PENDING: ShareState.PENDING,
    ocm.SHARE_STATE_ACCEPTED: ShareState.ACCEPTED,
    ocm.SHARE_STATE_REJECTED: ShareState.DECLINED,
    ocm.SHARE_STATE_TRANSFERRING: ShareState.ACCEPTED,
}
ANSWERS = {
    ShareState.PENDING: ocm.SHARE_STATE_PENDING,
    ShareState.ACCEPTED: ocm.SHARE_STATE_ACCEPTED,
    ShareState.DECLINED: ocm.SHARE_STATE_REJECTED,
}
KINDS = {
    ocm.SHARE_RESOURCE_TYPE_FILE: Kind.FILE,
    ocm.SHARE_RESOURCE_TYPE_CONTAINER: Kind.DIRECTORY,
}
WAYF = "WAYF"
"""Type of the service by which a node lists its page that asks where somebody is from."""


def contact_of(user: Any, own: str) -> Grantee:
    """A contact out of a CS3 user of another site, seen from the site ``own``."""
    return _person(user.id, own, clean_name(user.display_name))


def _person(user_id: Any, own: str, name: str = "") -> Grantee:
    """Somebody of whom only the id is known, or the name too."""
    readable, domain = remote_id(user_id.opaque_id, user_id.idp, own)
    return Grantee(
        kind=GranteeKind.CONTACT,
        id=user_id.opaque_id,
        idp=domain,
        name=name,
        username=clean_name(readable),
    )


def _local(user_id: Any) -> Grantee:
    return Grantee(kind=GranteeKind.USER, id=user_id.opaque_id, idp=domain_of(user_id.idp))


def site_of(info: Any) -> Site:
    """A site out of the list of sites."""
    domain = domain_of(info.domain)
    name = info.full_name or info.organization or info.name
    return Site(
        domain=domain,
        name=clean_name(name) or domain,
        homepage=_web_address(info.homepage),
        invite_page=_page(info, WAYF),
        lists=("site",),
    )


def _page(info: Any, kind: str) -> str:
    """The address of a service of a site, by the name of its type; "" without one."""
    for service in info.services:
        for endpoint in (service.endpoint, *service.additional_endpoints):
            if endpoint.type.name == kind:
                return _web_address(endpoint.path)
    return ""


def _web_address(text: str) -> str:
    """An address that may stand behind a link, else ""."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def invitation_of(token: Any) -> Invitation:
    return Invitation(token=token.token, note=clean_name(token.description), expires=_end_of(token))


def share_of(share: Any, own: str, *, path: str = "", info: Any = None) -> Share:
    """A share with somebody at another site; ``info`` is that of the resource, where it was told."""
    kind = None
    if info is not None and info.type:
        kind = Kind.DIRECTORY if info.type == rs.RESOURCE_TYPE_CONTAINER else Kind.FILE
    return Share(
        id=share.id.opaque_id,
        resource=resource_id_of(share.resource_id) or NOWHERE,
        grantee=_person(share.grantee.user_id, own),
        role=role_for(granted_of(share)),
        owner=_local(share.owner),
        creator=_local(share.creator),
        created=time_of(share.ctime) if share.ctime.seconds else None,
        expires=_end_of(share),
        name=clean_name(share.name),
        kind=kind,
        path=path,
    )


def received_of(share: Any, own: str) -> ReceivedShare:
    """A share that came from another site. Its path is not told here: ``places.py`` gives names."""
    sender = _person(share.creator, own)
    return ReceivedShare(
        id=share.id.opaque_id,
        name=clean_name(share.name),
        kind=kind_of(share),
        resource=None,
        owner=_person(share.owner, own),
        sender=sender,
        role=role_for(permissions_of(share)),
        state=STATES.get(share.state, ShareState.PENDING),
        site=sender.idp,
        is_hidden=share.hidden,
        created=time_of(share.ctime) if share.ctime.seconds else None,
        expires=_end_of(share),
    )


def kind_of(share: Any) -> Kind | None:
    """What a received share is of; None where the site does not tell."""
    return KINDS.get(share.shared_resource_type)


def may_open(message: Any) -> bool:
    """Whether a share may be opened: accepted, of files, and not over."""
    return (
        message.state in (ocm.SHARE_STATE_ACCEPTED, ocm.SHARE_STATE_TRANSFERRING)
        and permissions_of(message) is not None
        and not has_ended(received_of(message, "").expires)
    )


def permissions_of(share: Any) -> Any | None:
    """The permissions of a received share for its files; None if it is not one of files."""
    for protocol in share.protocols:
        if protocol.WhichOneof("term") == "webdav_options":
            options = protocol.webdav_options
            if options.HasField("share_permissions"):
                return options.share_permissions
            return options.permissions.permissions
    return None


def granted_of(share: Any) -> Any | None:
    """The permissions that a share gives for its files; None if it gives none for files."""
    for method in share.access_methods:
        if method.WhichOneof("term") == "webdav_options":
            return method.webdav_options.permissions
    return None


def role_for(permissions: Any | None) -> Role:
    """The role that a share gives for files; sites hand on no more than editing."""
    if permissions is None:
        return Role.CUSTOM
    role = role_of(permissions)
    return Role.EDITOR if role is Role.OWNER else role


def granted(share: Any) -> Role:
    """The role that a share gives."""
    return role_for(granted_of(share))


def access_of(role: Role) -> Any:
    """What a share of this role gives access by: WebDAV alone, which every site understands."""
    permissions = permissions_to(role)
    return ocm.AccessMethod(webdav_options=ocm.WebDAVAccessMethod(permissions=permissions))


def state_to(state: ShareState) -> int:
    number: int = ANSWERS[state]
    return number


def _end_of(message: Any) -> datetime | None:
    """When it ends; 0 means never."""
    return time_of(message.expiration) if message.expiration.seconds else None


def user_id(opaque: str, idp: str) -> Any:
    """The id of somebody at another site, for calls."""
    return identity.UserId(opaque_id=opaque, idp=idp, type=identity.USER_TYPE_FEDERATED)


def grantee_to(remote: Any) -> Any:
    """A CS3 grantee for the id of a CS3 user of another site."""
    remote.type = identity.USER_TYPE_FEDERATED
    return rs.Grantee(type=rs.GRANTEE_TYPE_USER, user_id=remote)
