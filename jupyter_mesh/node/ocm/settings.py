"""What the operator of a node says about its place in the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.node.ocm.addresses import canonical_domain, is_loopback, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FederationSettings", "read_directory", "read_peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationSettings:
    """How the node appears to its peers, and whom it trusts. Raises InvalidRequest for what cannot be.

    Parameters
    ----------
    public_url : str
        Under which peers reach the HTTP port: scheme, host and port. "" is ``http://localhost:<http-port>``.
    title : str
        What people call the site; "" is its name.
    accept_url : str
        Page of this site that accepts an invitation (``inviteAcceptDialog``); "" for none.
    peers : mapping
        Title by domain of the sites that are trusted, beside those added by ``jupyter mesh node peer add``.
    directories : mapping
        File with the public key (JWK) by URL of each signed list of sites; its sites are trusted.
    allow_loopback : bool
        Deal with sites on this machine, over plain HTTP too. For tests and the demo.
    require_signatures : bool
        Refuse what is not signed, also from peers that do not announce signatures.
    """

    public_url: str = ""
    title: str = ""
    accept_url: str = ""
    peers: Mapping[str, str] | None = None
    directories: Mapping[str, Path] | None = None
    allow_loopback: bool = False
    require_signatures: bool = False

    def __post_init__(self) -> None:
        if self.public_url:
            try:
                origin = origin_of(self.public_url)
            except ValueError:
                origin = ""
            if origin != self.public_url.rstrip("/").lower():
                raise InvalidRequest(
                    f'"{self.public_url}" cannot be the public URL: say scheme, host and port, as in '
                    "https://mesh.alpine.example."
                )
            if origin.startswith("http:") and not is_loopback(canonical_domain(origin)):
                raise InvalidRequest(
                    f'"{self.public_url}" is not encrypted: peers need https. Put a proxy with a certificate before '
                    "the node, or give it --tls-cert and --tls-key."
                )
        if self.accept_url:
            try:
                origin_of(self.accept_url)
            except ValueError:
                raise InvalidRequest(
                    f'"{self.accept_url}" cannot be the page that accepts invitations: give an http(s) URL.'
                ) from None


def read_peer(text: str) -> tuple[str, str]:
    """Domain and title of ``DOMAIN[=TITLE]``; raises InvalidRequest."""
    domain, _, title = text.partition("=")
    try:
        canonical = canonical_domain(domain)
    except ValueError:
        raise InvalidRequest(
            f'"{domain}" is not the domain of a site: say it as in mesh.coast.example.'
        ) from None
    return canonical, title.strip() or canonical


def read_directory(text: str) -> tuple[str, Path]:
    """URL and key file of ``URL=FILE``; raises InvalidRequest."""
    url, _, file = text.rpartition("=")
    try:
        origin_of(url)
    except ValueError:
        raise InvalidRequest(
            f'"{text}" is no signed list of sites: say its URL, "=" and the file with its public key.'
        ) from None
    return url, Path(file)
