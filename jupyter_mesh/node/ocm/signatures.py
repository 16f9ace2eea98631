"""HTTP message signatures (RFC 9421) as OCM uses them: what we send is signed, what is signed is verified.

The texts of OCM differ in how its signature is marked (``facts/ocm.md`` §4): ours has both marks, the label
``ocm`` and the parameter ``tag="ocm"``; of others either is taken.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import http_sf
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    MappingKeyResolver,
    algorithms,
)
from joserfc.jwk import import_key

from jupyter_mesh.errors import MeshError, SiteError
from jupyter_mesh.node.ocm.addresses import canonical_domain
from jupyter_mesh.node.ocm.keys import key_id
from jupyter_mesh.node.ocm.reading import NotTaken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.node.ocm.client import PeerClient
    from jupyter_mesh.node.ocm.discovery import Discovery
    from jupyter_mesh.node.ocm.keys import SigningKey
    from jupyter_mesh.node.ocm.routes import Message

__all__ = ["KeysOfPeers", "Mark", "Replays", "find_mark", "sign", "verify"]

MARK = "ocm"
COVERED = ("@method", "@target-uri", "content-digest", "content-length", "date")
_REQUIRED = ("@method", "@target-uri", "content-digest")
_FAILED = 1.0
FRESH = 300
"""Seconds by which the clocks of two sites may differ, and a message may be old."""

_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@dataclass
class _Request:
    """A message in the form that the library reads."""

    method: str
    url: str
    headers: dict[str, str]


def sign(
    key: SigningKey, domain: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """The headers that make a request one of the site ``domain``, signature and all it covers."""
    found = {"Date": formatdate(time.time(), usegmt=True), "Content-Length": str(len(body))}
    request = _Request(method, url, {**headers, **found})
    name = key_id(domain)
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={name: key.private}),
    ).sign(
        request,
        key_id=name,
        created=datetime.now(UTC),
        nonce=secrets.token_urlsafe(12),
        label=MARK,
        tag=MARK,
        covered_component_ids=COVERED,
        body=body,
    )
    return {name: value for name, value in request.headers.items() if name not in headers}


@dataclass(frozen=True, slots=True)
class Mark:
    """The one signature of a message that counts, before it is verified."""

    key_id: str
    domain: str
    """The site that the key belongs to."""
    algorithm: str
    """What the message says of it, or ""."""
    fields: dict[str, str]
    """Signature-Input and Signature with this signature alone."""
    value: bytes


def find_mark(headers: Mapping[str, str]) -> Mark | None:
    """The OCM signature of a message: the one with the tag, else the one with the label; None if there is none.

    Raises NotTaken(401) when it cannot be told which one it is, or it says too little.
    """
    inputs, values = _dictionary(headers, "Signature-Input"), _dictionary(headers, "Signature")
    if not inputs and not values:
        return None
    tagged = [label for label, (_, params) in inputs.items() if params.get("tag") == MARK]
    if len(tagged) > 1:
        raise NotTaken(401, "Only one signature may be the one of OCM.")
    label = tagged[0] if tagged else MARK
    if label not in inputs:
        return None
    if label not in values or not isinstance(inputs[label][0], list):
        raise NotTaken(401, "The signature is not complete.")
    value, params = values[label][0], inputs[label][1]
    key, algorithm = params.get("keyid"), params.get("alg", "")
    if not (isinstance(value, bytes) and isinstance(key, str) and isinstance(algorithm, str)):
        raise NotTaken(401, "The signature does not name its key.")
    return Mark(
        key_id=key,
        domain=_domain(key),
        algorithm=algorithm,
        fields={
            "signature-input": http_sf.ser({label: inputs[label]}),
            "signature": http_sf.ser({label: values[label]}),
        },
        value=value,
    )


def _dictionary(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    def twice(key: str, context: str) -> None:
        if context == "dictionary":
            raise NotTaken(401, f"{name} holds {key} twice.")

    lines = [value for key, value in headers.items() if key.lower() == name.lower()]
    if not lines:
        return {}
    try:
        found: Any = http_sf.parse(
            ", ".join(lines).encode(), tltype="dictionary", on_duplicate_key=twice
        )
    except ValueError as error:
        raise NotTaken(401, f"{name} cannot be read.") from error
    return dict(found)


def _domain(key: str) -> str:
    """The site of a key id: ``host#name`` or a URL with that host; raises NotTaken(401)."""
    host = key.partition("#")[0]
    if "://" in host:
        host = host.partition("://")[2].partition("/")[0]
    try:
        return canonical_domain(host)
    except ValueError:
        raise NotTaken(401, "The key id names no site.") from None


class _Verifier(HTTPMessageVerifier):
    max_clock_skew = timedelta(seconds=FRESH)


