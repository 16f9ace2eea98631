"""Domains, OCM addresses and the ways in which real sites misspell them. Pure (``facts/ocm.md`` §2)."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re

from yarl import URL

__all__ = [
    "canonical_domain",
    "domain_of",
    "host_of",
    "is_loopback",
    "origin_of",
    "same_origin",
    "sent_id",
    "spellings",
    "split_address",
    "stripped_id",
]

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical_domain(text: str) -> str:
    """The domain of a site, as it is compared: ``host[:port]`` in lower case, without scheme and path.

    Raises ValueError for what cannot be one.
    """
    rest = re.sub(r"^https?://", "", text.strip(), flags=re.IGNORECASE).rstrip("/")
    bracketed = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", rest)
    if bracketed:
        host, port = f"[{ipaddress.IPv6Address(bracketed[1][1:-1])}]", bracketed[2]
    else:
        host, colon, port = rest.partition(":")
        try:
            host = host.encode("idna").decode().lower().rstrip(".")
        except UnicodeError:
            host = ""
        if len(host) > 253 or not _NAME.fullmatch(host) or (colon and not port):
            raise ValueError("This is not the domain of a site.")
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            # Whatever else ends in a number is read by some as an address, without a look into DNS.
            ipaddress.IPv4Address(host)
    if port:
        if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
            raise ValueError("This is not the domain of a site.")
        port = str(int(port))
    return host if not port or port == "443" else f"{host}:{port}"


def domain_of(url: URL) -> str:
    """The canonical domain in an absolute URL; raises ValueError."""
    host = url.host or ""
    port = "" if url.explicit_port is None else f":{url.explicit_port}"
    return canonical_domain((f"[{host}]" if ":" in host else host) + port)


def host_of(domain: str) -> str:
    """The host of a canonical domain, without brackets and port."""
    return domain.partition("]")[0][1:] if domain.startswith("[") else domain.partition(":")[0]


def is_loopback(domain: str) -> bool:
    """True for a domain that says by itself that it is this machine."""
    host = host_of(domain)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def origin_of(url: str) -> str:
    """Scheme and authority of an absolute http(s) URL; raises ValueError for anything else."""
    parts = URL(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.host or parts.user or parts.password:
        raise ValueError("This is not the address of a site.")
    return str(parts.origin()).lower()


def same_origin(one: str, other: str) -> bool:
    """True when two absolute URLs lead to the same scheme, host and port."""
    try:
        return origin_of(one) == origin_of(other)
    except ValueError:
        return False


def split_address(text: str) -> tuple[str, str]:
    """Identifier and canonical domain of an OCM address, split at the last "@"; raises ValueError.

    The wrong shapes that were seen (``id@host@host``, ``id@https://host``) are read as what they mean.
    """
    identifier, at, domain = text.rpartition("@")
    if not (identifier and at):
        raise ValueError("This is not an address of the form user@site.")
    domain = canonical_domain(domain)
    return stripped_id(identifier, domain), domain


def stripped_id(identifier: str, domain: str) -> str:
    """An identifier without the host of its own provider at its end; else byte for byte as it is."""
    while True:
        rest, at, host = identifier.rpartition("@")
        if not (rest and at):
            return identifier
        try:
            if canonical_domain(host) != domain:
                return identifier
        except ValueError:
            return identifier
        identifier = rest


def _decoded(identifier: str) -> str:
    """What is in an identifier that is base64 of a printable ``<id>@<idp>``, or ""."""
    plain = identifier.translate(str.maketrans("+/", "-_")).rstrip("=")
    try:
        text = base64.b64decode(
            plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return text if text.isprintable() and "@" in text.strip("@") else ""


def sent_id(identifier: str, domain: str) -> str:
    """What to write before the "@" of ``shareWith`` for a contact (``facts/ocm-wire.md`` §7.2).

    OpenCloud tells base64 of ``<id>@<itself>`` and resolves only the bare id.
    """
    inner, _, host = _decoded(identifier).rpartition("@")
    try:
        return inner if inner and canonical_domain(host) == domain else identifier
    except ValueError:
        return identifier


def spellings(identifier: str, domain: str) -> set[str]:
    """All the ways in which a peer may spell one of its users."""
    return {identifier, stripped_id(identifier, domain), sent_id(identifier, domain)}
