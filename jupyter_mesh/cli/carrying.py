"""What get, put, cp and sync have in common: a job is planned, shown or done, and told about."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.bars import Bars
from jupyter_mesh.cli.terminal import complain, print_json, shown, size_text
from jupyter_mesh.errors import AlreadyExists, Cancelled, LoginEnded, MeshError, Unavailable
from jupyter_mesh.paths import name_of, to_url

if TYPE_CHECKING:
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.transfers.batches import Batch
    from jupyter_mesh.transfers.journal import Record
    from jupyter_mesh.transfers.plans import Job, Plan

__all__ = ["DRY_RUN", "FORCE", "RECURSIVE", "Carrier", "unfinished"]

DRY_RUN = click.option(
    "-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing."
)
FORCE = click.option("-f", "--force", is_flag=True, help="Replace files that differ.")
RECURSIVE = click.option("-r", "--recursive", is_flag=True, help="Folders too, with all they hold.")

MOST_COMPLAINTS = 20


@dataclass
class Carrier:
    """Does the jobs of one command, and gathers what it tells about them."""

    session: Session
    dry_run: bool = False
    as_json: bool = False
    told: list[dict[str, Any]] = field(default_factory=list)
    """What ``--json`` prints: one entry per file and folder."""

    async def carry(self, mesh: MeshClient, job: Job, *, quiet: bool = True) -> None:
        """Plan a job and do it. Unless ``quiet``, every step is printed first.

        Raises AlreadyExists for a single file that is in the way. In a tree, what is in the way and what fails is
        told of, and the rest is done.
        """
        from jupyter_mesh.transfers.jobs import run_job
        from jupyter_mesh.transfers.journal import Journal
        from jupyter_mesh.transfers.plans import make_plan
        from jupyter_mesh.transfers.terms import Terms

        plan = await make_plan(mesh, job)
        broken = await unfinished(mesh, job)
        if plan.conflicts and not plan.conflicts[0].name:
            raise _taken(mesh, job)
        if not self.as_json and (self.dry_run or not quiet):
            self._show(plan)
        if self.dry_run:
            self._note(mesh, plan, {}, done=False)
            return
        batches: list[Batch] = []
        with Bars(name_of(job.target)) as bars:

            def tell(batch: Batch) -> None:
                batches[:] = [batch]
                bars.tell(batch)

            try:
                if plan.steps:
                    await run_job(
                        mesh,
                        job,
                        Journal(),
                        plan=plan,
                        terms=Terms(say=bars.say),
                        tell=tell,
                        program=f"jupyter mesh {self.session.verb}",
                        id=broken.transfer.id if broken else "",
                    )
            except (LoginEnded, Unavailable, Cancelled):
                raise
            except MeshError:
                if not plan.is_tree or not ((batches and batches[0].failures) or plan.conflicts):
                    raise
            except asyncio.CancelledError:
                if sys.stderr.isatty():
                    bars.say("Stopped. The same command goes on where it was.")
                raise
        failures = {step.name: error for step, error in batches[0].failures} if batches else {}
        self._note(mesh, plan, {name: str(error) for name, error in failures.items()}, done=True)
        self._complain(plan, list(failures.values()))

    def finish(self) -> None:
        """Print the one document, if it was asked for."""
        if self.as_json:
            print_json(self.told)

    def note(self, action: str, source: str, target: str, size: int) -> None:
        """Note one thing that was done outside of a plan."""
        self.told.append(
            {"action": action, "source": source, "target": target, "size": size, "why": None}
        )

    def _show(self, plan: Plan) -> None:
        for step in plan.steps:
            size = "" if step.action in ("folder", "delete") else size_text(step.size)
            print(f"{step.action:<8} {size:>8}  {shown(_below(plan.job.target, step.name))}")
        counts = [f"{len(plan.steps)} to do, {size_text(plan.total)}", f"{len(plan.same)} the same"]
        if plan.conflicts:
            counts.append(f"{len(plan.conflicts)} in the way")
        if plan.skipped:
            counts.append(f"{len(plan.skipped)} left out")
        print("; ".join(counts), flush=True)

    def _note(self, mesh: MeshClient, plan: Plan, failures: dict[str, str], *, done: bool) -> None:
        if not self.as_json:
            return
        job = plan.job

        def entry(action: str, name: str, size: int | None, why: str | None) -> dict[str, Any]:
            source, target = (_below(base, name) for base in (job.source, job.target))
            if job.verb.is_up:
                target = to_url(mesh.site, target)
            else:
                source = to_url(mesh.site, source)
            return {"action": action, "source": source, "target": target, "size": size, "why": why}

        for step in plan.steps:
            why = failures.get(step.name)
            self.told.append(
                entry("failed" if why else str(step.action), step.name, step.size, why)
            )
        self.told += [entry("same", name, None, None) for name in plan.same]
        self.told += [entry("conflict", one.name, None, one.why) for one in plan.conflicts]
        self.told += [entry("skipped", one.name, None, one.why) for one in plan.skipped]

    def _complain(self, plan: Plan, failures: list[MeshError]) -> None:
        """Tell what did not go; links and pipes that were left out are no failures."""
        for one in plan.skipped[:MOST_COMPLAINTS]:
            complain(self.session.verb, one.why)
        sentences = [str(error) for error in failures] + [one.why for one in plan.conflicts]
        for sentence in sentences[:MOST_COMPLAINTS]:
            complain(self.session.verb, sentence)
        if len(sentences) > MOST_COMPLAINTS:
            complain(self.session.verb, f"And {len(sentences) - MOST_COMPLAINTS} more.")
        if plan.conflicts:
            complain(self.session.verb, "What is in the way stayed as it was; --force replaces it.")
        self.session.failed |= bool(sentences)


async def unfinished(mesh: MeshClient, job: Job) -> Record | None:
    """The same job, if it was broken off: it goes on under its place in the list."""
    from jupyter_mesh.transfers.journal import Journal

    wanted = job.as_json() | {"replace": True}
    for record in reversed(await Journal().list()):
        if (
            record.site == mesh.site
            and record.can_retry
            and record.resume | {"replace": True} == wanted
        ):
            return record
    return None


def _below(base: str, name: str) -> str:
    return f"{base}/{name}" if name else base


def _taken(mesh: MeshClient, job: Job) -> AlreadyExists:
    where = f"at {mesh.site}" if job.verb.is_up else "here"
    return AlreadyExists(
        f'There is already a "{job.target}" {where}: choose another name, or add --force.'
    )
