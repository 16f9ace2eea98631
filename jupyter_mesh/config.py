"""Which site to talk to, and how to trust it: a few settings, from the environment or from traits.

======================  ====================================================================
``MESH_SITE``           name of the site, as in ``cs3://<site>/…``
``MESH_GATEWAY``        its CS3 gateway, ``host:port``. TLS is used, except on this machine's own
                        addresses; ``grpcs://host:port`` asks for TLS everywhere and
                        ``grpc://host:port`` for none
``MESH_TOKEN_FILE``     file with the user's token, readable by the user alone
``MESH_CA_FILE``        optional: certificates to trust instead of those of the system
``MESH_DATA_HOSTS``     optional: further hosts that may receive the token, separated by commas
``MESH_LINK_ADDRESS``   optional: what comes before the token in the site's public links, for
                        example ``https://mesh.example.org/s/``, where the site does not tell it
======================  ====================================================================

None of them is a secret.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from traitlets import Float, List, TraitError, Unicode
from traitlets.config import Config, SingletonConfigurable

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MeshSite", "SiteSettings", "is_loopback"]

TLS, PLAINTEXT = "grpcs://", "grpc://"


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and for literal loopback addresses: names are never looked up here."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """How to reach one site. Raises InvalidRequest for an address that cannot be one.

    Building it does no I/O: files are read and hosts are looked up when the client connects.
    """

    name: str
    gateway: str
    username: str = ""
    """Whose login it is, as far as this is known before the site is asked."""
    token_file: Path | None = None
    ca_file: Path | None = None
    data_hosts: tuple[str, ...] = ()
    link_address: str = ""
    timeout: float = 30.0
    """Seconds that one call of the site may take; transfers of data have their own limits."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidRequest("The site has no name. Set MESH_SITE to the name of your site.")
        if not self.host or not self.port:
            raise InvalidRequest(
                f'"{self.gateway}" is not the address of a gateway. Give it as host:port, '
                "for example mesh.example.org:9142."
            )
        if self.link_address and not self.link_address.startswith(("https://", "http://")):
            raise InvalidRequest(
                f'"{self.link_address}" cannot come before the token of a link. Give an address such as '
                "https://mesh.example.org/s/."
            )

    @property
    def target(self) -> str:
        """The gateway as ``host:port``, without a scheme."""
        return self.gateway.removeprefix(TLS).removeprefix(PLAINTEXT)

    @property
    def host(self) -> str:
        """Host name of the gateway."""
        return self.target.rpartition(":")[0]

    @property
    def port(self) -> int:
        """Port of the gateway; 0 where the text has none."""
        port = self.target.rpartition(":")[2]
        return int(port) if port.isascii() and port.isdigit() and int(port) < 65536 else 0

    @property
    def plaintext(self) -> bool:
        """True if the gateway is spoken to without TLS."""
        if self.gateway.startswith(PLAINTEXT):
            return True
        return not self.gateway.startswith(TLS) and is_loopback(self.host)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the ``MESH_…`` variables; raises InvalidRequest and names the first that is missing."""
        for name, what in (
            ("MESH_SITE", "the name of your site"),
            ("MESH_GATEWAY", "the host:port of its CS3 gateway"),
            ("MESH_TOKEN_FILE", "the file that holds your token (jupyter mesh login writes one)"),
        ):
            if not environ.get(name):
                raise InvalidRequest(f"{name} is not set. Set it to {what}.")
        ca_file = environ.get("MESH_CA_FILE", "")
        hosts = environ.get("MESH_DATA_HOSTS", "").split(",")
        return cls(
            name=environ["MESH_SITE"],
            gateway=environ["MESH_GATEWAY"],
            token_file=Path(environ["MESH_TOKEN_FILE"]),
            ca_file=Path(ca_file) if ca_file else None,
            data_hosts=tuple(host.strip() for host in hosts if host.strip()),
            link_address=environ.get("MESH_LINK_ADDRESS", "").strip(),
        )


class MeshSite(SingletonConfigurable):
    """The site whose files are shown. What is left empty comes from the environment."""

    name = Unicode(
        help="Name of the site, as it stands in cs3:// addresses. Left empty, MESH_SITE is used."
    ).tag(config=True)
    gateway = Unicode(
        help=(
            "Address of the site's CS3 gateway as host:port. TLS is used, except on this machine's own "
            "addresses; write grpc://host:port to do without it. Left empty, MESH_GATEWAY is used."
        )
    ).tag(config=True)
    token_file = Unicode(
        help=(
            "File that holds the user's token. It must be readable by its owner alone, and is read again "
            "whenever it changes. Left empty, MESH_TOKEN_FILE is used."
        )
    ).tag(config=True)
    ca_file = Unicode(
        help=(
            "File with the certificates that are trusted instead of those of the system. Left empty, "
            "MESH_CA_FILE is used, and without it the system's certificates."
        )
    ).tag(config=True)
    data_hosts = List(
        Unicode(),
        help=(
            "Further hosts that may receive the user's token with the content of files. The host of the "
            "gateway always may. Left empty, MESH_DATA_HOSTS is used."
        ),
    ).tag(config=True)
    link_address = Unicode(
        help=(
            "What comes before the token in the site's public links, for example https://mesh.example.org/s/. "
            "Left empty, MESH_LINK_ADDRESS is used, and without it what the site tells."
        )
    ).tag(config=True)
    timeout = Float(
        30.0, help="Seconds that one call of the site may take before it is given up."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in ("config", "parent", "log") and not self.has_trait(name):
                raise TraitError(self._unknown(name))
        super().__init__(**kwargs)

    def _load_config(
        self,
        cfg: Config,
        section_names: list[str] | None = None,
        traits: dict[str, Any] | None = None,
    ) -> None:
        """Refuse unknown names: a misspelt setting must not be passed over in silence."""
        known = self.traits(config=True)
        for name in self._find_my_config(cfg):
            if not name[:1].isupper() and name not in known:
                raise TraitError(self._unknown(name))
        super()._load_config(cfg, section_names, traits)

    def _unknown(self, name: str) -> str:
        known = ", ".join(sorted(self.traits(config=True)))
        return f"MeshSite has no setting {name}. It has: {known}."

    def settings(self, environ: Mapping[str, str] = os.environ) -> SiteSettings:
        """The settings of the traits, completed from the environment.

        Raises InvalidRequest with one sentence when something is missing or cannot be.
        """
        mine = {
            "MESH_SITE": self.name,
            "MESH_GATEWAY": self.gateway,
            "MESH_TOKEN_FILE": self.token_file,
            "MESH_CA_FILE": self.ca_file,
            "MESH_DATA_HOSTS": ",".join(self.data_hosts),
            "MESH_LINK_ADDRESS": self.link_address,
        }
        merged = {**environ, **{variable: value for variable, value in mine.items() if value}}
        return replace(SiteSettings.from_environment(merged), timeout=self.timeout)
