"""A node with traps around it."""

import ipaddress
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.testing.site import RunningSite, run_node

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Starts a node with traps around it, and a client of its first user."""

    @asynccontextmanager
    async def start(*around, flavour: str = "spaces", middlewares=()):
        async with (
            run_node(
                tmp_path / "data", flavour=flavour, interceptors=around, middlewares=middlewares
            ) as site,
            site.client() as mesh,
        ):
            yield site, mesh

    return start


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Makes certificates for this machine, each signed by itself, with their keys."""
    return partial(_make_certificate, tmp_path)


def _make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
