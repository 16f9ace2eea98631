"""How files are named on the command line, and what a pattern stands for."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from jupyter_mesh.errors import NotADirectory, NotFound
from jupyter_mesh.paths import AREAS, BY_ID, MeshPath, from_url, join, name_of, to_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Child

__all__ = ["ANY_PATH", "MESH_PATH", "Address", "Found", "find", "is_mesh"]

SCHEME = "cs3://"
PATTERN = re.compile(r"[*?\[]")


class PathOfMesh(click.ParamType[str]):
    """Takes any text, and completes paths of the mesh."""

    name = "path"

    def __init__(self, *, local: bool = False) -> None:
        self.local = local

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The folders and files that could follow; nothing when the site does not answer at once."""
        from jupyter_mesh.cli.candidates import candidates

        return candidates(incomplete, local=self.local)


MESH_PATH = PathOfMesh()
ANY_PATH = PathOfMesh(local=True)


@dataclass(frozen=True, slots=True)
class Address:
    """A place in the mesh. ``site`` is "" for the default site."""

    site: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``home/…`` or ``cs3://site/home/…``; raises InvalidRequest or NotFound for anything else."""
        if text.startswith(SCHEME):
            return cls(*from_url(text))
        return cls("", str(MeshPath.parse(text)))

    def at(self, path: str) -> Address:
        """Another path of the same site."""
        return Address(self.site, path)

    def __str__(self) -> str:
        return to_url(self.site, self.path) if self.site else self.path


def is_mesh(text: str) -> bool:
    """True for what names a place of the mesh where a local path could stand, too.

    That is ``cs3://…`` and whatever begins with home, projects or shares: ``./home`` is the local folder.
    """
    return text.startswith(SCHEME) or text.partition("/")[0] in (*AREAS, BY_ID)


@dataclass(frozen=True, slots=True)
class Found:
    """A path that was named, or that a pattern stood for, with the client of its site."""

    mesh: MeshClient
    address: Address

    @property
    def path(self) -> str:
        """The mesh path."""
        return self.address.path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return name_of(self.address.path)


async def find(session: Session, texts: Sequence[str]) -> list[Found]:
    """What the given paths and patterns stand for, in this order.

    A path without a pattern is not looked up. A pattern ("*", "?", "[…]" in any part, names with a dot in
    front only where the pattern has one) is its own name where something is called so. Raises NotFound for a
    pattern that fits nothing.
    """
    found: list[Found] = []
    for text in texts:
        address = Address.parse(text)
        mesh = await session.client(address.site)
        if not PATTERN.search(address.path) or await mesh.exists(address.path):
            found.append(Found(mesh, address))
            continue
        fitting = await _matches(mesh, address.path)
        if not fitting:
            raise NotFound(f'Nothing at {mesh.site} fits "{text}".')
        found.extend(Found(mesh, address.at(path)) for path in fitting)
    return found


async def _matches(mesh: MeshClient, pattern: str) -> list[str]:
    paths = [""]
    for part in pattern.split("/"):
        if not PATTERN.search(part):
            paths = [join(path, part) for path in paths]
            continue
        fits = re.compile(fnmatch.translate(part)).match
        hidden = part.startswith(".")
        paths = [
            join(path, child.name)
            for path in paths
            for child in await _children(mesh, path)
            if fits(child.name) and (hidden or not child.name.startswith("."))
        ]
    if PATTERN.search(pattern.rpartition("/")[2]):
        return sorted(paths)
    return sorted([path for path in paths if await mesh.exists(path)])


async def _children(mesh: MeshClient, path: str) -> Sequence[Child]:
    try:
        return await mesh.children(path)
    except (NotFound, NotADirectory):
        return []
