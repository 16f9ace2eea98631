"""``jupyter mesh ls | get | put``: a look at a site, a file from it, a file to it."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists, InvalidRequest, MeshError, NotFound

if TYPE_CHECKING:
    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Resource

Work = Callable[["MeshClient", argparse.Namespace], Awaitable[None]]

ADDRESS = "home/…, projects/…, shares/… or cs3://site/…"


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three verbs."""
    note = "The site comes from MESH_GATEWAY and MESH_TOKEN_FILE, as set in a server that a hub started."
    ls = verbs.add_parser(
        "ls", help="list a folder of the mesh", description=f"List a folder. {note}"
    )
    ls.add_argument("path", nargs="?", default="", help=f"{ADDRESS}; left out: the areas")
    ls.add_argument("-l", "--long", action="store_true", help="with size and time")
    ls.set_defaults(func=lambda args: _run(_list, args))

    get = verbs.add_parser(
        "get", help="copy a file from the mesh to here", description=f"Download a file. {note}"
    )
    get.add_argument("path", help=ADDRESS)
    get.add_argument(
        "target", nargs="?", type=Path, default=Path(), help="local file or folder (default: here)"
    )
    get.add_argument("-f", "--force", action="store_true", help="replace a local file")
    get.set_defaults(func=lambda args: _run(_get, args))

    put = verbs.add_parser(
        "put", help="copy a local file to the mesh", description=f"Upload a file. {note}"
    )
    put.add_argument("source", type=Path, help="local file")
    put.add_argument("path", help=f"{ADDRESS}; a folder keeps the name of the file")
    put.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="replace a file of the mesh (the old one stays as a version)",
    )
    put.set_defaults(func=lambda args: _run(_put, args))


def _run(work: Work, args: argparse.Namespace) -> int:
    from jupyter_mesh.cs3 import connect
    from jupyter_mesh.paths import MeshPath, from_url

    site = ""
    if args.path.startswith("cs3://"):
        site, args.path = from_url(args.path)
    else:
        args.path = str(MeshPath.parse(args.path))

    async def connected() -> None:
        async with connect(site) as mesh:
            await work(mesh, args)

    asyncio.run(connected())
    return 0


async def _list(mesh: MeshClient, args: argparse.Namespace) -> None:
    resource = await mesh.stat(args.path)
    entries = await mesh.list_folder(args.path) if resource.is_directory else [resource]
    for entry in sorted(entries, key=lambda entry: (not entry.is_directory, entry.name.casefold())):
        print(_line(entry) if args.long else _name(entry))


def _name(entry: Resource) -> str:
    return entry.name + "/" * entry.is_directory


def _line(entry: Resource) -> str:
    return f"{entry.size:>14,}  {entry.modified.astimezone():%Y-%m-%d %H:%M}  {_name(entry)}"


async def _get(mesh: MeshClient, args: argparse.Namespace) -> None:
    target = args.target / args.path.rpartition("/")[2] if args.target.is_dir() else args.target
    if target.exists() and not args.force:
        raise AlreadyExists(
            f'There is already a "{target}" here: choose another name, or add --force.'
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            async with mesh.download(args.path) as download:
                async for chunk in download:
                    await asyncio.to_thread(file.write, chunk)
        temporary.replace(target)
    except MeshError:
        raise
    except OSError as error:
        raise InvalidRequest(
            f'"{target}" cannot be written ({error.strerror}): choose another place.'
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


async def _put(mesh: MeshClient, args: argparse.Namespace) -> None:
    if not args.source.is_file():
        raise NotFound(f'There is no file "{args.source}" here.')
    path = args.path
    with suppress(NotFound):
        if (await mesh.stat(path)).is_directory:
            path = f"{path}/{args.source.name}"
    try:
        await mesh.upload(path, args.source, if_absent=not args.force)
    except AlreadyExists as error:
        raise AlreadyExists(
            f'There is already a "{path}" at {mesh.site}: choose another name, or add --force.'
        ) from error
    print(path)
