"""``jupyter mesh mv | mkdir | rm``: names, without content."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.addresses import MESH_PATH, Address, find
from jupyter_mesh.cli.facts import resource_facts
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, YES, ask, escaped, print_json
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    IsADirectory,
    NotADirectory,
    NotFound,
)
from jupyter_mesh.paths import SHARES, MeshPath, join, name_of, to_url

if TYPE_CHECKING:
    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Resource

__all__ = ["Target"]


class Target:
    """Where something goes: into the folder that was named, or under the name that was given."""

    def __init__(self, mesh: MeshClient, address: Address, there: Resource | None) -> None:
        self.mesh = mesh
        self.address = address
        self.there = there

    @classmethod
    async def look(cls, session: Session, text: str, *, several: bool) -> Target:
        """See what is there. Raises NotFound or NotADirectory where a folder is needed and there is none."""
        address = Address.parse(text)
        mesh = await session.client(address.site)
        there: Resource | None = None
        try:
            there = await mesh.stat(address.path)
        except NotFound:
            if several or text.endswith("/"):
                raise NotFound(
                    f"The folder {text} does not exist. Make it first: jupyter mesh mkdir -p {shlex.quote(text)}."
                ) from None
        if there is not None and not there.is_directory and (several or text.endswith("/")):
            raise NotADirectory(f"{text} is a file; several things go into a folder.")
        return cls(mesh, address, there)

    def path_for(self, name: str) -> str:
        """The mesh path that something of this name gets."""
        if self.there is not None and self.there.is_directory:
            return join(self.address.path, name)
        return self.address.path


@click.command
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=MESH_PATH)
@click.argument("target", type=MESH_PATH)
@click.option("-f", "--force", is_flag=True, help="Replace a file; the old one goes to the bin.")
@AS_JSON
def mv(sources: tuple[str, ...], target: str, force: bool, as_json: bool) -> int:
    """Move or rename files and folders within a site.

    A TARGET that is a folder takes them in. Ids, shares and versions stay with a file that moves within a
    space. From one site to another: "cp", then "rm".

    With --json: an array of {"source", "target"} with URLs.

    \b
    Examples:
      jupyter mesh mv home/data/points.csv home/data/first.csv
      jupyter mesh mv 'home/data/*.csv' home/archive/
    """

    async def work(session: Session) -> None:
        moved: list[dict[str, str]] = []
        found = await find(session, sources)
        to = await Target.look(session, target, several=len(found) > 1)

        async def move(one: Found) -> None:
            if one.mesh is not to.mesh:
                raise InvalidRequest(
                    f"{one.path} cannot be moved to another site. Copy it (jupyter mesh cp), then delete it."
                )
            path = to.path_for(one.name)
            try:
                await one.mesh.move(one.path, path, replace=force)
            except AlreadyExists as error:
                raise AlreadyExists(
                    f'There is already a "{path}" at {one.mesh.site}: choose another name, or add --force.'
                ) from error
            site = one.mesh.site
            moved.append({"source": to_url(site, one.path), "target": to_url(site, path)})

        await session.each(found, move)
        if as_json:
            print_json(moved)

    return run("mv", work)


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=MESH_PATH)
@click.option(
    "-p",
    "--parents",
    is_flag=True,
    help="Make the folders above as well; one that is there is fine.",
)
@AS_JSON
def mkdir(paths: tuple[str, ...], parents: bool, as_json: bool) -> int:
    """Make folders.

    With --json: an array of the folders, with the keys of "stat --json".

    \b
    Examples:
      jupyter mesh mkdir home/plots
      jupyter mesh mkdir -p home/results/2026/november
    """

    async def work(session: Session) -> None:
        made: list[dict[str, Any]] = []

        async def make(text: str) -> None:
            address = Address.parse(text)
            mesh = await session.client(address.site)
            folder = await mesh.mkdir(address.path, parents=parents, exist_ok=parents)
            made.append(resource_facts(folder, mesh.site))

        await session.each(paths, make)
        if as_json:
            print_json(made)

    return run("mkdir", work)


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=MESH_PATH)
@click.option("-r", "--recursive", is_flag=True, help="Folders too, with all they hold.")
@YES
@AS_JSON
def rm(paths: tuple[str, ...], recursive: bool, yes: bool, as_json: bool) -> int:
    """Move files and folders to the bin of their space.

    Asks first on a terminal. Says how to get them back. The mount of a share (shares/NAME) is left, not
    deleted. For ever: "jupyter mesh bin purge".

    With --json: an array of {"path", "url", "kind", "bin"}; "bin" is false for a share that was left.

    \b
    Examples:
      jupyter mesh rm home/data/old.csv
      jupyter mesh rm -r home/results/2026
    """

    async def work(session: Session) -> None:
        removed: list[dict[str, Any]] = []
        going: list[tuple[Found, Resource]] = []

        async def look(one: Found) -> None:
            resource = await one.mesh.stat(one.path)
            if resource.is_directory and not recursive and not _is_share(one):
                raise IsADirectory(
                    f"{one.path} is a folder: add -r to delete it with all it holds."
                )
            going.append((one, resource))

        async def remove(item: tuple[Found, Resource]) -> None:
            one, resource = item
            await one.mesh.delete(one.path)
            facts = {"path": one.path, "url": to_url(one.mesh.site, one.path)}
            removed.append({**facts, "kind": str(resource.kind), "bin": not _is_share(one)})
            if not as_json:
                print(_farewell(one))

        await session.each(await find(session, paths), look)
        if going:
            ask(_question(going), yes=yes)
        await session.each(going, remove)
        if as_json:
            print_json(removed)

    return run("rm", work)


def _is_share(one: Found) -> bool:
    """True for the mount of a share itself."""
    parsed = MeshPath.parse(one.path)
    return parsed.area == SHARES and parsed.is_space_root


def _question(going: list[tuple[Found, Resource]]) -> str:
    if len(going) > 1:
        return f"Move {len(going)} files and folders to the bin?"
    ((one, resource),) = going
    if _is_share(one):
        return f"Leave the share {one.path}?"
    with_all = " with all it holds" if resource.is_directory else ""
    return f"Move {one.path}{with_all} to the bin?"


def _farewell(one: Found) -> str:
    if _is_share(one):
        return f"You left the share {escaped(name_of(one.path))}. Its files stay with their owner."
    address = escaped(str(one.address))
    if MeshPath.parse(one.path).area == SHARES:
        return f"{address} went to the bin of whoever shares it, if their site has one."
    back = f"jupyter mesh bin restore {shlex.quote(address)}"
    return f"{address} went to the bin. To get it back: {back}"
