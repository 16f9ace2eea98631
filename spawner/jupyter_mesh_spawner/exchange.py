"""What an OpenID Connect provider is asked for, and what its refusals mean."""

from __future__ import annotations

import json

from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError

from jupyter_mesh.errors import LoginEnded, MeshError, SiteError, Unavailable

__all__ = ["FAILURES", "exchange_params", "meaning_of"]

FAILURES = (HTTPClientError, HTTPError, OSError, ValueError)
"""What a request to a provider raises: its refusals, nobody there, no answer in time, an answer that is no JSON."""

BUSY = (408, 425, 429)
ENDED = ("invalid_grant", "bad_refresh_token")
"""Codes for a session that is over; GitHub has one of its own."""


def exchange_params(token: str, audience: str, scope: str) -> dict[str, str]:
    """RFC 8693: an access token for somebody else, on behalf of the same user.

    Keycloak wants the audience and the optional scope that adds it, both.
    """
    params = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": audience,
        "scope": scope,
    }
    return {name: value for name, value in params.items() if value}


def meaning_of(error: Exception, provider: str) -> MeshError:
    """Unavailable, LoginEnded, or SiteError when the provider does not like what this hub asks.

    The cause is for the log: providers answer with a code and a sentence, never with a token.
    """
    status = error.code if isinstance(error, HTTPClientError) else 0
    if isinstance(error, HTTPError):
        # OAuthenticator's own, for an answer of 200 that has no token in it.
        return LoginEnded(_ended(provider)) if error.status_code == 403 else _strange(provider)
    if isinstance(error, OSError) or status >= 500 or status in BUSY:
        return Unavailable(f"{provider} does not answer. Try again in a few minutes.")
    if not isinstance(error, HTTPClientError):
        return _strange(provider)
    if _code_of(error) in ENDED:
        return LoginEnded(_ended(provider))
    return SiteError(
        f"{provider} refuses what this hub asks for. Tell the operator of the hub, whose log says why."
    )


def _ended(provider: str) -> str:
    return f"Your session at {provider} has ended. Log in again to get to your files."


def _strange(provider: str) -> MeshError:
    return SiteError(f"{provider} answers in an unknown way. Tell the operator of this hub.")


def _code_of(error: HTTPClientError) -> str:
    try:
        return str(json.loads(error.response.body if error.response else b"")["error"])
    except (KeyError, TypeError, ValueError):
        return ""
