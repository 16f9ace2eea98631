"""Folders both ways: several files at a time, odd names, hostile names, failures, and what is left out."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import (
    AlreadyExists,
    Cancelled,
    InvalidRequest,
    LoginEnded,
    NotFound,
    TransferFailed,
)
from jupyter_mesh.models import TransferKind, TransferState
from jupyter_mesh.testing.site import RunningSite, run_node
from jupyter_mesh.transfers.batches import Batch
from jupyter_mesh.transfers.jobs import again, run_job
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.plans import Action, Job, Plan, Verb, make_plan
from jupyter_mesh.transfers.terms import Terms

from .conftest import noise

ODD = [
    "ä ö",
    "e\u0301",
    "a#b?c%41",
    "x;y:z\\w",
    " lead",
    "new\nline",
    "{{x}}",
    "n" * 255,
    ".hidden",
]


@pytest.fixture(params=["spaces", "paths"], scope="module")
async def site(request, tmp_path_factory) -> AsyncIterator[RunningSite]:
    async with run_node(tmp_path_factory.mktemp("node") / "data", flavour=request.param) as running:
        yield running


@pytest.fixture
async def mesh(site: RunningSite) -> AsyncIterator[MeshClient]:
    async with site.client() as client:
        yield client
        for resource in await client.list_folder("home"):
            await client.delete(resource.path)


class Moves:
    """Jobs of one test, with a memory of their own."""

    def __init__(self, mesh: MeshClient, terms: Terms, state: Path) -> None:
        self.mesh = mesh
        self.terms = terms
        self.state = state
        self.journal = Journal(state / "transfers")

    async def plan(self, verb: Verb, source: object, target: object, **how: bool) -> Plan:
        job = Job(verb=verb, source=str(source), target=str(target), **how)
        return await make_plan(self.mesh, job, self.state / "sync")

    async def do(self, verb: Verb, source: object, target: object, **how: bool) -> Batch:
        plan = await self.plan(verb, source, target, **how)
        return await run_job(self.mesh, plan.job, self.journal, plan=plan, terms=self.terms)


@pytest.fixture
def moves(mesh: MeshClient, terms: Terms, tmp_path: Path) -> Moves:
    return Moves(mesh, terms, tmp_path / "state")


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def content_of(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder: files with their content, folders with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


async def test_a_folder_there_and_back(moves: Moves, tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source, {f"odd/{name}": name.encode() for name in ODD})
    fill(source, {f"many/{number}": noise(number * 1000, number) for number in range(20)})
    (source / "empty" / "deep").mkdir(parents=True)
    (source / "nothing").write_bytes(b"")
    batch = await moves.do(Verb.PUT, source, "home/put")
    assert (batch.done, batch.failures, batch.active) == (batch.total, [], {})
    assert batch.total == sum(len(each or b"") for each in content_of(source).values())
    await moves.do(Verb.COPY, "home/put", "home/copy")
    batch = await moves.do(Verb.GET, "home/copy", tmp_path / "back")
    assert content_of(tmp_path / "back") == content_of(source)
    assert batch.finished == len(batch.plan.steps)
    kinds = [record.transfer.kind for record in await moves.journal.list()]
    assert kinds == [TransferKind.UPLOAD, TransferKind.COPY, TransferKind.DOWNLOAD]


async def test_one_file(moves: Moves, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    await moves.do(Verb.PUT, tmp_path / "a", "home/a")
    await moves.do(Verb.GET, "home/a", tmp_path / "b")
    await moves.do(Verb.COPY, "home/a", "home/c")
    assert (tmp_path / "b").read_bytes() == await moves.mesh.read("home/c") == b"one"
    (tmp_path / "a").write_bytes(b"two!")
    with pytest.raises(AlreadyExists, match='"home/a" exists already at the target'):
        await moves.do(Verb.PUT, tmp_path / "a", "home/a")
    await moves.do(Verb.PUT, tmp_path / "a", "home/a", replace=True)
    assert await moves.mesh.read("home/a") == b"two!"
    with pytest.raises(AlreadyExists):
        await moves.do(Verb.COPY, "home/a", "home/c")
    with pytest.raises(AlreadyExists):
        await moves.do(Verb.GET, "home/a", tmp_path / "b")
    await moves.do(Verb.GET, "home/a", tmp_path / "b", replace=True)
    assert (tmp_path / "b").read_bytes() == b"two!"
    with pytest.raises(NotFound, match="here"):
        await moves.plan(Verb.PUT, tmp_path / "none", "home/none")
    with pytest.raises(NotFound, match="at alpine"):
        await moves.plan(Verb.GET, "home/none", tmp_path / "none")
    with pytest.raises(InvalidRequest, match="into itself"):
        await moves.plan(Verb.COPY, "home", "home/sub")


async def test_what_cannot_be_moved_is_told_and_stops_nothing_else(
    moves: Moves, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    fill(source, {"good": b"good", "there": b"mine", "blocked/inside": b"x"})
    (source / "link").symlink_to("good")
    (source / "to-folder").symlink_to(tmp_path)
    os.mkfifo(source / "pipe")
    (source / os.fsdecode(b"bad-\xff")).write_bytes(b"")
    (source / ".x.0123456789ab.part").write_bytes(b"unfinished")
    await moves.mesh.mkdir("home/put")
    await moves.mesh.upload("home/put/there", b"theirs")
    await moves.mesh.upload("home/put/blocked", b"a file")
    plan = await moves.plan(Verb.PUT, source, "home/put")
    assert sorted(each.name for each in plan.skipped) == sorted(
        ["link", "to-folder", "pipe", ".x.0123456789ab.part", os.fsdecode(b"bad-\xff")]
    )
    assert "the mesh has none" in next(each.why for each in plan.skipped if each.name == "link")
    assert sorted(each.name for each in plan.conflicts) == ["blocked", "there"]
    with pytest.raises(AlreadyExists, match="2 files of the target stayed as they are"):
        await moves.do(Verb.PUT, source, "home/put")
    assert await moves.mesh.read("home/put/good") == b"good"
    assert await moves.mesh.read("home/put/there") == b"theirs"
    assert {child.name for child in await moves.mesh.list_folder("home/put")} == {
        "good",
        "there",
        "blocked",
    }


async def test_a_file_that_fails_stops_no_other(moves: Moves, tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source, {name: name.encode() for name in "abcdef"})
    plan = await moves.plan(Verb.PUT, source, "home/put")
    (source / "c").unlink()
    (source / "d").unlink()
    with pytest.raises(
        TransferFailed, match=r"2 of 7 files and folders could not be moved\. .*does not exist"
    ):
        await run_job(moves.mesh, plan.job, moves.journal, plan=plan, terms=moves.terms)
    names = [child.name for child in await moves.mesh.list_folder("home/put")]
    assert names == ["a", "b", "e", "f"]
    (record,) = await moves.journal.list()
    assert record.transfer.state is TransferState.FAILED
    # A retry makes a new plan: what is there is not sent again.
    await moves.journal.retry(
        record.transfer.id, again(moves.mesh, moves.journal, terms=moves.terms)
    )
    (record,) = await moves.journal.list()
    assert (record.transfer.state, record.transfer.total) == (TransferState.DONE, 0)


async def test_names_of_a_hostile_site_lead_nowhere_else(
    moves: Moves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moves.mesh.mkdir("home/tree")
    await moves.mesh.upload("home/tree/good", b"good")
    (await moves.mesh.stat("home/tree/good"))
    true_list = moves.mesh.list_folder
    evil = ["..", ".", "../escaped", "/tmp/escaped", "a\0b", "x" * 256, "good"]

    async def listed(path: str):
        found = await true_list(path)
        return (
            found + [replace(found[0], name=name) for name in evil]
            if path == "home/tree"
            else found
        )

    monkeypatch.setattr(moves.mesh, "list_folder", listed)
    target = tmp_path / "in" / "target"
    target.parent.mkdir()
    plan = await moves.plan(Verb.GET, "home/tree", target)
    assert [step.name for step in plan.steps] == ["", "good"]
    assert len(plan.skipped) == len(evil)
    await run_job(moves.mesh, plan.job, moves.journal, plan=plan, terms=moves.terms)
    assert content_of(tmp_path / "in") == {"target": None, "target/good": b"good"}


async def test_a_link_in_the_target_is_not_gone_through(moves: Moves, tmp_path: Path) -> None:
    await moves.mesh.mkdir("home/tree/sub", parents=True)
    await moves.mesh.upload("home/tree/sub/a", b"a")
    await moves.mesh.upload("home/tree/b", b"b")
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    target.mkdir()
    elsewhere.mkdir()
    (target / "sub").symlink_to(elsewhere)
    with pytest.raises(TransferFailed, match="sub"):
        await moves.do(Verb.GET, "home/tree", target)
    assert list(elsewhere.iterdir()) == []
    assert (target / "b").read_bytes() == b"b"


async def test_a_login_that_has_ended_stops_all(moves: Moves, tmp_path: Path, monkeypatch) -> None:
    source = tmp_path / "source"
    fill(source, {str(number): b"x" for number in range(50)})
    plan = await moves.plan(Verb.PUT, source, "home/put")
    calls = 0

    async def ended(*_, **__) -> None:
        nonlocal calls
        calls += 1
        raise LoginEnded("Log in again.")

    monkeypatch.setattr(moves.mesh, "upload", ended)
    with pytest.raises(LoginEnded):
        await Batch(moves.mesh, plan, terms=moves.terms).run()
    assert calls <= 8


async def test_a_cancelled_job_leaves_nothing(moves: Moves, tmp_path: Path) -> None:
    fill(tmp_path / "source", {"big": noise(40 << 20), "other": noise(20 << 20)})
    started = asyncio.Event()

    def tell(batch: Batch) -> None:
        if batch.done > 1 << 20:
            started.set()

    job = Job(verb=Verb.PUT, source=str(tmp_path / "source"), target="home/put")
    plan = await make_plan(moves.mesh, job, moves.state / "sync")
    gate = moves.mesh._data.patch

    async def slow(*args, **kwargs):
        result = await gate(*args, **kwargs)
        await started.wait()
        await asyncio.sleep(3600)
        return result

    moves.mesh._data.patch = slow  # type: ignore[method-assign]
    running = asyncio.ensure_future(
        run_job(moves.mesh, job, moves.journal, plan=plan, terms=moves.terms, tell=tell)
    )
    await started.wait()
    (record,) = await moves.journal.list()
    await moves.journal.cancel(record.transfer.id)
    with pytest.raises(Cancelled):
        await running
    assert list(moves.terms.notes.folder.iterdir()) == []
    assert await moves.mesh.list_folder("home/put") == []


@pytest.fixture
async def pair(moves: Moves, tmp_path: Path) -> tuple[Moves, Path]:
    """A local folder that was pushed to home/there."""
    here = tmp_path / "here"
    fill(here, {"a": b"a", "b": b"b", "sub/c": b"c", "sub/d": b"d"})
    await moves.do(Verb.PUSH, here, "home/there")
    return moves, here


def steps(plan: Plan) -> dict[str, Action]:
    return {step.name: step.action for step in plan.steps}


async def test_push_sends_what_has_changed(pair: tuple[Moves, Path]) -> None:
    moves, here = pair
    plan = await moves.plan(Verb.PUSH, here, "home/there")
    assert (steps(plan), len(plan.same), plan.conflicts) == ({}, 4, [])
    fill(here, {"a": b"A", "new/e": b"e"})
    (here / "b").unlink()
    plan = await moves.plan(Verb.PUSH, here, "home/there")
    assert steps(plan) == {"new": Action.FOLDER, "new/e": Action.NEW, "a": Action.CHANGED}
    plan = await moves.plan(Verb.PUSH, here, "home/there", delete=True)
    assert steps(plan)["b"] is Action.DELETE
    await moves.do(Verb.PUSH, here, "home/there", delete=True)
    assert await moves.mesh.read("home/there/a") == b"A"
    assert not await moves.mesh.exists("home/there/b")
    assert "home/there/b" in [item.path for item in await moves.mesh.bin("home")]
    plan = await moves.plan(Verb.PUSH, here, "home/there", delete=True)
    assert steps(plan) == {}


async def test_push_never_overwrites_a_change_of_the_target(pair: tuple[Moves, Path]) -> None:
    moves, here = pair
    await moves.mesh.upload("home/there/a", b"theirs")
    await moves.mesh.upload("home/there/sub/c", b"theirs")
    await moves.mesh.upload("home/there/extra", b"theirs")
    fill(here, {"a": b"mine", "b": b"mine"})
    (here / "sub" / "c").unlink()
    plan = await moves.plan(Verb.PUSH, here, "home/there", delete=True)
    assert steps(plan) == {"b": Action.CHANGED, "extra": Action.DELETE}
    assert sorted(each.name for each in plan.conflicts) == ["a", "sub/c"]
    assert all("since the last sync" in each.why for each in plan.conflicts)
    await moves.mesh.upload("home/there/extra", b"changed after the plan")
    with pytest.raises(TransferFailed, match="it is not deleted"):
        await run_job(moves.mesh, plan.job, moves.journal, plan=plan, terms=moves.terms)
    assert await moves.mesh.read("home/there/a") == b"theirs"
    assert await moves.mesh.read("home/there/sub/c") == b"theirs"
    assert await moves.mesh.read("home/there/b") == b"mine"
    await moves.do(Verb.PUSH, here, "home/there", replace=True)
    assert await moves.mesh.read("home/there/a") == b"mine"


async def test_pull_keeps_what_did_not_come_from_the_mesh(moves: Moves, tmp_path: Path) -> None:
    here = tmp_path / "here"
    for name in ("a", "b", "c"):
        await moves.mesh.mkdir("home/there/sub", parents=True, exist_ok=True)
        await moves.mesh.upload(f"home/there/sub/{name}", name.encode())
    await moves.do(Verb.PULL, "home/there", here)
    assert content_of(here) == {"sub": None, "sub/a": b"a", "sub/b": b"b", "sub/c": b"c"}
    fill(here, {"sub/a": b"changed here", "mine": b"mine"})
    for name in ("a", "b"):
        await moves.mesh.upload(f"home/there/sub/{name}", b"new")
    await moves.mesh.delete("home/there/sub/c")
    plan = await moves.plan(Verb.PULL, "home/there", here, delete=True)
    assert steps(plan) == {"sub/b": Action.CHANGED, "sub/c": Action.DELETE}
    assert sorted(each.name for each in plan.conflicts) == ["mine", "sub/a"]
    with pytest.raises(Exception, match="2 files of the target stayed as they are"):
        await moves.do(Verb.PULL, "home/there", here, delete=True)
    assert content_of(here) == {
        "sub": None,
        "sub/a": b"changed here",
        "sub/b": b"new",
        "mine": b"mine",
    }


async def test_without_a_memory_equal_files_are_known_where_the_site_tells_checksums(
    pair: tuple[Moves, Path], site: RunningSite
) -> None:
    moves, here = pair
    moves.state = moves.state / "another machine"
    fill(here, {"a": b"A"})
    plan = await moves.plan(Verb.PUSH, here, "home/there")
    differ = sorted(each.name for each in plan.conflicts)
    if site.flavour == "spaces":
        assert (differ, sorted(plan.same)) == (["a"], ["b", "sub/c", "sub/d"])
    else:
        assert differ == ["a", "b", "sub/c", "sub/d"]
    assert steps(plan) == {}


async def test_nothing_is_deleted_when_the_source_cannot_be_read(
    pair: tuple[Moves, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    moves, here = pair
    (here / "a").unlink()
    true_scan = os.scandir

    def scan(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return true_scan(path)

    monkeypatch.setattr(os, "scandir", scan)
    plan = await moves.plan(Verb.PUSH, here, "home/there", delete=True)
    assert steps(plan) == {}
    assert [each.why for each in plan.skipped][-1] == (
        "Nothing is deleted: not all folders could be read."
    )
