"""A full disk, TLS, and the hooks by which tests count and disturb."""

import datetime
import errno
import gc
import ipaddress
import ssl
import subprocess
from contextlib import suppress

import aiohttp
import grpc
import pytest
from aiohttp import web
from blockbuster import blockbuster_ctx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs

from jupyter_mesh.node import Node, check
from jupyter_mesh.node.intents import Act
from jupyter_mesh.node.store import Store

from .conftest import MACHINE_KEY, code
from .test_history import purge, restore_version, versions
from .test_upload import Tus


@pytest.fixture
def small_disk(data):
    """The data folder is a disk of 3 MB."""
    aside = data.rename(data.parent / "aside")
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", data], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", data], check=True)
        yield data
    finally:
        subprocess.run(["umount", data], check=True)


def fill(disk):
    """Take all the room that is left on a disk; returns the file that holds it."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    return ballast


async def test_a_full_disk(small_disk, start, flavour):
    site = await start(flavour)
    client = await site.client()
    try:
        assert await client.put("f", b"old") == 200
        assert await client.put("f", b"x" * 900_000 * 4) == 507
        assert await client.get("f") == b"old"
        ballast = fill(small_disk)
        assert await client.put("f", b"y" * 100_000) in (507, "INSUFFICIENT_STORAGE")
        assert await client.mkdir("d") in ("INSUFFICIENT_STORAGE", "OK")
        assert await client.get("f") == b"old"
        assert set(await client.ls()) <= {"f", "d"}
        ballast.unlink()
        assert check(small_disk) == []
        assert await client.put("f", b"new") == 200
        assert await client.get("f") == b"new"
    finally:
        await site.stack.aclose()


async def test_a_disk_too_full_to_note_a_change(start, flavour, monkeypatch):
    site = await start(flavour)
    client = await site.client()
    assert await client.put("f", b"old") == 200
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr("jupyter_mesh.node.intents.Act.settle", full)
        assert await client.put("f", b"new") == 507
    assert await client.get("f") == b"new"
    assert check(site.data) == []
    assert len(await versions(client, "f")) == 1
    assert await client.put("f", b"newer") == 200
    assert len(await versions(client, "f")) == 2


async def test_a_disk_that_fills_during_tus(small_disk, start):
    site = await start()
    client = await site.client()
    try:
        tus = Tus(client, await client.start_upload("f", 600_000))
        assert await tus.patch(0, b"x" * 300_000) == 204
        ballast = fill(small_disk)
        assert await tus.patch(300_000, b"x" * 300_000) == 507
        ballast.unlink()
        offset = await tus.offset()
        assert 300_000 <= offset < 600_000
        assert await tus.patch(offset, b"x" * (600_000 - offset)) == 204
        assert await client.get("f") == b"x" * 600_000
    finally:
        await site.stack.aclose()


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for loopback: its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alpine")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    chain, secret = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


async def test_tls(data, certificate):
    async with Node(name="alpine", data=data, tls=certificate, machine_key=MACHINE_KEY) as node:
        assert node.url.startswith("https://")
        credentials = grpc.ssl_channel_credentials(certificate[0].read_bytes())
        async with grpc.aio.secure_channel(node.gateway, credentials) as channel:
            request = gateway.AuthenticateRequest(
                type="machine", client_id="einstein", client_secret=MACHINE_KEY
            )
            assert code(await stubs.GatewayAPIStub(channel).Authenticate(request)) == "OK"
        context = ssl.create_default_context(cafile=certificate[0])
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{node.url}/health", ssl=context) as reply,
        ):
            assert reply.status == 200


async def test_the_hooks_see_every_call(start):
    seen = []

    class Count(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):
            seen.append(details.method.rpartition("/")[2])
            return await continuation(details)

    @web.middleware
    async def count(request, handler):
        seen.append(request.method)
        return await handler(request)

    site = await start(interceptors=[Count()], middlewares=[count])
    client = await site.client()
    seen.clear()
    await client.put("f", b"1")
    assert seen == ["InitiateFileUpload", "PUT"]


async def test_start_and_stop_may_be_repeated(data):
    node = Node(name="alpine", data=data)
    for _ in range(2):
        await node.start()
        await node.stop()
        await node.stop()


async def test_a_failed_start_gives_the_folder_back(data):
    async with Node(name="alpine", data=data) as node:
        port = int(node.gateway.rpartition(":")[2])
        other = Node(name="coast", data=data.parent / "other", gateway_port=port)
        with pytest.raises(Exception, match="--gateway-port"):
            await other.start()
    async with Node(name="coast", data=data.parent / "other"):
        pass


async def test_nothing_blocks_the_event_loop(site):
    client = await site.client()
    # Servers of earlier tests that are collected only now would join their threads under the guard.
    gc.collect()
    with blockbuster_ctx("jupyter_mesh.node"):
        assert await client.mkdir("d") == "OK"
        for content in (b"x" * 3_000_000, b"old"):
            assert await client.put("d/f", content) == 200
        assert await client.get("d/f") == b"old"
        key = (await versions(client, "d/f"))[0].key
        key = key if site.flavour == "spaces" else "v" + key
        assert await restore_version(client, "d/f", key) == "OK"
        tus = Tus(client, await client.start_upload("d/f", 3))
        assert await tus.patch(0, b"new") == 204
        assert await client.move("d", "e") == "OK"
        assert set(await client.ls()) == {"e"}
        assert await client.delete("e") == "OK"
        assert await purge(client) == "OK"


@pytest.mark.parametrize("before", [b"old", None], ids=["replaced", "new"])
async def test_a_write_that_failed_twice_did_not_happen(data, start, flavour, monkeypatch, before):
    site = await start(flavour)
    client = await site.client()
    if before is not None:
        await client.put("f", before)
    known = await client.ls()

    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    # The disk has room neither for the change nor to note that it did not happen; then the upload goes.
    monkeypatch.setattr(Act, "act", full)
    monkeypatch.setattr(Store, "_conclude", full)
    assert await client.put("f", b"new") == 507
    monkeypatch.undo()
    assert await client.ls() == known
    assert before is None or await versions(client, "f") == []
    assert check(data) == []
    assert await client.put("f", b"newer") == 200
    assert await client.get("f") == b"newer"
