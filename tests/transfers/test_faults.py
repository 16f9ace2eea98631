"""What ends a move: kill -9, Ctrl-C, a site that dies, a full disk on either side, a login that has ended."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.errors import MeshError, QuotaExceeded
from jupyter_mesh.models import TransferState
from jupyter_mesh.node.users import add_project
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite, run_node, start_node
from jupyter_mesh.transfers.fetching import download
from jupyter_mesh.transfers.jobs import again, run_job
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.plans import Job, Verb
from jupyter_mesh.transfers.sending import upload
from jupyter_mesh.transfers.terms import Terms

from .conftest import Cut, anywhere, noise

MIB = 1 << 20
BIG = 64 * MIB + 4321
FLAVOURS = pytest.mark.parametrize("flavour", ["spaces", "paths"])

PROGRAM = """
import asyncio, sys
from jupyter_mesh.cs3 import connect
from jupyter_mesh.transfers.jobs import again, run_job
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.plans import Job, Verb

async def main(verb, source, target):
    journal = Journal()
    async with connect() as mesh:
        for record in await journal.list():
            await journal.retry(record.transfer.id, again(mesh, journal))
            return
        job = Job(verb=Verb(verb), source=source, target=target)
        await run_job(mesh, job, journal, program="test")

asyncio.run(main(*sys.argv[1:]))
"""


class Program:
    """Moves a file in a process of its own; goes on with what the journal has, if there is something."""

    def __init__(self, site: RunningSite, folder: Path) -> None:
        self._site = site
        self._token = folder / "token"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, verb: Verb, source: object, target: object) -> asyncio.subprocess.Process:
        write_token_file(self._token, await self._site.tokens().token())
        settings = self._site.settings
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            *(str(each) for each in (verb, source, target)),
            env={
                **os.environ,
                "MESH_SITE": settings.name,
                "MESH_GATEWAY": settings.gateway,
                "MESH_TOKEN_FILE": str(self._token),
            },
            stderr=asyncio.subprocess.PIPE,
        )


async def written(folder: Path) -> None:
    """Wait until some of a file that is on its way into this folder is on its disk."""
    for _ in range(6000):
        if any(part.stat().st_size for part in folder.glob(".*.part")):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing of it was written")


@pytest.mark.timeout(120)
@FLAVOURS
@pytest.mark.parametrize("verb", [Verb.PUT, Verb.GET])
async def test_after_kill_9_another_process_goes_on(
    cut: Cut, flavour: str, verb: Verb, tmp_path: Path
) -> None:
    content, journal = noise(BIG), Journal()
    local = tmp_path / "local"
    async with cut(flavour=flavour) as (site, mesh, wire):
        names: tuple[object, object] = (local, "home/a")
        if verb is Verb.PUT:
            local.write_bytes(content)
        else:
            await mesh.upload("home/a", content)
            names = ("home/a", local)
        await mesh.close()
        program = Program(site, tmp_path)
        wire.holds = True
        kills = 2 if (verb, flavour) == (Verb.PUT, "spaces") else 1
        for stop in anywhere(f"{flavour}{verb}", kills, 30 * MIB):
            wire.held.clear()
            # More than what a download gathers before it writes.
            wire.cuts = [stop + 5 * MIB]
            process = await program.start(verb, *names)
            async with asyncio.timeout(60):
                await wire.held.wait()
            if verb is Verb.GET:
                await written(tmp_path)
            (record,) = await journal.list()
            assert record.alive
            process.kill()
            await process.wait()
            (record,) = await journal.list()
            assert record.transfer.state is TransferState.FAILED
            assert record.can_retry
            if verb is Verb.PUT:
                async with site.client() as other:
                    assert not await other.exists("home/a")
            else:
                assert not local.exists()
        wire.cuts = []
        async with site.client() as other:
            await journal.retry(record.transfer.id, again(other, journal))
            moved = other.meter.sent if verb is Verb.PUT else other.meter.received
            assert moved < BIG or (verb is Verb.GET and flavour == "paths")
            assert await other.read("home/a") == content
        assert local.read_bytes() == content
        (record,) = await journal.list()
        assert (record.transfer.state, record.transfer.done) == (TransferState.DONE, BIG)
        resume = journal.folder.parent / "resume"
        assert list(resume.iterdir()) == []
        assert [each.name for each in tmp_path.iterdir() if each.suffix == ".part"] == []


async def test_ctrl_c_leaves_what_a_retry_goes_on_with_or_forgets(cut: Cut, tmp_path: Path) -> None:
    local, journal = tmp_path / "local", Journal()
    local.write_bytes(noise(BIG))
    async with cut() as (site, _, wire):
        wire.holds, wire.cuts = True, [20 * MIB]
        process = await Program(site, tmp_path).start(Verb.PUT, local, "home/a")
        async with asyncio.timeout(60):
            await wire.held.wait()
            process.send_signal(signal.SIGINT)
            _, said = await process.communicate()
        assert b"KeyboardInterrupt" in said
        (record,) = await journal.list()
        assert record.transfer.message == (
            "It was interrupted. Retry it: it goes on where it stopped."
        )
        # What opens the upload at the site is in no other file, and nobody else can read that one.
        state = journal.folder.parent
        (secret,) = state.glob("resume/*.secret")
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        token = json.loads(secret.read_text())["token"]
        for path in state.rglob("*"):
            assert path == secret or path.is_dir() or token not in path.read_text()
        assert token not in said.decode()
        wire.cuts = []
        await journal.forget(record.transfer.id)
        assert [path for path in state.rglob("*") if path.is_file()] == []


@pytest.mark.timeout(120)
@FLAVOURS
async def test_a_site_that_dies_in_the_middle_and_comes_back(
    flavour: str, tmp_path: Path, terms: Terms
) -> None:
    content, data = noise(BIG), tmp_path / "data"
    (tmp_path / "local").write_bytes(content)
    killed = asyncio.Event()
    async with start_node(data, flavour=flavour) as site, site.client() as mesh:
        assert site.process is not None
        await mesh.stat("home")

        def kill(done: int, _: int | None) -> None:
            if done > 20 * MIB and not killed.is_set():
                site.process.kill()  # type: ignore[union-attr]
                killed.set()

        async def come_back() -> None:
            await killed.wait()
            await site.process.wait()  # type: ignore[union-attr]
            ports = [int(address.rpartition(":")[2]) for address in (site.gateway, site.url)]
            async with start_node(data, flavour=flavour, gateway_port=ports[0], http_port=ports[1]):
                await stopped.wait()

        stopped = asyncio.Event()
        back = asyncio.create_task(come_back())
        await upload(mesh, tmp_path / "local", "home/a", progress=kill, terms=terms)
        assert killed.is_set()
        await download(mesh, "home/a", tmp_path / "copy", terms=terms)
        assert (tmp_path / "copy").read_bytes() == content
        stopped.set()
        await back


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_here(
    cut: Cut, tmp_path: Path, terms: Terms, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cut() as (_, mesh, _wire):
        await mesh.upload("home/a", noise(10 * MIB))
        with pytest.raises(QuotaExceeded, match="Free some room"):
            await download(mesh, "home/a", small_disk / "a", terms=terms)
        assert list(small_disk.iterdir()) == []
        # Somebody else takes the room while it comes.
        plenty = type("Usage", (), {"free": 1 << 40})
        monkeypatch.setattr("shutil.disk_usage", lambda _: plenty)
        with pytest.raises(OSError, match="no room left on this machine"):
            await download(mesh, "home/a", small_disk / "a", terms=terms)
        assert not (small_disk / "a").exists()
        subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)  # noqa: ASYNC221
        received = mesh.meter.received
        await download(mesh, "home/a", small_disk / "a", terms=terms)
        assert mesh.meter.received - received < 6 * MIB
        assert (small_disk / "a").read_bytes() == noise(10 * MIB)


def _fill_up(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def test_a_full_disk_of_notes_stops_nothing(
    cut: Cut, tmp_path: Path, small_disk: Path
) -> None:
    journal = Journal(small_disk / "transfers")
    (tmp_path / "a").write_bytes(noise(MIB))
    job = Job(verb=Verb.PUT, source=str(tmp_path / "a"), target="home/a")
    async with cut() as (_, mesh, _wire):
        done = asyncio.Event()

        async def work(progress) -> None:
            _fill_up(small_disk / "filler")
            progress(1, 2)
            await upload(mesh, tmp_path / "a", "home/a")
            done.set()

        await journal.run(job.kind, "home/a", work, site="alpine")
        assert done.is_set()
        assert await mesh.read("home/a") == noise(MIB)


@FLAVOURS
@pytest.mark.parametrize("size", [3 * MIB, 20 * MIB], ids=["small", "large"])
async def test_no_room_at_the_site(tmp_path: Path, terms: Terms, flavour: str, size: int) -> None:
    (tmp_path / "a").write_bytes(noise(size))
    data = tmp_path / "data"
    async with run_node(data, flavour=flavour) as site, site.client() as mesh:
        await asyncio.to_thread(
            add_project, data, "small", {site.users[0].name: "owner"}, quota=2 * MIB
        )
        with pytest.raises(QuotaExceeded, match=r"alpine"):
            await upload(mesh, tmp_path / "a", "projects/small/a", terms=terms)
        assert not await mesh.exists("projects/small/a")


async def test_a_login_that_ends_in_the_middle(cut: Cut, tmp_path: Path, terms: Terms) -> None:
    trap = traps.DeadToken("opencloud")
    (tmp_path / "a").write_bytes(noise(BIG))
    async with cut(trap) as (site, mesh, _):
        await mesh.stat("home")

        def end(done: int, _: int | None) -> None:
            if done > 20 * MIB and not trap.dead:
                trap.dead.add(site.tokens()._token)

        # A password gets another token; the upload goes on where it is.
        await upload(mesh, tmp_path / "a", "home/a", progress=end, terms=terms)
        assert trap.dead
        assert mesh.meter.sent < BIG + 17 * MIB
        assert await mesh.read("home/a") == noise(BIG)


async def test_the_source_is_deleted_while_it_is_sent(
    cut: Cut, tmp_path: Path, terms: Terms
) -> None:
    """What was opened is sent to its end: nothing of it can change any more."""
    local = tmp_path / "a"
    local.write_bytes(noise(20 * MIB))
    async with cut() as (_, mesh, _wire):

        def delete(done: int, _: int | None) -> None:
            if done:
                local.unlink(missing_ok=True)

        await upload(mesh, local, "home/a", progress=delete, terms=terms)
        assert not local.exists()
        assert await mesh.read("home/a") == noise(20 * MIB)


async def test_two_programs_put_the_same_file(cut: Cut, tmp_path: Path) -> None:
    local, journal = tmp_path / "a", Journal()
    local.write_bytes(noise(BIG))
    async with cut() as (site, mesh, wire):
        wire.holds, wire.cuts = True, [20 * MIB]
        process = await Program(site, tmp_path).start(Verb.PUT, local, "home/a")
        try:
            async with asyncio.timeout(60):
                await wire.held.wait()
            job = Job(verb=Verb.PUT, source=str(local), target="home/a")
            with pytest.raises(MeshError, match="Another program of yours moves"):
                await run_job(mesh, job, journal)
        finally:
            process.kill()
            await process.communicate()
        await run_job(mesh, job, journal)
        assert await mesh.read("home/a") == noise(BIG)
