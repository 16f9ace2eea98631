"""What moves of files promise, on any site: they go on after a break where they stopped, by another client too.

.. code-block:: python

    class TestMySite(TransfersContract):
        @pytest.fixture
        def site(self): return site_from_file(Path("site.toml"))
"""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import AlreadyExists
from jupyter_mesh.transfers.batches import Batch
from jupyter_mesh.transfers.fetching import download
from jupyter_mesh.transfers.notes import Notes
from jupyter_mesh.transfers.plans import Job, Plan, Verb, make_plan
from jupyter_mesh.transfers.sending import upload
from jupyter_mesh.transfers.terms import Terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.testing.site import RunningSite

__all__ = ["TransfersContract"]

MIB = 1 << 20
BIG = 40 * MIB + 321


class TransfersContract:
    """Subclass it, and give a ``site`` fixture: a RunningSite."""

    @pytest.fixture
    async def mesh(self, site: RunningSite) -> AsyncIterator[MeshClient]:
        """A client of the first user."""
        async with site.client() as client:
            yield client

    @pytest.fixture
    async def folder(self, mesh: MeshClient) -> AsyncIterator[str]:
        """A new folder in the home of the first user, deleted afterwards."""
        path = f"home/moves-{secrets.token_hex(4)}"
        await mesh.mkdir(path)
        yield path
        await mesh.delete(path)

    @pytest.fixture
    def terms(self, tmp_path: Path) -> Terms:
        """Terms whose notes lie in this test's folder."""
        return Terms(notes=Notes(tmp_path / "resume"), memory=tmp_path / "sync")

    async def test_a_move_that_was_broken_off_goes_on_with_another_client(
        self, site: RunningSite, mesh: MeshClient, folder: str, tmp_path: Path, terms: Terms
    ) -> None:
        local, back, path = tmp_path / "local", tmp_path / "back", f"{folder}/big"
        local.write_bytes(os.urandom(BIG))
        await _broken(
            site, lambda mesh, told: upload(mesh, local, path, progress=told, terms=terms)
        )
        assert not await mesh.exists(path)
        sent = mesh.meter.sent
        await upload(mesh, local, path, terms=terms)
        if (await mesh.flavour()).can(Feature.TUS) is not False:
            assert mesh.meter.sent - sent < BIG - 15 * MIB
        await _broken(
            site, lambda mesh, told: download(mesh, path, back, progress=told, terms=terms)
        )
        assert not back.exists()
        await download(mesh, path, back, terms=terms)
        assert back.read_bytes() == local.read_bytes()
        assert list(terms.notes.folder.iterdir()) == []

    async def test_a_folder_there_and_back(
        self, mesh: MeshClient, folder: str, tmp_path: Path, terms: Terms
    ) -> None:
        source, back = tmp_path / "source", tmp_path / "back"
        (source / "empty" / "deep").mkdir(parents=True)
        for name in ("a", "ä ö#?%41", "empty/file"):
            (source / name).write_bytes(name.encode() * 100)
        await Batch(mesh, await _plan(mesh, Verb.PUT, source, f"{folder}/tree", terms)).run()
        await Batch(mesh, await _plan(mesh, Verb.GET, f"{folder}/tree", back, terms)).run()
        assert {str(path.relative_to(back)) for path in back.rglob("*")} == {
            str(path.relative_to(source)) for path in source.rglob("*")
        }
        assert (back / "ä ö#?%41").read_bytes() == (source / "ä ö#?%41").read_bytes()
        again = await _plan(mesh, Verb.GET, f"{folder}/tree", back, terms)
        assert (again.steps, again.conflicts) == ([], [])

    async def test_nothing_is_overwritten_that_was_not_meant(
        self, mesh: MeshClient, folder: str, tmp_path: Path, terms: Terms
    ) -> None:
        source, path = tmp_path / "source", f"{folder}/tree"
        source.mkdir()
        for name in "abc":
            (source / name).write_bytes(name.encode())
        await Batch(mesh, await _plan(mesh, Verb.PUSH, source, path, terms)).run()
        await mesh.upload(f"{path}/a", b"theirs")
        (source / "a").write_bytes(b"mine")
        (source / "b").write_bytes(b"mine")
        plan = await _plan(mesh, Verb.PUSH, source, path, terms)
        assert [step.name for step in plan.steps] == ["b"]
        assert [each.name for each in plan.conflicts] == ["a"]
        with pytest.raises(AlreadyExists):
            await upload(mesh, source / "a", f"{path}/a", terms=terms)
        assert await mesh.read(f"{path}/a") == b"theirs"


async def _plan(mesh: MeshClient, verb: Verb, source: object, target: object, terms: Terms) -> Plan:
    return await make_plan(
        mesh, Job(verb=verb, source=str(source), target=str(target)), terms.memory
    )


async def _broken(
    site: RunningSite,
    move: Callable[[MeshClient, Callable[[int, int | None], None]], Awaitable[Any]],
) -> None:
    """Begin a move with a client of its own, and cut it off in the middle."""
    async with site.client() as mesh:

        def progress(done: int, _: int | None) -> None:
            if done > BIG // 2:
                task.cancel()

        task = asyncio.ensure_future(move(mesh, progress))
        with pytest.raises(asyncio.CancelledError):
            await task
