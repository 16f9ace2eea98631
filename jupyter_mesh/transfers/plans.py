"""What a move of a file or folder will do, before it is done: what is new, changed, the same, or in the way."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.models import TransferKind
from jupyter_mesh.paths import MeshPath, is_within, parent_of
from jupyter_mesh.several import each
from jupyter_mesh.transfers.checksums import checksum_of
from jupyter_mesh.transfers.memory import Memory
from jupyter_mesh.transfers.surveys import (
    Item,
    Skipped,
    Survey,
    is_below,
    survey_local,
    survey_mesh,
)

if TYPE_CHECKING:
    from jupyter_mesh.cs3 import MeshClient

__all__ = ["Action", "Job", "Plan", "Step", "Verb", "make_plan"]

HASHED_AT_ONCE = 2


class Verb(StrEnum):
    """What a job does: the first two and the last two move between this machine and the mesh."""

    GET = "get"
    PUT = "put"
    COPY = "copy"
    PULL = "pull"
    """Make a local folder what a folder of the mesh is: sync, downwards."""
    PUSH = "push"
    """Make a folder of the mesh what a local folder is: sync, upwards."""

    @property
    def is_up(self) -> bool:
        """True if the target is in the mesh."""
        return self not in (Verb.GET, Verb.PULL)

    @property
    def is_sync(self) -> bool:
        """True for PULL and PUSH."""
        return self in (Verb.PULL, Verb.PUSH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be moved where: a file or a folder with all it holds. Plain JSON by ``as_json``."""

    verb: Verb
    source: str
    """An absolute local path, or a mesh path."""
    target: str
    """What it is called there, not the folder it goes into."""
    replace: bool = False
    """Overwrite files of the target that differ. Of a sync: also those that were changed there on their own."""
    delete: bool = False
    """Of a sync: delete what the source does not have."""

    @property
    def kind(self) -> TransferKind:
        """As the list of transfers calls it."""
        if self.verb.is_sync:
            return TransferKind.SYNC
        kinds = {Verb.GET: TransferKind.DOWNLOAD, Verb.PUT: TransferKind.UPLOAD}
        return kinds.get(self.verb, TransferKind.COPY)

    @property
    def local(self) -> str:
        """The local path; "" for a copy inside the mesh."""
        if self.verb is Verb.COPY:
            return ""
        return self.source if self.verb.is_up else self.target

    @property
    def mesh(self) -> str:
        """The mesh path; of a copy, the new one."""
        return self.target if self.verb.is_up else self.source

    def as_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """The job; raises InvalidRequest for something else."""
        try:
            return cls(**{**facts, "verb": Verb(facts["verb"])})
        except (TypeError, ValueError, KeyError) as error:
            raise InvalidRequest("This transfer cannot be retried from here.") from error


