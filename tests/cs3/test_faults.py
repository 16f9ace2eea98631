"""A site that hangs, dies, comes back, or cannot be trusted."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest, Unavailable
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import run_node, start_node


async def test_every_call_has_a_deadline(tmp_path: Path) -> None:
    trap = traps.Hangs({"CreateContainer", "Stat"})
    async with run_node(tmp_path / "data", interceptors=[trap]) as site:
        settings = replace(site.settings, timeout=1)
        async with MeshClient(settings, site.tokens()) as mesh:
            await mesh.list_folder("home")
            for work, calls in ((mesh.mkdir, "CreateContainer"), (mesh.stat, "Stat")):
                with pytest.raises(DeadlineExceeded, match="alpine gave no answer in time"):
                    await work("home/sub")
                assert site.calls[calls] == (2 if calls == "Stat" else 1)


async def test_a_killed_site_is_found_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with start_node(data) as site, site.client() as mesh:
        await mesh.upload("home/a.txt", b"acknowledged")
        assert site.process is not None
        site.process.send_signal(signal.SIGKILL)
        await site.process.wait()
        with pytest.raises(Unavailable, match="alpine does not answer"):
            await mesh.upload("home/a.txt", b"lost")
        ports = [int(address.rpartition(":")[2]) for address in (site.gateway, site.url)]
        async with start_node(data, gateway_port=ports[0], http_port=ports[1]):
            # gRPC looks for a site that was gone every two seconds at most.
            async with asyncio.timeout(40):
                while True:
                    try:
                        assert await mesh.read("home/a.txt") == b"acknowledged"
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)
            await mesh.upload("home/a.txt", b"saved after all")
            assert await mesh.read("home/a.txt") == b"saved after all"


async def test_tls_is_checked_on_both_ways(tmp_path: Path, certificate) -> None:
    mine, other = certificate("mine"), certificate("other")
    async with run_node(tmp_path / "data", options={"tls": mine}) as site:
        user = site.users[0]
        secure = replace(site.settings, gateway=f"grpcs://{site.gateway}", ca_file=mine[0])
        login = await authenticate(secure, "basic", user.name, user.password)
        assert login.user.username == user.name
        trusted = replace(site, settings=secure)
        async with trusted.client() as mesh:
            await mesh.upload("home/a.txt", b"over TLS")
            assert await mesh.read("home/a.txt") == b"over TLS"
        for ca_file in (other[0], None):
            with pytest.raises(Unavailable, match=r"certificate is trusted"):
                await authenticate(
                    replace(secure, ca_file=ca_file), "basic", user.name, user.password
                )
        with pytest.raises(InvalidRequest, match="cannot be read"):
            await authenticate(
                replace(secure, ca_file=tmp_path / "missing"), "basic", user.name, user.password
            )


async def test_proxies_of_the_environment_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with run_node(tmp_path / "data") as site, site.client() as mesh:
        await mesh.upload("home/a.txt", b"direct")
        assert await mesh.read("home/a.txt") == b"direct"


async def test_a_client_is_built_without_a_loop_and_closed_twice(tmp_path: Path) -> None:
    async with run_node(tmp_path / "data") as site:
        mesh = await asyncio.to_thread(site.client)
        assert (await mesh.stat("home")).is_directory
        await mesh.close()
        await mesh.close()
