"""``jupyter mesh versions | restore | bin``: earlier contents, and what was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.addresses import MESH_PATH, Address
from jupyter_mesh.cli.facts import resource_facts, time_fact
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import (
    AS_JSON,
    YES,
    must_mean_it,
    print_json,
    print_lines,
    shown,
    size_text,
    time_text,
)
from jupyter_mesh.errors import AlreadyExists, InvalidRequest, NotFound
from jupyter_mesh.paths import to_url

if TYPE_CHECKING:
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import BinItem

LATEST = "latest"


@click.command
@click.argument("path", type=MESH_PATH)
@AS_JSON
def versions(path: str, as_json: bool) -> int:
    """List the earlier contents of a file, latest first: time, size and key.

    "restore" makes one the content again, "cat --version KEY" shows it.

    With --json: an array of {"key", "size", "modified", "etag"}.

    \b
    Examples:
      jupyter mesh versions home/data/points.csv
      jupyter mesh versions --json home/data/points.csv
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        # Sites list no versions of what does not exist, instead of saying so.
        await mesh.stat(address.path)
        found = await mesh.versions(address.path)
        if as_json:
            print_json(
                [
                    {
                        "key": one.key,
                        "size": one.size,
                        "modified": time_fact(one.modified),
                        "etag": one.etag or None,
                    }
                    for one in found
                ]
            )
        else:
            print_lines(
                f"{time_text(one.modified)}  {size_text(one.size):>8}  {shown(one.key)}"
                for one in found
            )

    return run("versions", work)


@click.command
@click.argument("path", type=MESH_PATH)
@click.argument("version")
@AS_JSON
def restore(path: str, version: str, as_json: bool) -> int:
    """Make an earlier VERSION the content of a file again; the present content becomes a version.

    VERSION is a key as "versions" shows it, or "latest" for the one before the present. What was deleted comes
    back by "bin restore".

    With --json: the file, with the keys of "stat --json".

    \b
    Examples:
      jupyter mesh restore home/data/points.csv latest
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        await mesh.stat(address.path)
        found = await mesh.versions(address.path)
        chosen = next((one for one in found if version in (one.key, LATEST)), None)
        if chosen is None:
            has = "it has none" if not found else f"see jupyter mesh versions {path}"
            raise NotFound(f'There is no version "{version}" of {path}: {has}.')
        resource = await mesh.restore_version(address.path, chosen.key)
        if as_json:
            print_json(resource_facts(resource, mesh.site))
        else:
            print(f"{shown(str(address))} has the content of {time_text(chosen.modified)} again.")

    return run("restore", work)


@click.group(invoke_without_command=True, subcommand_metavar="[list | restore | purge] …")
@click.pass_context
def bin(context: click.Context, /) -> int:
    """See what was deleted, put it back, or delete it for ever. Without a word: list the bin of home.

    Every space has a bin of its own: home, each project.
    """
    return 0 if context.invoked_subcommand else context.invoke(list_bin)


@bin.command("list")
@click.argument("path", default="home", type=MESH_PATH)
@AS_JSON
def list_bin(path: str = "home", as_json: bool = False) -> int:
    """List what was deleted in the space that holds PATH, latest first: time, size and where it was.

    \b
    With --json: an array of objects with these keys.
      key path url kind("file", "directory") size deleted(ISO 8601)

    \b
    Examples:
      jupyter mesh bin list
      jupyter mesh bin list projects/lofar
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        found = await mesh.bin(address.path)
        if as_json:
            print_json([_facts(item, mesh) for item in found])
        else:
            print_lines(_line(item, address) for item in found)

    return run("bin", work)


def _facts(item: BinItem, mesh: MeshClient) -> dict[str, Any]:
    return {
        "key": item.key,
        "path": item.path,
        "url": to_url(mesh.site, item.path),
        "kind": str(item.kind),
        "size": item.size,
        "deleted": time_fact(item.deleted),
    }


def _line(item: BinItem, address: Address) -> str:
    folder = item.kind == "directory"
    size = "-" if folder else size_text(item.size)
    name = shown(str(address.at(item.path))) + "/" * folder
    return f"{time_text(item.deleted)}  {size:>8}  {name}"


KEY = click.option(
    "--key", default="", metavar="KEY", help='The very one, as "bin list --json" tells it.'
)


@bin.command("restore")
@click.argument("path", type=MESH_PATH)
@click.option("--to", metavar="TARGET", type=MESH_PATH, help="Put it there, in the same space.")
@KEY
@AS_JSON
def restore_from_bin(path: str, to: str | None, key: str, as_json: bool) -> int:
    """Put back what was at PATH; of several, the one that was deleted last.

    Nothing is replaced: if the place is taken, give another one with --to.

    With --json: what came back, with the keys of "stat --json".

    \b
    Examples:
      jupyter mesh bin restore home/data/old.csv
      jupyter mesh bin restore home/data/old.csv --to home/data/again.csv
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        item = (await _deleted(mesh, address, key))[0]
        target = _same_site(to, mesh) if to else ""
        try:
            resource = await mesh.restore_from_bin(item, to=target)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"There is something at {target or item.path} again: put it elsewhere with --to TARGET."
            ) from error
        if as_json:
            print_json(resource_facts(resource, mesh.site))
        else:
            print(f"{shown(str(address.at(resource.path)))} is back.")

    return run("bin", work)


@bin.command
@click.argument("path", type=MESH_PATH)
@click.option("--all", "everything", is_flag=True, help="All that is in the bin of this space.")
@KEY
@YES
@AS_JSON
def purge(path: str, everything: bool, key: str, yes: bool, as_json: bool) -> int:
    """Delete for ever what was at PATH; with --all, empty the bin of the space that holds PATH.

    This cannot be undone: asks on a terminal, and needs --yes elsewhere.

    With --json: an array of what was deleted, with the keys of "bin list --json".

    \b
    Examples:
      jupyter mesh bin purge --yes home/data/old.csv
      jupyter mesh bin purge --all --yes home
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        if everything:
            items = await mesh.bin(address.path)
        else:
            items = await _deleted(mesh, address, key)
        what = items[0].path if len(items) == 1 else f"{len(items)} files and folders"
        if items:
            must_mean_it(f"Delete {what} for ever?", yes=yes)
        gone: list[BinItem] = []

        async def remove(item: BinItem) -> None:
            await mesh.purge_from_bin(item)
            gone.append(item)

        await session.each(items, remove)
        if as_json:
            print_json([_facts(item, mesh) for item in gone])

    return run("bin", work)


async def _deleted(mesh: MeshClient, address: Address, key: str) -> list[BinItem]:
    """What was at an address, latest first; at least one. Raises NotFound."""
    found = [
        item
        for item in await mesh.bin(address.path)
        if item.path == address.path and key in ("", item.key)
    ]
    if not found:
        raise NotFound(
            f"There is no {address} in the bin. See what is there: jupyter mesh bin list {address}."
        )
    return found


def _same_site(text: str, mesh: MeshClient) -> str:
    target = Address.parse(text)
    if target.site not in ("", mesh.site):
        raise InvalidRequest(
            f"{text} is at another site: what was deleted comes back where it was."
        )
    return target.path
