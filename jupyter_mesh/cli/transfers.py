"""``jupyter mesh transfers``: what any program of yours moves, or has moved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.facts import time_fact
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, print_json, print_lines, shown, size_text, time_text
from jupyter_mesh.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.transfers.journal import Journal, Record

# Ids may begin with a dash.
ANY_WORD = {"ignore_unknown_options": True}


@click.group(invoke_without_command=True, subcommand_metavar="[list | cancel | retry | forget] …")
@click.pass_context
def transfers(context: click.Context, /) -> int:
    """See what is moved by any program of yours on this machine; cancel it, or try it again.

    Without a word: list them.
    """
    return 0 if context.invoked_subcommand else context.invoke(list_transfers)


@transfers.command("list")
@AS_JSON
def list_transfers(as_json: bool = False) -> int:
    """List transfers, oldest first: id, state, how far, and what.

    \b
    With --json: an array of objects with these keys.
      id kind("upload" "download" "copy" "sync")
      state("running" "done" "failed" "cancelled") path source local site
      done total(bytes, or null) message started(ISO 8601) program pid can_retry

    \b
    Examples:
      jupyter mesh transfers
      jupyter mesh transfers list --json
    """
    from jupyter_mesh.transfers.journal import Journal

    records = asyncio.run(Journal().list())
    if as_json:
        print_json([_facts(record) for record in records])
    else:
        print_lines(_line(record) for record in records)
    return 0


def _facts(record: Record) -> dict[str, Any]:
    transfer = record.transfer
    return {
        "id": transfer.id,
        "kind": str(transfer.kind),
        "state": str(transfer.state),
        "path": transfer.path,
        "source": transfer.source or None,
        "local": record.local or None,
        "site": record.site,
        "done": transfer.done,
        "total": transfer.total,
        "message": transfer.message or None,
        "started": time_fact(transfer.started),
        "program": record.program,
        "pid": record.pid,
        "can_retry": record.can_retry,
    }


def _line(record: Record) -> str:
    transfer = record.transfer
    total = f" of {size_text(transfer.total)}" if transfer.total is not None else ""
    far = f"{size_text(transfer.done)}{total}"
    why = f"  {transfer.message}" if transfer.message else ""
    return (
        f"{transfer.id}  {time_text(transfer.started)}  {transfer.state:<9}  {far:<18}  "
        f"{transfer.kind} {shown(transfer.path)}{shown(why)}"
    )


@transfers.command(context_settings=ANY_WORD)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def cancel(ids: tuple[str, ...]) -> int:
    """Stop transfers, whichever program runs them. Nothing half done has the final name.

    An ID may be shortened as long as it stays clear.

    \b
    Examples:
      jupyter mesh transfers cancel Zb3
    """
    from jupyter_mesh.transfers.journal import Journal

    async def work(session: Session) -> None:
        journal = Journal()

        async def stop(id: str) -> None:
            await journal.cancel((await _named(journal, id)).transfer.id)

        await session.each(ids, stop)

    return run("transfers", work)


@transfers.command(context_settings=ANY_WORD)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def retry(ids: tuple[str, ...]) -> int:
    """Go on with transfers that failed or were interrupted, here and where they stopped.

    \b
    Examples:
      jupyter mesh transfers retry Zb3
    """
    from jupyter_mesh.transfers.journal import Journal

    async def work(session: Session) -> None:
        journal = Journal()
        await session.each(ids, lambda id: _retry(session, journal, id))

    return run("transfers", work)


async def _retry(session: Session, journal: Journal, id: str) -> None:
    from jupyter_mesh.cli.bars import Bars
    from jupyter_mesh.paths import name_of
    from jupyter_mesh.transfers.jobs import run_job
    from jupyter_mesh.transfers.plans import Job
    from jupyter_mesh.transfers.terms import Terms

    record = await _named(journal, id)
    mesh = await session.client(record.site)
    with Bars(name_of(record.transfer.path)) as bars:

        async def again(record: Record) -> None:
            await run_job(
                mesh,
                Job.from_json(record.resume),
                journal,
                terms=Terms(say=bars.say),
                tell=bars.tell,
                program="jupyter mesh transfers retry",
                id=record.transfer.id,
            )

        await journal.retry(record.transfer.id, again)


@transfers.command(context_settings=ANY_WORD)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def forget(ids: tuple[str, ...]) -> int:
    """Drop transfers that have ended from the list.

    \b
    Examples:
      jupyter mesh transfers forget Zb3
    """
    from jupyter_mesh.transfers.journal import Journal

    async def work(session: Session) -> None:
        journal = Journal()

        async def drop(id: str) -> None:
            await journal.forget((await _named(journal, id)).transfer.id)

        await session.each(ids, drop)

    return run("transfers", work)


async def _named(journal: Journal, id: str) -> Record:
    """The transfer whose id begins so."""
    found = [record for record in await journal.list() if record.transfer.id.startswith(id)]
    if not found:
        raise NotFound(f'There is no transfer "{id}". See what there is: jupyter mesh transfers.')
    exact = [record for record in found if record.transfer.id == id]
    if len(found) > 1 and not exact:
        raise InvalidRequest(f'Several transfers begin with "{id}": give more of the id.')
    return (exact or found)[0]
