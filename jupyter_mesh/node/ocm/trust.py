"""Which sites this node deals with: an allow-list, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.node.index import Index
from jupyter_mesh.node.ocm.addresses import canonical_domain
from jupyter_mesh.node.ocm.settings import read_peer
from jupyter_mesh.node.ocm.store import FederationStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Trust", "add_peer", "list_peers", "remove_peer"]


class Trust:
    """Title by domain of the sites named at the start, added by command, or in a signed list."""

    def __init__(self, store: FederationStore, named: Mapping[str, str]) -> None:
        self._store = store
        self._named = {canonical_domain(domain): title for domain, title in named.items()}
        self._listed: dict[str, str] = {}

    def listed(self, sites: Mapping[str, str]) -> None:
        """Take over what the signed lists say now."""
        self._listed = dict(sites)

    def sites(self) -> dict[str, str]:
        """All trusted sites; runs in the worker thread, so that an added one counts at once."""
        return self._listed | self._store.peers() | self._named

    def title(self, domain: str) -> str | None:
        """What a trusted site is called; None for one that is not trusted."""
        named = self._named.get(domain)
        if named is None:
            named = self._store.peer(domain)
        return self._listed.get(domain) if named is None else named


def add_peer(data: Path, text: str) -> str:
    """Trust ``DOMAIN[=TITLE]`` at the site in ``data``, whether it runs or not; returns the domain."""
    domain, title = read_peer(text)
    with Index(data) as index:
        FederationStore(index).add_peer(domain, title)
    return domain


def remove_peer(data: Path, text: str) -> bool:
    """Trust a site no longer; False when it was not trusted by ``add_peer``."""
    domain, _ = read_peer(text)
    with Index(data) as index:
        return FederationStore(index).remove_peer(domain)


def list_peers(data: Path) -> dict[str, str]:
    """Title by domain of the sites that were trusted by ``add_peer``."""
    with Index(data) as index:
        return FederationStore(index).peers()
