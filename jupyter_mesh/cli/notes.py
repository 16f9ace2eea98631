"""``jupyter mesh quota | tag | open``: room, tags, and the link to a place."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from jupyter_mesh.cli.addresses import MESH_PATH, Address, find
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, complain, print_json, print_lines, shown, size_text
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.paths import MOUNT, join, to_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.models import Quota


@click.command
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=MESH_PATH)
@AS_JSON
def quota(paths: tuple[str, ...], as_json: bool) -> int:
    """Tell the room in the spaces that hold PATHs. Without one: in home.

    With --json: an array of {"path", "url", "used", "total", "free"} in bytes; total and free are null
    without a limit.

    \b
    Examples:
      jupyter mesh quota
      jupyter mesh quota projects/lofar --json
    """

    async def work(session: Session) -> None:
        told: list[dict[str, Any]] = []

        async def look(one: Found) -> None:
            room = await one.mesh.quota(one.path)
            told.append(
                {
                    "path": one.path,
                    "url": to_url(one.mesh.site, one.path),
                    "used": room.used,
                    "total": room.total,
                    "free": room.free,
                }
            )
            if not as_json:
                print(f"{shown(str(one.address))}: {_room(room)}")

        await session.each(await find(session, paths or ["home"]), look)
        if as_json:
            print_json(told)

    return run("quota", work)


def _room(room: Quota) -> str:
    if room.total is None or room.free is None:
        return f"{size_text(room.used)} used, no limit"
    part = f" ({room.used / room.total:.0%})" if room.total else ""
    return (
        f"{size_text(room.used)} of {size_text(room.total)} used{part}, {size_text(room.free)} free"
    )


@click.group
def tag() -> None:
    """List, add and remove tags of files and folders.

    Tags are kept at the site, as one entry of the metadata of each file: they stay when it is renamed, and all
    who can read the file see them. At most 32 of 64 characters. Received from another site, a file has none.
    """


@tag.command("list")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=MESH_PATH)
@AS_JSON
def list_tags(paths: tuple[str, ...], as_json: bool) -> int:
    """List the tags of files and folders.

    With --json: an array of {"path", "url", "tags"}.

    \b
    Examples:
      jupyter mesh tag list 'home/data/*.csv'
    """
    return run("tag", lambda session: _tag(session, paths, None, as_json))


@tag.command
@click.argument("path", type=MESH_PATH)
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@AS_JSON
def add(path: str, tags: tuple[str, ...], as_json: bool) -> int:
    """Add tags to what PATH, or a pattern, stands for. A tag that is there already is fine.

    With --json: an array of {"path", "url", "tags"}.

    \b
    Examples:
      jupyter mesh tag add home/data/points.csv calibrated run-7
    """
    return run("tag", lambda session: _tag(session, [path], lambda old: [*old, *tags], as_json))


@tag.command
@click.argument("path", type=MESH_PATH)
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@AS_JSON
def remove(path: str, tags: tuple[str, ...], as_json: bool) -> int:
    """Remove tags from what PATH, or a pattern, stands for. A tag that is not there is fine.

    With --json: an array of {"path", "url", "tags"}.

    \b
    Examples:
      jupyter mesh tag remove home/data/points.csv run-7
    """

    def without(old: list[str]) -> list[str]:
        return [tag for tag in old if tag not in tags]

    return run("tag", lambda session: _tag(session, [path], without, as_json))


async def _tag(
    session: Session,
    paths: tuple[str, ...] | list[str],
    change: Callable[[list[str]], list[str]] | None,
    as_json: bool,
) -> None:
    from jupyter_mesh.tags import KEY, tags_of, tags_text

    told: list[dict[str, Any]] = []
    found = await find(session, paths)

    async def look(one: Found) -> None:
        tags = tags_of((await one.mesh.stat(one.path)).metadata)
        if change is not None:
            wanted = list(dict.fromkeys(change(tags)))
            if wanted and wanted != tags:
                await one.mesh.set_metadata(one.path, {KEY: tags_text(wanted)})
            elif wanted != tags:
                await one.mesh.unset_metadata(one.path, [KEY])
            tags = wanted
        told.append({"path": one.path, "url": to_url(one.mesh.site, one.path), "tags": tags})
        if not as_json and change is None:
            before = f"{shown(str(one.address))}: " if len(found) > 1 else ""
            print_lines([f"{before}{', '.join(tags)}"] if before else tags)

    await session.each(found, look)
    if as_json:
        print_json(told)


@click.command("open")
@click.argument("path", default="home", type=MESH_PATH)
@click.option(
    "--server",
    metavar="URL",
    help="Address of the Jupyter server (default: the hub of this server, or the server on this machine).",
)
@AS_JSON
def open_link(path: str, server: str | None, as_json: bool) -> int:
    """Print the link that opens PATH in JupyterLab. Without a PATH: home.

    On a hub it is a link that leads everybody to their own server. It holds no token. With "--server" it can be
    made anywhere.

    With --json: {"path", "link"}.

    \b
    Examples:
      jupyter mesh open home/data/points.csv --server https://hub.example.org/user/maya
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await session.client(address.site)
        if mesh.site != (await session.client()).site:
            raise InvalidRequest(
                f"JupyterLab shows the files of one site; {address} is at another one."
            )
        await mesh.stat(address.path)
        base = server or ""
        if not base:
            base = await asyncio.to_thread(_server)
        link = f"{base.rstrip('/')}/mesh/open?path={quote(join(MOUNT, address.path), safe='')}"
        if as_json:
            print_json({"path": address.path, "link": link})
            return
        print(link)
        if link.startswith("/"):
            complain("open", "This hub does not tell its address: put it before the link.")

    return run("open", work)


def _server() -> str:
    """Where JupyterLab answers: the way of the hub to everybody's own server, or a server on this machine."""
    hub = os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL", "")
    base = os.environ.get("JUPYTERHUB_BASE_URL", "")
    if hub or base:
        hub = hub or f"{os.environ.get('JUPYTERHUB_HOST', '')}{base.rstrip('/')}/hub"
        return f"{hub.rstrip('/')}/user-redirect"
    running: list[dict[str, Any]] = []
    try:
        from jupyter_server.serverapp import list_running_servers
    except ModuleNotFoundError:
        pass
    else:
        running = list(list_running_servers())
    if not running:
        raise InvalidRequest(
            "No Jupyter server of yours runs on this machine. Say which one: --server URL."
        )
    here = f"{os.getcwd()}/"
    running.sort(
        key=lambda one: here.startswith(f"{one['root_dir'].rstrip('/')}/") * len(one["root_dir"])
    )
    return str(running[-1]["url"])
