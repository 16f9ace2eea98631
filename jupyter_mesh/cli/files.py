"""``jupyter mesh get | put | cp | sync``: content, between the mesh and here."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_mesh.cli.addresses import ANY_PATH, MESH_PATH, Address, find, is_mesh
from jupyter_mesh.cli.carrying import DRY_RUN, FORCE, RECURSIVE, Carrier, unfinished
from jupyter_mesh.cli.moving import Target
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, shown
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    IsADirectory,
    NotADirectory,
    NotFound,
)
from jupyter_mesh.paths import to_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.sessions import Session

STREAM = "-"
PIECE = 1 << 18


@click.command
@click.argument("words", metavar="PATH... [TARGET]", nargs=-1, required=True, type=ANY_PATH)
@FORCE
@RECURSIVE
@DRY_RUN
@AS_JSON
def get(
    words: tuple[str, ...],
    force: bool,
    recursive: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Download files and folders. PATHs are in the mesh, TARGET is local; after one PATH it may be left out: here.

    A TARGET that is a folder takes them in. "-" writes one file to standard output. A file has its name only when
    it is whole, and has the checksum that the site tells; what was broken off goes on where it stopped when the
    same command is given again. Several files come at a time. What is the same already is not fetched.

    \b
    With --json: an array with one object per file and folder; "why" is null or a sentence.
      action("folder" "new" "changed" "same" "conflict" "skipped" "failed")
      source target size(bytes, null for what is not moved) why

    \b
    Examples:
      jupyter mesh get home/data/points.csv
      jupyter mesh get -r home/data ./copy
      jupyter mesh get 'home/data/*.csv' .
      jupyter mesh get home/data/points.csv - | head -n 1
    """
    *paths, target = words if len(words) > 1 else (*words, ".")
    return run(
        "get",
        lambda session: _get(
            session, paths, target, force, recursive, Carrier(session, dry_run, as_json)
        ),
    )


async def _get(
    session: Session,
    paths: Sequence[str],
    target: str,
    force: bool,
    recursive: bool,
    carrier: Carrier,
) -> None:
    from jupyter_mesh.transfers.plans import Job, Verb

    found = await find(session, paths)
    if target == STREAM:
        from jupyter_mesh.cli.cat import write_out

        if len(found) > 1:
            raise InvalidRequest('Only one file can be written to "-"; see jupyter mesh cat.')
        await write_out(found[0])
        return
    if target.startswith("cs3://"):
        raise InvalidRequest(f"{target} is no local place. Within the mesh: jupyter mesh cp.")
    folder = Path(target)
    many = len(found) > 1 or target.endswith("/")
    if many and not await asyncio.to_thread(folder.is_dir):
        raise NotADirectory(f"{target} is no folder here; make it first.")

    async def fetch(one: Found) -> None:
        resource = await one.mesh.stat(one.path)
        if resource.is_directory and not recursive:
            raise IsADirectory(f"{one.path} is a folder: add -r to get it with all it holds.")
        place = await asyncio.to_thread(folder.absolute)
        job = Job(verb=Verb.GET, source=one.path, target=str(place), replace=force)
        # Of a folder that was broken off, the target is there, and is no folder to put it into.
        if await asyncio.to_thread(folder.is_dir) and not await unfinished(one.mesh, job):
            job = replace(job, target=str(place / (one.name or one.mesh.site)))
        await carrier.carry(one.mesh, job)

    await session.each(found, fetch)
    carrier.finish()


