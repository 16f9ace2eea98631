"""``jupyter mesh get | put``: a file from a site, a file to it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_mesh.errors import AlreadyExists, InvalidRequest, MeshError, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cs3.client import MeshClient


@click.command
@click.argument("path")
@click.argument("target", type=click.Path(path_type=Path), default=Path())
@click.option("-f", "--force", is_flag=True, help="Replace a local file.")
def get(path: str, target: Path, force: bool) -> None:
    """Download the file PATH (home/…, projects/…, shares/… or cs3://site/…) to TARGET.

    TARGET is a local file or folder; left out: here.
    """
    _run(path, lambda mesh, path: _get(mesh, path, target, force))


@click.command
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("path")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Replace a file of the mesh (the old one stays as a version).",
)
def put(source: Path, path: str, force: bool) -> None:
    """Upload the local file SOURCE to PATH: home/…, projects/…, shares/… or cs3://site/….

    In a folder it keeps its name.
    """
    _run(path, lambda mesh, path: _put(mesh, source, path, force))


def _run(path: str, work: Callable[[MeshClient, str], Awaitable[None]]) -> None:
    from jupyter_mesh.cs3 import connect
    from jupyter_mesh.paths import MeshPath, from_url

    site = ""
    if path.startswith("cs3://"):
        site, path = from_url(path)
    else:
        path = str(MeshPath.parse(path))

    async def connected() -> None:
        async with connect(site) as mesh:
            await work(mesh, path)

    asyncio.run(connected())


async def _get(mesh: MeshClient, path: str, target: Path, force: bool) -> None:
    if await asyncio.to_thread(target.is_dir):
        target = target / path.rpartition("/")[2]
    if not force and await asyncio.to_thread(target.exists):
        raise AlreadyExists(
            f'There is already a "{target}" here: choose another name, or add --force.'
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            async with mesh.download(path) as download:
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


async def _put(mesh: MeshClient, source: Path, path: str, force: bool) -> None:
    if not await asyncio.to_thread(source.is_file):
        raise NotFound(f'There is no file "{source}" here.')
    with suppress(NotFound):
        if (await mesh.stat(path)).is_directory:
            path = f"{path}/{source.name}"
    try:
        await mesh.upload(path, source, if_absent=not force)
    except AlreadyExists as error:
        raise AlreadyExists(
            f'There is already a "{path}" at {mesh.site}: choose another name, or add --force.'
        ) from error
    print(path)
