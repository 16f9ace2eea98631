"""``jupyter mesh cat``: the content of files on standard output."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from jupyter_mesh.cli.addresses import MESH_PATH, find
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.sessions import Session

__all__ = ["cat", "write_out"]


class Bytes(click.ParamType[tuple[int | None, int | None]]):
    """``0-99``, ``100-`` and ``-100``, as HTTP has them: both ends belong to the range."""

    name = "range"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int | None]:
        """First and last byte; None for the end that was left out."""
        found = re.fullmatch(r"([0-9]*)-([0-9]*)", str(value), re.ASCII)
        if not found or not any(found.groups()):
            self.fail(
                f"{value!r} is no range: write 0-99, 100- or -100 (the last hundred).", param, ctx
            )
        first, last = (int(number) if number else None for number in found.groups())
        if first is not None and last is not None and last < first:
            self.fail(f"{value!r} ends before it begins.", param, ctx)
        return first, last


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=MESH_PATH)
@click.option(
    "--bytes",
    "part",
    type=Bytes(),
    metavar="FIRST-LAST",
    help="Only these bytes, from 0 on: 0-99, 100- or -100 (the last hundred).",
)
@click.option(
    "--version", "key", default="", metavar="KEY", help='An earlier one, as "versions" shows it.'
)
def cat(paths: tuple[str, ...], part: tuple[int | None, int | None] | None, key: str) -> int:
    """Write files to standard output, one after the other.

    What is no text is not written to a terminal. When a file cannot be read to its end, the exit code is 1.

    \b
    Examples:
      jupyter mesh cat home/data/points.csv
      jupyter mesh cat --bytes 0-99 home/data/points.csv
      jupyter mesh cat 'home/data/*.csv' | wc -l
    """

    async def work(session: Session) -> None:
        found = await find(session, paths)
        await session.each(found, lambda one: _copy_out(one, part or (None, None), key))

    return run("cat", work)


async def _copy_out(one: Found, part: tuple[int | None, int | None], key: str) -> None:
    first, last = part
    if first is None and last is not None:
        size = (await one.mesh.stat(one.path)).size
        first, last = max(0, size - last), None
    stop = None if last is None else last + 1
    await write_out(one, start=first or 0, stop=stop, version=key)


async def write_out(one: Found, start: int = 0, stop: int | None = None, version: str = "") -> None:
    """Write bytes of a file to standard output. Raises InvalidRequest for a picture on a terminal."""
    out: BinaryIO = sys.stdout.buffer
    looked = not sys.stdout.isatty()
    sys.stdout.flush()
    async with one.mesh.download(one.path, start=start, stop=stop, version=version) as download:
        async for piece in download:
            if not looked and b"\0" in piece[:8000]:
                raise InvalidRequest(
                    f"{one.path} is no text: write it to a file (jupyter mesh get), or to a program."
                )
            looked = True
            await asyncio.to_thread(out.write, piece)
    await asyncio.to_thread(out.flush)
