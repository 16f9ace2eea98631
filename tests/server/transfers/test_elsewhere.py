"""Transfers of other programs in the one list: seen, cancelled, forgotten."""

import asyncio
import contextlib
import time

import pytest

from jupyter_mesh.errors import Cancelled, OutOfOrder, QuotaExceeded, Unavailable
from jupyter_mesh.models import TransferKind
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.plans import Job, Verb


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """The journal that this server and the programs of the test share."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Journal()


@pytest.fixture
def terminal(journal, jp_asyncio_loop):
    """Runs a transfer as a program in a terminal does."""
    tasks = []

    def run(work, *, kind=TransferKind.UPLOAD, path="home/big.dat", site="alpine", **facts):
        facts = {"program": "jupyter mesh put", "local": "/home/maya/big.dat"} | facts
        running = journal.run(kind, path, work, site=site, **facts)
        tasks.append(jp_asyncio_loop.create_task(running))
        return tasks[-1]

    yield run
    for task in tasks:
        task.cancel()
    jp_asyncio_loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


@pytest.fixture
def until(ask):
    """Waits until the list is as a test expects it; gives its only entry."""

    async def until(holds):
        deadline = time.monotonic() + 30
        while True:
            status, told = await ask("GET", "transfers")
            assert status == 200
            if told["transfers"] and holds(told["transfers"][0]):
                return told["transfers"][0]
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.05)

    return until


async def forever(progress):
    progress(5, 20)
    await asyncio.Event().wait()


async def test_a_transfer_of_a_terminal_is_in_the_list(terminal, until, ask):
    terminal(forever)
    told = await until(lambda one: one["done"] == 5)
    assert told["state"] == "running"
    assert told["kind"] == "upload"
    assert told["path"] == "mesh/home/big.dat"
    assert told["total"] == 20
    assert told["elsewhere"] == {
        "program": "jupyter mesh put",
        "local": "/home/maya/big.dat",
        "canRetry": False,
    }
    status, alone = await ask("GET", "transfers", told["id"])
    assert (status, alone["path"]) == (200, told["path"])


async def test_it_is_cancelled_from_here(terminal, until, jp_fetch):
    task = terminal(forever)
    told = await until(lambda one: one["state"] == "running")
    reply = await jp_fetch("api", "mesh", "transfers", told["id"], method="DELETE")
    assert reply.code == 204
    with pytest.raises(Cancelled):
        await asyncio.wait_for(task, 30)
    await until(lambda one: one["state"] == "cancelled")


async def test_one_that_failed_says_why_and_can_be_forgotten(terminal, until, ask, jp_fetch):
    async def fail(progress):
        raise QuotaExceeded("No room is left at alpine.")

    with contextlib.suppress(QuotaExceeded):
        await terminal(fail, resume={"any": "thing"})
    told = await until(lambda one: one["state"] == "failed")
    assert told["message"] == "No room is left at alpine."
    assert told["status"] == 507
    assert told["elsewhere"]["canRetry"]
    await jp_fetch("api", "mesh", "transfers", told["id"], method="DELETE")
    assert (await ask("GET", "transfers"))[1] == {"transfers": []}
    assert (await ask("GET", "transfers", told["id"]))[0] == 404


async def test_those_of_other_sites_are_not_ours_to_show(terminal, ask, journal):
    terminal(forever, site="coast")
    async for records in journal.watch():
        if records:
            break
    assert (await ask("GET", "transfers"))[1] == {"transfers": []}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("home/a b.dat", "mesh/home/a b.dat"),
        ("cs3://alpine/home/a%20b.dat", "mesh/home/a b.dat"),
        ("cs3://coast/home/a.dat", "cs3://coast/home/a.dat"),
    ],
)
async def test_what_it_writes_has_an_api_path_where_it_has_one(terminal, until, path, expected):
    terminal(forever, path=path)
    assert (await until(lambda one: True))["path"] == expected


@pytest.mark.parametrize("id", ["journal-nothing", "journal-", "journal-.."])
async def test_what_is_not_there_is_404(ask, journal, id):
    assert (await ask("GET", "transfers", id))[0] == 404


async def test_one_that_was_interrupted_goes_on_here(
    journal, client, folder, tmp_path, until, ask, jp_fetch
):
    local = tmp_path / "big.dat"
    local.write_bytes(b"content")
    job = Job(verb=Verb.PUT, source=str(local), target=f"{folder.removeprefix('mesh/')}/big.dat")

    async def break_off(progress):
        raise Unavailable("alpine does not answer.")

    with contextlib.suppress(Unavailable):
        await journal.run(
            job.kind, job.target, break_off, site="alpine", local=job.local, resume=job.as_json()
        )
    told = await until(lambda one: one["state"] == "failed")
    status, again = await ask("POST", "transfers", told["id"], "retry", json_body={})
    assert status == 202
    assert again["id"] == told["id"]
    await until(lambda one: one["state"] == "done")
    assert (await client.stat(job.target)).size == 7
    status, again = await ask("POST", "transfers", told["id"], "retry", json_body={})
    assert status == OutOfOrder.status


async def test_a_retry_that_cannot_be_begun_says_why(journal, folder, tmp_path, until, ask):
    job = Job(
        verb=Verb.PUT,
        source=str(tmp_path / "gone.dat"),
        target=f"{folder.removeprefix('mesh/')}/gone.dat",
    )

    async def break_off(progress):
        raise Unavailable("alpine does not answer.")

    with contextlib.suppress(Unavailable):
        await journal.run(
            job.kind, job.target, break_off, site="alpine", local=job.local, resume=job.as_json()
        )
    told = await until(lambda one: one["state"] == "failed")
    status, answer = await ask("POST", "transfers", told["id"], "retry", json_body={})
    assert status == 404
    assert "gone.dat" in answer["message"]
