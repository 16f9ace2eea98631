"""Uploads while the site, its login or this machine's disk is in trouble: nothing half, and nothing lost."""

import asyncio
from pathlib import Path

import pytest

from jupyter_mesh.mount import spool
from jupyter_mesh.testing.site import run_node, start_node
from jupyter_mesh.testing.traps import DeadToken
from tests.webdav.davs import Dav, adapted, until


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_site_that_is_killed_in_a_put_gets_it_when_it_is_back(tmp_path: Path, flavour: str):
    content = b"new" * 1_000_000
    async with start_node(tmp_path / "data", flavour=flavour) as site:
        ports = {
            "gateway_port": int(site.gateway.rpartition(":")[2]),
            "http_port": int(site.url.rpartition(":")[2]),
        }
        async with site.client() as mesh, adapted(mesh, tmp_path) as (adapter, dav):
            await mesh.upload("home/f", b"old")
            was = (await mesh.stat("home/f")).id
            await dav.names("home")
            site.process.kill()
            await site.process.wait()
            putting = asyncio.create_task(dav.put("home/f", content))
            await until(lambda: adapter.message, "it did not fail")
            assert adapter.failing_since is not None
            assert [each.path for each in adapter.uploads] == ["home/f"]
            async with start_node(tmp_path / "data", flavour=flavour, **ports):
                assert await putting == 201
                assert await mesh.read("home/f") == content
                assert (await mesh.stat("home/f")).id == was
                assert [each.name for each in await mesh.list_folder("home")] == ["f"]
                assert adapter.message == ""


@pytest.mark.parametrize("style", ["reva", "opencloud"])
async def test_a_token_that_ends_costs_no_file(tmp_path: Path, style: str):
    trap = DeadToken(style)
    async with (
        run_node(tmp_path / "data", interceptors=[trap]) as site,
        site.client() as mesh,
        adapted(mesh, tmp_path) as (_, dav),
    ):
        await mesh.upload("home/f", b"old")
        was = (await mesh.stat("home/f")).id
        await dav.names("home")
        trap.dead.add(await site.tokens().token())
        assert await dav.put("home/f", b"new") == 201
        assert await mesh.read("home/f") == b"new"
        assert (await mesh.stat("home/f")).id == was


async def test_a_full_disk_is_said_and_costs_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with (
        run_node(tmp_path / "data") as site,
        site.client() as mesh,
        adapted(mesh, tmp_path) as (_, dav),
    ):
        await mesh.upload("home/f", b"old")
        await dav.names("home")
        monkeypatch.setattr(spool, "SPARE", 1 << 60)
        status, said = await dav.ask("PUT", "home/f", data=_pieces(), Content_Length="2000000")
        assert status == 507
        assert b"disk of this machine is full" in said
        assert await mesh.read("home/f") == b"old"
        monkeypatch.undo()
        assert await dav.put("home/f", b"x" * 2_000_000) == 201
        assert len(await mesh.read("home/f")) == 2_000_000


async def _pieces():
    for _ in range(20):
        yield b"x" * 100_000


async def test_no_secret_is_left_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    async with (
        run_node(tmp_path / "data") as site,
        site.client() as mesh,
    ):
        state = tmp_path / "state"
        state.mkdir()
        async with adapted(mesh, state) as (_, dav):
            await exercise(dav)
            token = (await site.tokens().token()).encode()
            for file in state.rglob("*"):
                if file.is_file():
                    assert token not in file.read_bytes()
                    assert file.name.startswith("adapter.sqlite")
        assert token.decode() not in caplog.text


async def exercise(dav: Dav) -> None:
    await dav.names("home")
    await dav.put("home/f", b"1")
    assert await dav.get("home/f") == b"1"
    await dav.move("home/f", "home/g")
    await dav.delete("home/g")
