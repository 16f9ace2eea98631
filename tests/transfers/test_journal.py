"""The journal of transfers: one list for all programs, that survives them."""

import asyncio
import json
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mesh.errors import Cancelled, NotFound, OutOfOrder, QuotaExceeded
from jupyter_mesh.models import TransferKind, TransferState
from jupyter_mesh.transfers.journal import Journal, Record

UPLOAD = TransferKind.UPLOAD

OTHER_PROGRAM = """
import asyncio, sys
from pathlib import Path
from jupyter_mesh.models import TransferKind
from jupyter_mesh.transfers.journal import Journal

async def work(progress):
    progress(5, 10)
    print("started", flush=True)
    await asyncio.sleep(600)

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.run(TransferKind.UPLOAD, "home/a", work, site="alpine", local="/a", resume={"verb": "put"})

asyncio.run(main())
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "transfers")


async def until(journal: Journal, check: Callable[[list[Record]], bool]) -> list[Record]:
    """The list as soon as it is so."""
    async with asyncio.timeout(60):
        async for records in journal.watch():
            if check(records):
                return records
    raise AssertionError


async def start(journal: Journal) -> asyncio.subprocess.Process:
    """A program that moves something and does not end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROGRAM, str(journal.folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"started\n"
    return process


async def test_a_transfer_is_listed_while_it_runs_and_after(journal: Journal) -> None:
    assert await journal.list() == []
    go = asyncio.Event()

    async def work(progress) -> None:
        progress(3, 10)
        await go.wait()
        progress(10, 10)

    running = asyncio.ensure_future(
        journal.run(UPLOAD, "home/a", work, site="alpine", source="/a", program="mesh put")
    )
    (record,) = await until(journal, lambda found: bool(found) and found[0].transfer.done == 3)
    assert (record.alive, record.site, record.program) == (True, "alpine", "mesh put")
    assert record.transfer.state is TransferState.RUNNING
    with pytest.raises(OutOfOrder, match="Cancel it first"):
        await journal.forget(record.transfer.id)
    go.set()
    await running
    (record,) = await journal.list()
    assert (record.transfer.state, record.transfer.done) == (TransferState.DONE, 10)
    assert sorted(path.suffix for path in journal.folder.iterdir()) == [".json"]
    await journal.forget(record.transfer.id)
    assert await journal.list() == []
    with pytest.raises(NotFound):
        await journal.get(record.transfer.id)


async def test_a_killed_program_leaves_a_failed_transfer_that_can_be_retried(
    journal: Journal,
) -> None:
    process = await start(journal)
    (record,) = await journal.list()
    assert record.alive
    assert record.pid == process.pid
    assert not record.can_retry
    process.kill()
    await process.wait()
    (record,) = await journal.list()
    assert record.transfer.state is TransferState.FAILED
    assert "interrupted" in record.transfer.message
    assert record.can_retry

    async def done(progress) -> None:
        progress(10, 10)

    async def again(record: Record) -> None:
        assert record.resume == {"verb": "put"}
        await journal.run(UPLOAD, "home/a", done, site="alpine", id=record.transfer.id)

    await journal.retry(record.transfer.id, again)
    (record,) = await journal.list()
    assert record.transfer.state is TransferState.DONE
    with pytest.raises(OutOfOrder, match="cannot be retried"):
        await journal.retry(record.transfer.id, again)


async def test_another_program_cancels_it(journal: Journal) -> None:
    process = await start(journal)
    (record,) = await journal.list()
    await journal.cancel(record.transfer.id)
    (record,) = await until(journal, lambda found: found[0].transfer.has_ended)
    assert record.transfer.state is TransferState.CANCELLED
    assert await asyncio.wait_for(process.wait(), 60) == 1
    await journal.cancel(record.transfer.id)
    assert [path.suffix for path in journal.folder.iterdir()] == [".json"]


async def test_ctrl_c_is_an_interruption(journal: Journal) -> None:
    process = await start(journal)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.wait(), 60)
    (record,) = await journal.list()
    assert record.transfer.state is TransferState.FAILED
    assert record.can_retry


@pytest.mark.parametrize(
    ("error", "message", "status"),
    [
        pytest.param(QuotaExceeded("No room."), "No room.", 507, id="expected"),
        pytest.param(KeyError("x"), "Something went wrong in jupyter-mesh.", 500, id="ours"),
    ],
)
async def test_what_fails_is_told(journal: Journal, error, message: str, status: int) -> None:
    async def work(progress) -> None:
        raise error

    with pytest.raises(type(error)):
        await journal.run(UPLOAD, "home/a", work, site="alpine")
    (record,) = await journal.list()
    assert record.transfer.state is TransferState.FAILED
    assert (record.transfer.message, record.transfer.status) == (message, status)
    assert not record.can_retry


async def test_cancelled_here_is_told_to_the_caller(journal: Journal) -> None:
    async def work(progress) -> None:
        await asyncio.Event().wait()

    running = asyncio.ensure_future(journal.run(UPLOAD, "home/a", work, site="alpine"))
    (record,) = await until(journal, bool)
    await journal.cancel(record.transfer.id)
    with pytest.raises(Cancelled, match="home/a was cancelled"):
        await running


async def test_old_ones_are_forgotten_and_damaged_ones_not_shown(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mesh.transfers.journal.DONE_KEPT", 3)

    async def work(progress) -> None:
        pass

    for number in range(5):
        await journal.run(UPLOAD, f"home/{number}", work, site="alpine")
    (journal.folder / "half.json").write_text('{"id": "half", "ki')
    (journal.folder / "other.json").write_text(json.dumps({"id": "else"}))
    # The one that begins has not ended when the others are counted.
    assert [record.transfer.path for record in await journal.list()] == [
        "home/1",
        "home/2",
        "home/3",
        "home/4",
    ]
    for id in ("../x", "", "a/b", "half"):
        with pytest.raises(NotFound):
            await journal.cancel(id)


async def test_only_the_owner_can_read_it(journal: Journal) -> None:
    async def work(progress) -> None:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.folder.iterdir()}
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700

    await journal.run(UPLOAD, "home/a", work, site="alpine")