def verify(message: Message, mark: Mark, jwk: Mapping[str, Any]) -> None:
    """Raise NotTaken(401) unless the signature was made with a key, now, over all of the message."""
    algorithm, key = _key_of(jwk, mark.algorithm)
    headers: dict[str, str] = {}
    for name, value in message.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    request = _Request(message.method, message.url, headers | mark.fields)
    verifier = _Verifier(
        signature_algorithm=algorithm,
        key_resolver=MappingKeyResolver(public_keys={mark.key_id: key}, private_keys={}),
    )
    try:
        verifier.verify(request, max_age=timedelta(0), require_components=_REQUIRED)
    except Exception as error:  # The library lets out what its parsers raise, too.
        raise NotTaken(401, "The signature is not good.") from error
    _check_digest(headers["content-digest"], message.body)


def _check_digest(field: str, body: bytes) -> None:
    """Raise NotTaken(401) unless every digest of a known kind matches, and there is one."""
    found = 0
    for name, (value, _) in _dictionary({"Content-Digest": field}, "Content-Digest").items():
        if name in _HASHES:
            if not isinstance(value, bytes) or not hmac.compare_digest(
                _HASHES[name](body).digest(), value
            ):
                raise NotTaken(401, "The body is not the one that was signed.")
            found += 1
    if not found:
        raise NotTaken(401, "The digest of the body is of no known kind.")


def _key_of(jwk: Mapping[str, Any], said: str) -> tuple[type[HTTPSignatureAlgorithm], Any]:
    """Algorithm and public key of a JWK: the key decides, and what the message says must agree."""
    try:
        loaded = import_key(
            {
                name: value
                for name, value in jwk.items()
                if name not in ("alg", "use", "key_ops", "d")
            }
        )
        public = getattr(loaded, "public_key", None)
    except Exception as error:  # Whatever a library says to a stranger's JSON, it is no key.
        raise NotTaken(401, "The key of the signature cannot be used.") from error
    fitting: list[type[HTTPSignatureAlgorithm]] = []
    if isinstance(public, ed25519.Ed25519PublicKey):
        fitting = [algorithms.ED25519]
    elif isinstance(public, ec.EllipticCurvePublicKey):
        by_curve = {
            "secp256r1": algorithms.ECDSA_P256_SHA256,
            "secp384r1": algorithms.ECDSA_P384_SHA384,
        }
        fitting = [by_curve[public.curve.name]] if public.curve.name in by_curve else []
    elif isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        fitting = [algorithms.RSA_PSS_SHA512, algorithms.RSA_V1_5_SHA256]
        if not said:
            fitting = fitting[1:] if jwk.get("alg") == "RS256" else fitting[:1]
    for algorithm in fitting:
        if said in ("", algorithm.algorithm_id):
            return algorithm, public
    raise NotTaken(401, "The signature is of a kind that is not taken.")


class KeysOfPeers:
    """Public keys of other sites, kept for five minutes; an unknown one is asked for again, but not all the time."""

    def __init__(self, client: PeerClient, discovery: Discovery) -> None:
        self._client = client
        self._discovery = discovery
        self._known: dict[str, tuple[float, dict[str, dict[str, Any]]]] = {}
        self._failed: dict[str, tuple[float, MeshError]] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def key(self, mark: Mark) -> dict[str, Any]:
        """The JWK that a signature names; raises NotTaken(401), or MeshError when the site does not answer."""
        lock = self._asking.setdefault(mark.domain, asyncio.Lock())
        async with lock:
            asked, keys = self._known.get(mark.domain, (-math.inf, {}))
            age = time.monotonic() - asked
            if age >= FRESH or (mark.key_id not in keys and age >= FRESH / 30):
                keys = await self._ask(mark.domain, self._failed.get(mark.domain))
                self._known[mark.domain] = (time.monotonic(), keys)
        if mark.key_id not in keys:
            raise NotTaken(401, "The key of the signature is not known at its site.")
        return keys[mark.key_id]

    async def _ask(
        self, domain: str, failed: tuple[float, MeshError] | None
    ) -> dict[str, dict[str, Any]]:
        # However many wait, a site in trouble is not asked for each of them.
        if failed is not None and time.monotonic() < failed[0]:
            raise failed[1].with_traceback(None)
        peer = await self._discovery.of(domain)
        try:
            reply = await self._client.get(f"{peer.origin}/.well-known/jwks.json")
        except MeshError as error:
            self._failed[domain] = (time.monotonic() + _FAILED, error)
            raise
        found = reply.json().get("keys")
        if reply.status != 200 or not isinstance(found, list):
            raise SiteError(f"{domain} does not show its keys.")
        return {
            kid: key
            for key in found[:32]
            if isinstance(key, dict) and isinstance(kid := key.get("kid"), str)
        }


class Replays:
    """Signatures that were seen: the same message does not count twice while it is fresh."""

    def __init__(self) -> None:
        self._seen: dict[bytes, float] = {}

    def note(self, mark: Mark, *covered: str | bytes) -> None:
        """Raise NotTaken(401) for a signature over the same that was noted before."""
        now = time.monotonic()
        while self._seen and self._seen[first := next(iter(self._seen))] < now:
            del self._seen[first]
        # Of one signature there may be two good spellings: what it covers is known by what it says.
        digest = hashlib.sha256(repr((mark.fields["signature-input"], covered)).encode()).digest()
        if digest in self._seen:
            raise NotTaken(401, "This message was sent before.")
        self._seen[digest] = now + 2 * FRESH + 60