class Action(StrEnum):
    """What one step does."""

    FOLDER = "folder"
    """Make a folder."""
    NEW = "new"
    CHANGED = "changed"
    """Overwrite a file."""
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One file or folder of a plan. ``name`` is its path below source and target, "" for themselves."""

    action: Action
    name: str
    size: int = 0
    before: Item | None = None
    """What is at the target: nothing else is overwritten or deleted."""
    source: Item | None = None


@dataclass(slots=True)
class Plan:
    """All steps of a job, and what is left out of it."""

    job: Job
    is_tree: bool
    """True if the source is a folder."""
    steps: list[Step] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    """Files that are there already."""
    conflicts: list[Skipped] = field(default_factory=list)
    """What differs at the target and is not overwritten."""
    skipped: list[Skipped] = field(default_factory=list)
    """What cannot be moved."""
    gone: dict[str, str] = field(default_factory=dict, repr=False)
    """What the folders hold that are deleted, by name; the identities of files."""
    memory: Memory | None = field(default=None, repr=False)

    @property
    def total(self) -> int:
        """Bytes to move."""
        return sum(step.size for step in self.steps)


async def make_plan(client: MeshClient, job: Job, memory: Path | None = None) -> Plan:
    """Find out what ``job`` will do; nothing is changed yet.

    Files are the same if they were when they were moved last and nothing has changed since, or if their
    checksums are equal, where the site tells them. ``memory`` is the folder where that is remembered, the one
    of the user by default. Raises NotFound without a source, InvalidRequest for a folder into itself.
    """
    if job.verb is Verb.COPY:
        return await _plan_copy(client, job)
    MeshPath.parse(job.mesh)
    mesh, local = await asyncio.gather(survey_mesh(client, job.mesh), survey_local(Path(job.local)))
    source, target = (local, mesh) if job.verb.is_up else (mesh, local)
    if not source.items:
        where = "here" if job.verb.is_up else f"at {client.site}"
        raise NotFound(f'There is no "{job.source}" {where}.')
    names = (client.site, (await client.whoami()).id, job.mesh, job.local)
    remembered = await asyncio.to_thread(Memory.load, memory, *names, up=job.verb.is_up)
    plan = Plan(job, source.items[""].is_directory, skipped=[*source.skipped], memory=remembered)
    await _compare(plan, source, target, remembered)
    if job.delete and job.verb.is_sync:
        if source.whole and target.whole:
            _plan_deletes(plan, source, target, remembered)
        else:
            plan.skipped.append(Skipped("", "Nothing is deleted: not all folders could be read."))
    return plan


async def _compare(plan: Plan, source: Survey, target: Survey, memory: Memory) -> None:
    job = plan.job
    doubtful: list[str] = []
    blocked: set[str] = set()
    for name, item in source.items.items():
        there = target.items.get(name)
        if is_below(name, blocked):
            continue
        if there is not None and there.is_directory != item.is_directory:
            blocked.add(name)
            what = "a folder" if there.is_directory else "a file"
            plan.conflicts.append(Skipped(name, f"{_named(job, name)} is {what} at the target."))
        elif item.is_directory:
            if there is None:
                plan.steps.append(Step(Action.FOLDER, name))
        elif there is None:
            plan.steps.append(Step(Action.NEW, name, item.size, None, item))
        elif memory.knows(name, item.identity, there.identity):
            plan.same.append(name)
        else:
            doubtful.append(name)

    async def decide(name: str) -> None:
        item, there = source.items[name], target.items[name]
        if await _is_equal(job, name, item, there):
            plan.same.append(name)
            memory.remember(name, item.identity, there.identity)
            return
        if job.replace or (job.verb.is_sync and memory.had(name) == there.identity):
            plan.steps.append(Step(Action.CHANGED, name, item.size, there, item))
            return
        if not job.verb.is_sync:
            why = "exists already at the target, with other content."
        elif memory.had(name):
            why = "was changed at the target since the last sync."
        else:
            why = "differs at the target, and was never synced from here."
        plan.conflicts.append(Skipped(name, f"{_named(job, name)} {why}"))

    await each(decide, doubtful, HASHED_AT_ONCE)


def _named(job: Job, name: str) -> str:
    return f'"{name or job.target}"'


async def _is_equal(job: Job, name: str, item: Item, there: Item) -> bool:
    """True if both are known to hold the same: the local one is read, if the site tells a checksum."""
    if item.size != there.size:
        return False
    if not item.size:
        return True
    told = item.checksum or there.checksum
    if told is None:
        return False
    path = Path(job.local, name)
    try:
        with await asyncio.to_thread(path.open, "rb") as file:
            return await checksum_of(file, item.size, told.algorithm) == told
    except OSError:
        return False  # The move itself will tell.


def _plan_deletes(plan: Plan, source: Survey, target: Survey, memory: Memory) -> None:
    """What only the target has. Locally nothing goes that did not come from the mesh as it is: there is no bin."""
    job = plan.job
    extra = [name for name in target.items if name not in source.items]
    kept: set[str] = set()
    for name in extra:
        item, had = target.items[name], memory.had(name)
        if (
            item.is_directory
            or had == item.identity
            or (job.verb.is_up and (not had or job.replace))
        ):
            continue
        kept.add(name)
        why = (
            "was changed at the target since the last sync" if had else "did not come from the mesh"
        )
        plan.conflicts.append(Skipped(name, f"{_named(job, name)} {why}: it is not deleted."))
    for name in list(kept):
        while name := parent_of(name):
            kept.add(name)
    skipped = {each.name for each in (*source.skipped, *target.skipped)}
    gone: set[str] = set()
    for name in extra:
        plan.gone[name] = target.items[name].identity
        holds = name in kept or any(is_within(other, name) for other in skipped)
        # In the mesh a folder goes with all it holds, as one entry of the bin.
        if not holds and not (job.verb.is_up and is_below(name, gone)):
            gone.add(name)
            plan.steps.append(Step(Action.DELETE, name, before=target.items[name]))


async def _plan_copy(client: MeshClient, job: Job) -> Plan:
    if is_within(str(MeshPath.parse(job.target)), str(MeshPath.parse(job.source))):
        raise InvalidRequest(f"{job.source} cannot be copied into itself.")
    source, target = await asyncio.gather(
        survey_mesh(client, job.source), survey_mesh(client, job.target)
    )
    if not source.items:
        raise NotFound(f'There is no "{job.source}" at {client.site}.')
    plan = Plan(job, source.items[""].is_directory, skipped=[*source.skipped])
    blocked: set[str] = set()
    for name, item in source.items.items():
        there = target.items.get(name)
        if is_below(name, blocked):
            continue
        if there is not None and not (there.is_directory and item.is_directory):
            blocked.add(name)
            if there.checksum is not None and there.checksum == item.checksum:
                plan.same.append(name)
                continue
            plan.conflicts.append(
                Skipped(name, f"{_named(job, name)} exists already at the target.")
            )
        elif item.is_directory:
            if there is None:
                plan.steps.append(Step(Action.FOLDER, name))
        else:
            plan.steps.append(Step(Action.NEW, name, item.size, None, item))
    return plan
