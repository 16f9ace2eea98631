"""Ctrl-C, broken pipes, full disks: what is left then is never half of something under its name."""

import asyncio
import os
import signal
import subprocess
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from jupyter_mesh.testing.site import run_node

SIZE = 48 << 20


class Brake:
    """Holds back the pieces of an upload after its first one, while it is on."""

    def __init__(self):
        self.held = self.go = None

    @asynccontextmanager
    async def on(self):
        self.held, self.go = asyncio.Event(), asyncio.Event()
        try:
            yield
        finally:
            self.go.set()
            self.go = None


@pytest.fixture(scope="module")
def brake():
    return Brake()


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(request, tmp_path_factory, brake):
    @web.middleware
    async def hold(request, handler):
        # The second piece of an upload in pieces, or the only one.
        later = request.method in ("PUT", "PATCH") and request.headers.get("Upload-Offset") != "0"
        if later and brake.go is not None:
            go = brake.go
            brake.held.set()
            await go.wait()
        return await handler(request)

    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param, middlewares=[hold]) as site:
        yield site


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        for number in range(SIZE >> 20):
            file.write(bytes([number]) * (1 << 20))
    return path


async def names(site, path="home"):
    async with site.client() as mesh:
        return [entry.name for entry in await mesh.list_folder(path)]


async def test_ctrl_c_in_a_put_leaves_nothing_half_and_the_next_one_goes_on(
    site, program, signed_in, brake, large, told
):
    async with brake.on():
        process = await program("put", large, "home/large.bin")
        async with asyncio.timeout(50):
            await brake.held.wait()
        process.send_signal(signal.SIGINT)
        out, error = await process.communicate()
    assert (process.returncode, out, error) == (130, b"", b"")
    assert "large.bin" not in await names(site)
    (broken,) = [one for one in await told("transfers", "list") if one["can_retry"]]
    assert broken["state"] == "failed"
    sent = site.calls["PATCH"]
    process = await program("transfers", "retry", broken["id"])
    out, error = await process.communicate()
    assert (process.returncode, out, error) == (0, b"", b"")
    # Of its three pieces the first was there already.
    assert site.calls["PATCH"] - sent == 2
    async with site.client() as mesh:
        assert (await mesh.stat("home/large.bin")).size == SIZE
        await mesh.delete("home/large.bin")


async def test_a_cancelled_put_says_so(site, run, program, signed_in, brake, large, told):
    async with brake.on():
        process = await program("put", large, "home/cancelled.bin")
        async with asyncio.timeout(50):
            await brake.held.wait()
        (mine,) = [one for one in await told("transfers", "list") if one["state"] == "running"]
        assert await run("transfers", "cancel", mine["id"]) == (0, "", "")
        _, error = await process.communicate()
    assert process.returncode == 1
    assert b"was cancelled" in error
    assert error.count(b"\n") == 1
    assert "cancelled.bin" not in await names(site)


async def test_ctrl_c_while_standard_input_is_waited_for(site, program, signed_in):
    process = await program("put", "-", "home/waiting.bin")
    # More than a pipe holds: once it is gone, the program reads.
    process.stdin.write(bytes(1 << 20))
    async with asyncio.timeout(50):
        await process.stdin.drain()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(50):
        await process.wait()
    assert process.returncode == 130
    assert "waiting.bin" not in await names(site)


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_is_told_of_and_nothing_half_has_the_name(
    site, run, signed_in, small_disk
):
    async with site.client() as mesh:
        await mesh.upload("home/two.bin", bytes(2 << 20))
    for argv in (("get", "home/two.bin"), ("cp", "home/two.bin"), ("sync", "home/two.bin")):
        code, out, error = await run(*argv, small_disk / "two.bin")
        assert code == 1
        assert "free" in error
        assert "this machine" in error
        assert not (small_disk / "two.bin").exists()
        assert out == "" or argv[0] == "sync"


async def test_no_room_at_the_site(tmp_path, run, monkeypatch):
    from jupyter_mesh.node.users import add_user

    add_user(tmp_path / "data", "poor", "a password", quota=1000)
    async with run_node(tmp_path / "data") as site:
        monkeypatch.setenv("MESH_SITE", "alpine")
        monkeypatch.setenv("MESH_GATEWAY", site.gateway)
        monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "token"))
        login = ("login", "--gateway", site.gateway, "--username", "poor")
        await run(*login, "--token-file", tmp_path / "token", stdin="a password\n")
        (tmp_path / "rich.bin").write_bytes(bytes(5000))
        code, out, error = await run("put", tmp_path / "rich.bin", "home")
        assert (code, out) == (1, "")
        assert "room" in error
        assert error.count("\n") == 1
        assert await run("ls", "home") == (0, "", "")
        assert "1.0 kB" in (await run("quota"))[1]
