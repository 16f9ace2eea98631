"""The login ``bearer``: a token of an OpenID Connect provider, checked as cs3org Reva checks it.

Signature, issuer and end are looked at; the audience only where the operator names one, since Reva never does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from yarl import URL

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.node.ocm.addresses import domain_of, is_loopback, origin_of
from jupyter_mesh.node.refusal import Reason, Refused

__all__ = ["Bearer", "BearerSettings"]

log = logging.getLogger(__name__)

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Those with a public key alone: a key that everybody may read must not be taken for a secret."""
_AGAIN = 5.0
"""Seconds for which the provider is not asked for its keys again."""
_DEADLINE = 10.0
_NOT_BEFORE_LEEWAY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerSettings:
    """Whose tokens open this site. Raises InvalidRequest for an issuer whose keys could be replaced on the way.

    Parameters
    ----------
    issuer : str
        The provider, exactly as it stands in the tokens' ``iss``; its keys are found below it.
    audience : str
        What a token's ``aud`` must contain; "" takes tokens for anybody, as Reva does.
    claim : str
        The claim whose value is the name of the user here.
    """

    issuer: str
    audience: str = ""
    claim: str = "preferred_username"

    def __post_init__(self) -> None:
        try:
            domain = domain_of(URL(origin_of(self.issuer)))
        except ValueError:
            raise InvalidRequest(
                f'"{self.issuer}" cannot be an issuer: give the URL that stands in its tokens.'
            ) from None
        if not self.issuer.lower().startswith("https:") and not is_loopback(domain):
            raise InvalidRequest(
                f'The issuer "{self.issuer}" is not encrypted, so its keys could be replaced on the way: use https.'
            )


class Bearer:
    """Says whose token it is. Used on the event loop."""

    def __init__(self, settings: BearerSettings) -> None:
        self._settings = settings
        self._keys: list[jwt.PyJWK] = []
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def name_of(self, token: str) -> str:
        """The user name in a token. Raises Refused, always with the same words: the reason is in the log."""
        try:
            claims = await self._claims(token)
        except (jwt.PyJWTError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("A bearer token was refused: %s: %s", type(error).__name__, error)
            raise self.refused() from None
        # As at Reva: a claim that is not there is the same as sub.
        return str(claims.get(self._settings.claim) or claims["sub"])

    @staticmethod
    def refused() -> Refused:
        """What is answered whatever the reason."""
        return Refused(Reason.BAD_TOKEN, "error authenticating user")

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key = await self._key(header.get("kid"))
        claims = jwt.decode(
            token,
            key,
            _ALGORITHMS,
            issuer=self._settings.issuer,
            audience=self._settings.audience or None,
            options={
                "require": ["exp", "iss", "sub"],
                "verify_aud": bool(self._settings.audience),
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        if float(claims.get("nbf", 0)) > time.time() + _NOT_BEFORE_LEEWAY:
            raise jwt.ImmatureSignatureError("The token is not yet valid")
        return claims

    async def _key(self, name: str | None) -> jwt.PyJWK:
        """The provider's key of that name. One that is not known may be new: then the provider is asked."""
        async with self._asking:
            found = self._find(name)
            if found is None and time.monotonic() - self._asked > _AGAIN:
                self._asked = time.monotonic()
                self._keys = await self._fetch()
                found = self._find(name)
        if found is None:
            raise jwt.InvalidKeyError("The provider has no such key")
        return found

    def _find(self, name: str | None) -> jwt.PyJWK | None:
        return next((key for key in self._keys if name in (None, key.key_id)), None)

    async def _fetch(self) -> list[jwt.PyJWK]:
        timeout = aiohttp.ClientTimeout(total=_DEADLINE)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            base = self._settings.issuer.removesuffix("/")
            about = await _json(session, f"{base}/.well-known/openid-configuration")
            if about.get("issuer") != self._settings.issuer:
                raise ValueError(f"the provider calls itself {about.get('issuer')!r}")
            keys = jwt.PyJWKSet.from_dict(await _json(session, str(about.get("jwks_uri"))))
        return [key for key in keys.keys if key.public_key_use != "enc"]


async def _json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    # A redirect could lead to where nothing is encrypted.
    async with session.get(url, allow_redirects=False) as reply:
        found = await reply.json(content_type=None)
        if reply.status != 200 or not isinstance(found, dict):
            raise ValueError(f"{url} answered {reply.status} without a JSON object")
    return found
