"""Whether another site is there at all."""

from __future__ import annotations

import aiohttp

from jupyter_mesh.config import is_loopback

__all__ = ["answers"]

ANSWERS_WITHIN = 5.0


async def answers(domain: str) -> bool:
    """True if the site of this domain is there, whatever it says: real ones fail alike when it is away.

    Not a gateway that has lost the site behind it. One that wants TLS where none is expected, on loopback, is there.
    """
    scheme = "http" if is_loopback(domain.rpartition(":")[0] or domain) else "https"
    timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(f"{scheme}://{domain}/.well-known/ocm", allow_redirects=False) as reply,
        ):
            return reply.status not in (502, 503, 504)
    except aiohttp.ClientHttpProxyError:
        return False
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientResponseError):
        return True
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
