"""The key of the node: made once, kept for the node alone, and its public half for everybody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.index import state_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SigningKey"]


class SigningKey:
    """An Ed25519 key in the state folder of the site. Raises MeshError when the file cannot be used."""

    def __init__(self, data: Path) -> None:
        path = state_folder(data) / "signing-key.pem"
        try:
            if not path.exists():
                _make(path)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise MeshError(
                f"The key of this site, {path}, cannot be read. Put it back from a backup, or move it away: then a "
                "new one is made."
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise MeshError(f"The key of this site, {path}, is no Ed25519 key.")
        self.private = key

    def __repr__(self) -> str:
        return "SigningKey(…)"

    @property
    def jose(self) -> OKPKey:
        """The private key as joserfc takes it."""
        return OKPKey.import_key(self.private)

    def jwks(self, domain: str) -> dict[str, Any]:
        """The document at ``/.well-known/jwks.json``."""
        public = OKPKey.import_key(self.private.public_key()).as_dict(private=False)
        return {"keys": [{**public, "kid": key_id(domain), "alg": "EdDSA", "use": "sig"}]}


def key_id(domain: str) -> str:
    """What the key of a site is called in its signatures."""
    return f"{domain}#key1"


def _make(path: Path) -> None:
    """Write a new key, whole or not at all."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
