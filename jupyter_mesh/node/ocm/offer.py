"""A share as OCM puts it into JSON: what we send, and what peers of all ages send (``facts/ocm.md`` §7, §8).

``facts/ocm-wire.md`` §4 and §7 say what real sites accept: exact in what is sent, tolerant in what is read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_mesh.node.ocm.addresses import sent_id, split_address
from jupyter_mesh.node.ocm.reading import Fields, NotTaken, shown

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.rows import Given

__all__ = ["Offer", "protocol_of", "read_offer", "write_offer"]

MUST_EXCHANGE = "must-exchange-token"
_LAST_SECOND = 253402300799
"""The end of the year 9999, the last that a CS3 Timestamp can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a peer shares with somebody here."""

    recipient: str
    """Identifier of our user, as the peer writes it."""
    recipient_domain: str
    sender: str
    domain: str
    """The site of sender and owner."""
    owner: str
    sender_name: str
    owner_name: str
    name: str
    note: str
    provider_id: str
    is_file: bool
    expires: int
    uri: str
    """As it was sent: absolute, a path, or relative; "" for the WebDAV root (OCM 1.0)."""
    secret: str = field(repr=False)
    editor: bool
    may_share: bool
    must_exchange: bool


def protocol_of(share: Given, url: str) -> dict[str, Any]:
    """The ``protocol`` of a share of ours: WebDAV alone, which every site understands.

    Reva reads ``uri`` and OpenCloud ``url``; both do so only if it is absolute.
    """
    webdav: dict[str, Any] = {
        "uri": url,
        "url": url,
        "sharedSecret": share.secret,
        "permissions": ["read", "write"] if share.editor else ["read"],
    }
    if share.must_exchange:
        webdav["requirements"] = [MUST_EXCHANGE]
    return {"name": "multi", "webdav": webdav}


def write_offer(
    share: Given, url: str, *, domain: str, owner_name: str, sender_name: str
) -> dict[str, Any]:
    """The body of ``POST /ocm/shares`` for a share of ours, from the site ``domain``."""
    offer: dict[str, Any] = {
        "shareWith": f"{sent_id(share.grantee, share.domain)}@{share.domain}",
        "name": share.name,
        "description": share.note,
        "providerId": share.id,
        "owner": f"{share.owner}@{domain}",
        "sender": f"{share.sharer}@{domain}",
        "ownerDisplayName": owner_name,
        "senderDisplayName": sender_name,
        "shareType": "user",
        "resourceType": "folder" if share.folder else "file",
        "protocol": protocol_of(share, url),
    }
    if share.expires:
        offer["expiration"] = share.expires
    return offer


def read_offer(body: bytes) -> Offer:
    """The share in the body of ``POST /ocm/shares``; raises NotTaken(400 or 501)."""
    fields = Fields.of(body)
    recipient, recipient_domain = _address(fields, "shareWith")
    sender, domain = _address(fields, "sender")
    owner, owner_domain = _address(fields, "owner")
    if owner_domain and domain and owner_domain != domain:
        fields.wrong("owner", "is not at the site of the sender")
    share_type = fields.text("shareType", required=True)
    kind = fields.text("resourceType", required=True)
    expires = fields.whole("expiration")
    if expires and not time.time() < expires <= _LAST_SECOND:
        fields.wrong("expiration", "is not a time to come, in seconds")
    name = fields.text("name", required=True, longest=1024).strip("/").rpartition("/")[2]
    name = shown(name, 1024)
    if name in ("", ".", "..") or len(name.encode()) > 255:
        fields.wrong("name", "cannot be the name of a file")
    provider_id = fields.identifier("providerId")
    sender_name = fields.shown("senderDisplayName")
    owner_name = fields.shown("ownerDisplayName")
    note = fields.text("description", longest=4096, lines=True)
    protocol = fields.object("protocol", required=True)
    fields.done()
    if share_type != "user":
        raise NotTaken(
            501, "This site takes shares with single users only.", shareType="must be user"
        )
    if kind not in ("file", "folder"):
        raise NotTaken(
            501, "This site takes files and folders only.", resourceType="must be file or folder"
        )
    assert protocol is not None  # noqa: S101  it is required
    return Offer(
        recipient=recipient,
        recipient_domain=recipient_domain,
        sender=sender,
        domain=domain,
        owner=owner,
        name=name,
        provider_id=provider_id,
        is_file=kind == "file",
        expires=expires,
        sender_name=sender_name,
        owner_name=owner_name,
        note=note,
        **_webdav(protocol),
    )


def _address(fields: Fields, name: str) -> tuple[str, str]:
    text = fields.text(name, required=True, longest=600)
    if text:
        try:
            return split_address(text)
        except ValueError:
            fields.wrong(name, "is not an address of the form user@site")
    return "", ""


def _webdav(protocol: Fields) -> dict[str, Any]:
    """What a protocol object says of WebDAV; whatever else it offers is left aside."""
    webdav = protocol.object("webdav")
    if webdav is None:
        options = protocol.object("options")
        if options is None or not options.names():
            protocol.done()
            raise NotTaken(
                501, "This site takes shares over WebDAV only.", protocol="has no webdav"
            )
        # OCM 1.0: the secret opens the WebDAV root of the sender.
        secret = options.text("sharedSecret", required=True)
        may_write = options.text("permissions")
        protocol.done()
        return {
            "uri": "",
            "secret": secret,
            "editor": "write" in may_write,
            "may_share": False,
            "must_exchange": False,
        }
    uri = webdav.text("uri", longest=2048) or webdav.text("url", longest=2048)
    secret = webdav.text("sharedSecret", required=True)
    permissions = webdav.words("permissions")
    requirements = webdav.words("requirements")
    access = webdav.words("accessTypes")
    if not uri:
        webdav.wrong("uri", "is required")
    if unknown := set(requirements) - {MUST_EXCHANGE, "must-use-mfa"}:
        webdav.wrong("requirements", f"holds {min(unknown)[:40]!r}, which this site does not know")
    webdav.done()
    if "must-use-mfa" in requirements:
        raise NotTaken(
            501, "This site cannot promise a second factor.", requirements="must-use-mfa"
        )
    if access and "remote" not in access:
        raise NotTaken(
            501, "This site opens shares where they are.", accessTypes="must hold remote"
        )
    return {
        "uri": uri,
        "secret": secret,
        "editor": "write" in permissions,
        "may_share": "share" in permissions,
        "must_exchange": MUST_EXCHANGE in requirements,
    }
