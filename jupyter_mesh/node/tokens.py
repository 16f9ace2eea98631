"""The tokens of the node, signed by its own secret: who somebody is, what one transfer may do, which link was entered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt

from jupyter_mesh.node.refusal import Reason, Refused

__all__ = ["Tokens", "Transfer"]

_ACCESS, _TRANSFER, _ENTERED = "reva", "transfer", "link"
_ENTERED_LASTS = 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a transfer token allows: to fill one upload, or to read one file or one version of it."""

    user: str
    link: str = ""
    """Id of the public link that it was asked for through."""
    upload: str = ""
    space: str = ""
    node: str = ""
    path: str = ""
    """Path below ``node``."""
    version: str = ""


class Tokens:
    """Signs and reads tokens."""

    def __init__(self, secret: str, *, life: float, transfer_life: float) -> None:
        self._secret = secret
        self._life = life
        self._transfer_life = transfer_life

    @property
    def transfer_life(self) -> float:
        """Seconds in which a transfer must begin."""
        return self._transfer_life

    def access(self, user: str, *, scope: bool = True, link: str = "") -> str:
        """An access token for the user of that id.

        Without ``scope`` it opens nothing; with ``link``, the id of a public link, what that link opens.
        """
        now = time.time()
        claims = {
            "aud": _ACCESS,
            "iat": int(now),
            "exp": now + self._life,
            "sub": user,
            "scope": [f"link:{link}"] if link else ["user"] if scope else [],
        }
        return jwt.encode(claims, self._secret, "HS256")

    def read_access(self, token: str) -> tuple[str, bool, str]:
        """User id, scope and link of an access token; raises Refused(BAD_TOKEN)."""
        claims = self._read(token, _ACCESS)
        scope = next(iter(claims["scope"]), "")
        return str(claims["sub"]), bool(scope), scope.partition("link:")[2]

    def transfer(self, transfer: Transfer) -> str:
        """A token for one transfer."""
        now = time.time()
        claims = {
            "aud": _TRANSFER,
            "iat": int(now),
            "exp": now + self._transfer_life,
            "to": [
                transfer.user,
                transfer.link,
                transfer.upload,
                transfer.space,
                transfer.node,
                transfer.path,
                transfer.version,
            ],
        }
        return jwt.encode(claims, self._secret, "HS256")

    def read_transfer(self, token: str) -> Transfer:
        """What a transfer token allows; raises Refused(BAD_LOGIN)."""
        try:
            user, link, upload, space, node, path, version = self._read(token, _TRANSFER)["to"]
        except Refused:
            raise Refused(
                Reason.BAD_LOGIN, "The transfer token is invalid or has expired."
            ) from None
        return Transfer(
            user=user, link=link, upload=upload, space=space, node=node, path=path, version=version
        )

    def entered(self, link: str, proof: str) -> str:
        """What a browser keeps that knew the password of a public link; opens nothing but its pages."""
        claims = {"aud": _ENTERED, "exp": time.time() + _ENTERED_LASTS, "to": [link, proof]}
        return jwt.encode(claims, self._secret, "HS256")

    def has_entered(self, token: str, link: str, proof: str) -> bool:
        """Whether ``entered`` made a token for this link and this password."""
        try:
            return bool(self._read(token, _ENTERED)["to"] == [link, proof])
        except Refused:
            return False

    def _read(self, token: str, audience: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._secret,
                ["HS256"],
                audience=audience,
                options={"require": ["exp", "aud"]},
            )
        except jwt.PyJWTError:
            raise Refused(Reason.BAD_TOKEN, "The access token is invalid or has expired.") from None