@click.command
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path())
@click.argument("path", type=MESH_PATH)
@FORCE
@RECURSIVE
@DRY_RUN
@AS_JSON
def put(
    sources: tuple[str, ...],
    path: str,
    force: bool,
    recursive: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Upload files and folders. SOURCEs are local, PATH is in the mesh; prints where they are then.

    A PATH that is a folder takes them in. The SOURCE "-" is standard input. What is replaced stays as a version. A
    file is there only when it is whole; what was broken off goes on where it stopped when the same command is given
    again. Several files go at a time. What is the same already is not sent. Links and pipes are left out.

    \b
    With --json: an array with one object per file and folder; "why" is null or a sentence.
      action("folder" "new" "changed" "same" "conflict" "skipped" "failed")
      source target size(bytes, null for what is not moved) why

    \b
    Examples:
      jupyter mesh put result.csv home/data
      jupyter mesh put -r figures home/results
      date | jupyter mesh put - home/data/now.txt
    """
    return run(
        "put",
        lambda session: _put(
            session, sources, path, force, recursive, Carrier(session, dry_run, as_json)
        ),
    )


async def _put(
    session: Session,
    sources: Sequence[str],
    path: str,
    force: bool,
    recursive: bool,
    carrier: Carrier,
) -> None:
    from jupyter_mesh.transfers.plans import Job, Verb

    to = await Target.look(session, path, several=len(sources) > 1)

    async def send(source: str) -> None:
        if source == STREAM:
            target = await _put_stream(to, force, carrier)
        else:
            local = await asyncio.to_thread(_checked_source, source, recursive)
            job = Job(verb=Verb.PUT, source=str(local), target=to.address.path, replace=force)
            if not await unfinished(to.mesh, job):
                job = replace(job, target=to.path_for(local.name))
            target = job.target
            await carrier.carry(to.mesh, job)
        if not carrier.as_json and not carrier.dry_run:
            print(shown(str(to.address.at(target))))

    await session.each(sources, send)
    carrier.finish()


def _checked_source(source: str, recursive: bool) -> Path:
    # Of "data/..", the name is needed: it is not in the path as it stands.
    local = Path(os.path.abspath(source))
    try:
        mode = local.stat().st_mode
    except (OSError, ValueError):
        raise NotFound(f'There is no file "{source}" here.') from None
    if stat.S_ISDIR(mode) and not recursive:
        raise IsADirectory(f"{source} is a folder: add -r to send it with all it holds.")
    return local


async def _put_stream(to: Target, force: bool, carrier: Carrier) -> str:
    """Upload standard input, whose length is known at its end: it waits on this machine's disk until then."""
    path = to.address.path
    if to.there is not None and to.there.is_directory:
        raise IsADirectory(f"{path} is a folder: say what standard input is called in it.")
    if carrier.dry_run:
        carrier.note("new", STREAM, to_url(to.mesh.site, path), 0)
        return path
    try:
        resource = await to.mesh.upload(path, _standard_input(), if_absent=not force)
    except AlreadyExists as error:
        raise AlreadyExists(
            f'There is already a "{path}" at {to.mesh.site}: choose another name, or add --force.'
        ) from error
    action = "new" if to.there is None else "changed"
    carrier.note(action, STREAM, to_url(to.mesh.site, path), resource.size)
    return path


async def _standard_input() -> AsyncIterator[bytes]:
    """The bytes of standard input as they come. Ctrl-C ends it at once: no thread waits for a terminal."""
    descriptor = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    while True:
        if is_file:
            piece = await asyncio.to_thread(os.read, descriptor, PIECE)
        else:
            ready = asyncio.Event()
            loop.add_reader(descriptor, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(descriptor)
            piece = os.read(descriptor, PIECE)
        if not piece:
            return
        yield piece


@click.command
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=ANY_PATH)
@click.argument("target", type=ANY_PATH)
@FORCE
@RECURSIVE
@DRY_RUN
@AS_JSON
def cp(
    sources: tuple[str, ...],
    target: str,
    force: bool,
    recursive: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Copy files and folders: from here to the mesh, from the mesh to here, or within the mesh.

    What begins with home/, projects/, shares/ or cs3:// is in the mesh, everything else is local: write ./home for
    a local folder named home. From here to the mesh it is "put", the other way it is "get". Within the mesh, also from
    one site to another, the content passes through this machine and does not stay here, since CS3 has no call for
    a copy.

    With --json: as "get" and "put" have it.

    \b
    Examples:
      jupyter mesh cp home/data/points.csv home/data/copy.csv
      jupyter mesh cp -r home/data home/backup
      jupyter mesh cp result.csv home/results.csv
      jupyter mesh cp home/data/points.csv ./points.csv
    """

    async def work(session: Session) -> None:
        carrier = Carrier(session, dry_run, as_json)
        here = [source for source in sources if not is_mesh(source)]
        if not is_mesh(target):
            if here:
                raise InvalidRequest(
                    f"{here[0]} and {target} are both on this machine. A place in the mesh begins with home/, "
                    "projects/, shares/ or cs3://."
                )
            await _get(session, sources, target, force, recursive, carrier)
        elif len(here) == len(sources):
            await _put(session, sources, target, force, recursive, carrier)
        elif here:
            raise InvalidRequest(
                f"{here[0]} is on this machine and others are in the mesh: copy them by two commands."
            )
        else:
            await _copy(session, sources, target, force, recursive, carrier)

    return run("cp", work)


async def _copy(
    session: Session,
    sources: Sequence[str],
    target: str,
    force: bool,
    recursive: bool,
    carrier: Carrier,
) -> None:
    from jupyter_mesh.cli.copying import copy

    found = await find(session, sources)
    to = await Target.look(session, target, several=len(found) > 1)

    async def each(one: Found) -> None:
        resource = await one.mesh.stat(one.path)
        if resource.is_directory and not recursive:
            raise IsADirectory(f"{one.path} is a folder: add -r to copy it with all it holds.")
        await copy(carrier, one, resource, to.mesh, to.path_for(one.name), force=force)

    await session.each(found, each)
    carrier.finish()


@click.command
@click.argument("source", type=ANY_PATH)
@click.argument("target", type=ANY_PATH)
@click.option(
    "--delete",
    is_flag=True,
    help="Also delete what SOURCE does not have: in the mesh it goes to the bin; here, only what came from the mesh.",
)
@click.option(
    "-f", "--force", is_flag=True, help="Also overwrite what was changed at TARGET on its own."
)
@DRY_RUN
@AS_JSON
def sync(source: str, target: str, delete: bool, force: bool, dry_run: bool, as_json: bool) -> int:
    """Make the folder TARGET what the folder SOURCE is; one of them is in the mesh, the other one is local.

    Files are compared by etag and checksum, not by time. Every step is printed before it is done. What was changed at
    TARGET since the last sync is not overwritten, and told of. What begins with home/, projects/, shares/ or cs3:// is
    in the mesh.

    With --json: as "get" and "put" have it, and the action "delete".

    \b
    Examples:
      jupyter mesh sync --dry-run home/data ./data
      jupyter mesh sync home/data ./data
      jupyter mesh sync --delete ./data home/data
    """

    async def work(session: Session) -> None:
        from jupyter_mesh.transfers.plans import Job, Verb

        if is_mesh(source) == is_mesh(target):
            raise InvalidRequest(
                "One of both must be in the mesh (home/…, projects/…, shares/… or cs3://…), the other one local."
            )
        up = is_mesh(target)
        address = Address.parse(target if up else source)
        mesh = await session.client(address.site)
        local = await asyncio.to_thread(os.path.abspath, source if up else target)
        carrier = Carrier(session, dry_run, as_json)
        job = Job(
            verb=Verb.PUSH if up else Verb.PULL,
            source=local if up else address.path,
            target=address.path if up else local,
            replace=force,
            delete=delete,
        )
        await carrier.carry(mesh, job, quiet=False)
        carrier.finish()

    return run("sync", work)
