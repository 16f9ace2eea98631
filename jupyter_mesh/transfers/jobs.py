"""A job done as a transfer that every program of the user can see, cancel and retry."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import Cancelled
from jupyter_mesh.transfers.batches import Batch
from jupyter_mesh.transfers.plans import Job, make_plan
from jupyter_mesh.transfers.terms import Terms

if TYPE_CHECKING:
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.transfers.batches import Tell
    from jupyter_mesh.transfers.journal import Journal, Progress, Record, Retry
    from jupyter_mesh.transfers.plans import Plan

__all__ = ["again", "run_job"]


async def run_job(
    client: MeshClient,
    job: Job,
    journal: Journal,
    *,
    plan: Plan | None = None,
    terms: Terms | None = None,
    tell: Tell | None = None,
    program: str = "",
    id: str = "",
) -> Batch:
    """Do a job, by the plan that was shown or a new one, and return what came of it.

    Raises what ``make_plan`` and ``Batch.run`` raise, and Cancelled when it was cancelled through the journal:
    then nothing is left of what was under way. After any other end a retry goes on where it stopped.
    """
    id = id or secrets.token_urlsafe(12)
    terms = replace(terms or Terms(), transfer=id)
    plan = plan or await make_plan(client, job, terms.memory)
    batches: list[Batch] = []

    async def work(progress: Progress) -> None:
        def told(batch: Batch) -> None:
            progress(batch.done, batch.total)
            if tell is not None:
                tell(batch)

        progress(0, plan.total)
        batches.append(Batch(client, plan, terms=terms, tell=told))
        await batches[0].run()

    try:
        await journal.run(
            job.kind,
            job.target,
            work,
            site=client.site,
            source=job.source,
            local=job.local,
            program=program,
            resume=job.as_json(),
            id=id,
        )
    except Cancelled:
        await terms.notes.discard(id)
        raise
    return batches[0]


def again(client: MeshClient, journal: Journal, *, terms: Terms | None = None) -> Retry:
    """What ``Journal.retry`` needs to do a job once more, at the site of ``client``."""

    async def retry(record: Record) -> None:
        job = Job.from_json(record.resume)
        await run_job(client, job, journal, terms=terms, id=record.transfer.id)

    return retry
