"""``jupyter mesh ls | tree | stat``: what is there."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.addresses import MESH_PATH, find
from jupyter_mesh.cli.facts import resource_facts
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import (
    AS_JSON,
    has_colours,
    print_json,
    print_lines,
    shown,
    size_text,
    time_text,
)
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Child, Resource

FOLDERS_AT_ONCE = 8


@click.command
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=MESH_PATH)
@click.option("-l", "--long", is_flag=True, help="With size and time.")
@AS_JSON
def ls(paths: tuple[str, ...], long: bool, as_json: bool) -> int:
    """List folders, or show that a file is there. Without a PATH: the areas home, projects and shares.

    Folders come first and end in a slash. On a terminal, characters of a name that would drive the terminal are
    shown as escapes.

    With --json: an array of all entries, with the keys of "stat --json".

    \b
    Examples:
      jupyter mesh ls home
      jupyter mesh ls -l home/data projects
      jupyter mesh ls 'home/data/*.csv'
      jupyter mesh ls --json home/data
    """

    async def work(session: Session) -> None:
        entries: list[dict[str, Any]] = []
        given = await find(session, paths or [""])
        await session.each(
            given, lambda one: _list(one, long, len(given) > 1, entries if as_json else None)
        )
        if as_json:
            print_json(entries)

    return run("ls", work)


async def _list(
    given: Found, long: bool, several: bool, entries: list[dict[str, Any]] | None
) -> None:
    resource = await given.mesh.stat(given.path)
    if entries is not None:
        listed = [resource]
        if resource.is_directory:
            listed = await given.mesh.list_folder(given.path)
        listed.sort(key=_order)
        # Ten thousand of them are a quarter of a second.
        entries += await asyncio.to_thread(
            lambda: [resource_facts(entry, given.mesh.site) for entry in listed]
        )
        return
    if not resource.is_directory:
        name = str(given.address) if several else resource.name
        print(_line(resource, long, name))
        return
    children = await given.mesh.children(given.path)
    if several:
        print(f"{shown(str(given.address))}:")
    children.sort(key=_order)
    print_lines(_line(child, long) for child in children)


def _order(entry: Resource | Child) -> tuple[bool, str, str]:
    return (not entry.is_directory, entry.name.casefold(), entry.name)


def _line(entry: Resource | Child, long: bool, name: str = "") -> str:
    text = _name(entry, name)
    if not long:
        return text
    size = "-" if entry.is_directory else size_text(entry.size)
    return f"{size:>8}  {time_text(entry.modified)}  {text}"


def _name(entry: Resource | Child, name: str = "") -> str:
    text = shown(name or entry.name) + "/" * entry.is_directory
    if entry.is_directory and has_colours(sys.stdout):
        return click.style(text, fg="blue", bold=True)
    return text


@click.command
@click.argument("path", default="home", type=MESH_PATH)
@click.option(
    "-L", "--depth", type=click.IntRange(min=1), metavar="N", help="At most N folders deep."
)
@AS_JSON
def tree(path: str, depth: int | None, as_json: bool) -> int:
    """Show a folder with all that is below it. Without a PATH: home.

    A folder that cannot be listed is told of, and the others are shown.

    With --json: the folder with the keys of "stat --json", and "children" in every folder that was listed.

    \b
    Examples:
      jupyter mesh tree home/data
      jupyter mesh tree -L 1 projects
    """

    async def work(session: Session) -> None:
        (top,) = await find(session, [path])
        resource = await top.mesh.stat(top.path)
        grown = _Tree(session, top.mesh, depth)
        if as_json:
            print_json(await grown.facts(resource))
            return
        print(_name(resource, str(top.address)))
        if resource.is_directory:
            await grown.show(top.path)

    return run("tree", work)


@dataclass
class _Tree:
    """Walks a tree in the order in which it is shown; the folders of one folder are listed side by side."""

    session: Session
    mesh: MeshClient
    depth: int | None

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(FOLDERS_AT_ONCE)

    async def show(self, path: str, indent: str = "", level: int = 1) -> None:
        """Print what is below a folder."""
        await self._show(await self._listing(path), indent, level)

    async def _show(self, children: list[Resource], indent: str, level: int) -> None:
        deeper = self.depth is None or level < self.depth
        below = {
            child.path: asyncio.create_task(self._listing(child.path))
            for child in children
            if child.is_directory and deeper
        }
        try:
            for child in children:
                last = child is children[-1]
                print(f"{indent}{'└── ' if last else '├── '}{_name(child)}", flush=True)
                if child.path in below:
                    listed = await below[child.path]
                    await self._show(listed, indent + ("    " if last else "│   "), level + 1)
        finally:
            for task in below.values():
                task.cancel()

    async def facts(self, resource: Resource, level: int = 0) -> dict[str, Any]:
        """The resource, with its children as far as they are asked for."""
        facts = resource_facts(resource, self.mesh.site)
        if resource.is_directory and (self.depth is None or level < self.depth):
            children = await self._listing(resource.path)
            facts["children"] = await asyncio.gather(
                *(self.facts(child, level + 1) for child in children)
            )
        return facts

    async def _listing(self, path: str) -> list[Resource]:
        async with self.slots:
            try:
                return sorted(await self.mesh.list_folder(path), key=_order)
            except MeshError as error:
                self.session.fail(error)
                return []


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=MESH_PATH)
@AS_JSON
def stat(paths: tuple[str, ...], as_json: bool) -> int:
    """Tell all that the site tells of files and folders.

    \b
    With --json: an array of objects with these keys; what the site does not tell is null.
      path url name kind("file", "directory") size(bytes) modified(ISO 8601)
      etag id mimetype checksum("sha1:…") permissions(array) owner
      locked locked_by processing

    \b
    Examples:
      jupyter mesh stat home/data/points.csv
      jupyter mesh stat --json 'home/data/*.csv'
    """

    async def work(session: Session) -> None:
        found: list[dict[str, Any]] = []

        async def look(one: Found) -> None:
            facts = resource_facts(await one.mesh.stat(one.path), one.mesh.site)
            if as_json:
                found.append(facts)
            else:
                print_lines(_sheet(facts))

        await session.each(await find(session, paths), look)
        if as_json:
            print_json(found)

    return run("stat", work)


def _sheet(facts: dict[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        if value in (None, False, ""):
            continue
        text = ", ".join(_texts(value)) if isinstance(value, list) else str(value)
        yield f"{key.replace('_', ' '):<12} {shown('yes' if value is True else text)}"
    yield ""


def _texts(values: Sequence[object]) -> list[str]:
    return [str(value).replace("_", " ") for value in values]
