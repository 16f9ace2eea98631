"""``jupyter mesh mount | unmount``: the mesh as a folder of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.errors import MeshError, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.mount.client import Mounted
    from jupyter_mesh.mount.folder import StateFolder

READY_WITHIN = 120.0
"""Seconds that a program in the background has to mount."""
GONE_WITHIN = 15.0
FILES = ("MESH_TOKEN_FILE", "MESH_CA_FILE")
SHOWN = 20
"""Files that are named where more wait."""


@click.command
@click.argument("directory", metavar="[DIR]", required=False)
@click.option("--site", default="", metavar="NAME", help="The site (default: your default site).")
@click.option("--daemon", is_flag=True, help="Serve in the background; returns when DIR is ready.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed in DIR.")
@click.option(
    "--owner", metavar="UID[:GID]", help="For root: the account that the files in DIR are for."
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 86400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the end waits for uploads.",
)
@click.option(
    "--health", type=int, metavar="PORT", help="Tell over HTTP whether DIR can be used: 200 or 503."
)
@click.option("--status", is_flag=True, help="Tell how DIR is, or every mount; mounts nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --status: one JSON document.")
@click.option("--ready-to", type=int, hidden=True, help="Descriptor to tell when DIR is ready.")
def mount(
    directory: str | None,
    site: str,
    daemon: bool,
    read_only: bool,
    owner: str | None,
    grace: float,
    health: int | None,
    status: bool,
    as_json: bool,
    ready_to: int | None,
) -> int:
    """Mount your files on the folder DIR: DIR/home, DIR/projects and DIR/shares.

    DIR is made if needed, and must be empty. The program serves it until Ctrl-C, SIGTERM or "jupyter mesh
    unmount DIR"; what was written is uploaded a few seconds after a file is closed, and at the end at the
    latest. What cannot be uploaded is kept, and uploaded after the next mount of DIR.

    \b
    jupyter mesh mount ~/mesh --daemon     serve in the background
    jupyter mesh mount --status            what waits for its upload, conflicts
    jupyter mesh unmount ~/mesh            upload what waits, and unmount
    """
    if status:
        return asyncio.run(_tell(directory, as_json))
    if directory is None:
        raise click.UsageError("Name the folder to mount on: jupyter mesh mount DIR.")
    if as_json:
        raise click.UsageError("--json belongs to --status.")
    how = {"read_only": read_only, "owner": _ids(owner) if owner else None}
    if daemon:
        options = ["--site", site] if site else []
        options += ["--read-only"] if read_only else []
        options += ["--owner", owner] if owner else []
        return _in_background(directory, [*options, "--grace", f"{grace:g}"])
    from jupyter_mesh.sites import find_site

    try:
        return asyncio.run(_serve(directory, find_site(site), how, grace, health, ready_to))
    except MeshError as error:
        if ready_to is not None:
            _notify(ready_to, {"error": str(error)})
        raise


@click.command
@click.argument("directory", metavar="DIR")
@click.option(
    "--grace",
    type=click.FloatRange(0, 86400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for uploads.",
)
def unmount(directory: str, grace: float) -> int:
    """Upload what waits in the mounted folder DIR, and unmount it.

    What is not uploaded in time is named, kept, and uploaded after the next mount of DIR; the exit code is 1
    then. A mount whose program is gone is taken away.
    """
    return asyncio.run(_unmount(directory, grace))


def _ids(owner: str) -> tuple[int, int]:
    """User and group id in what was said; without a group, that of the number of the user."""
    user, _, group = owner.partition(":")
    ids = [user, group or user]
    if not all(number.isascii() and number.isdigit() for number in ids):
        raise click.UsageError("--owner takes numbers: UID or UID:GID.")
    if os.geteuid() != 0:
        raise click.UsageError("Only root can mount for another account.")
    return int(ids[0]), int(ids[1])


async def _serve(
    directory: str,
    settings: SiteSettings,
    how: dict[str, Any],
    grace: float,
    health: int | None,
    ready_to: int | None,
) -> int:
    from jupyter_mesh import tracing
    from jupyter_mesh.mount import beside
    from jupyter_mesh.mount.folder import absolute
    from jupyter_mesh.mount.program import running

    mounting = tracing.process_start("jupyter-mesh-mount", "mount")
    # The log of a mount is small, and read when something went wrong.
    logging.getLogger("jupyter_mesh.mount").setLevel(logging.INFO)
    point = await asyncio.to_thread(absolute, directory)
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, starting.cancel if starting else loop.stop)
    try:
        async with (
            contextlib.nullcontext() if health is None else beside.health(point, health),
            _tokens(settings) as tokens,
            running(point, settings, tokens, **how) as program,
        ):
            mounting.end()
            program.grace = grace
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, program.stop)
            if ready_to is None:
                print(f"{settings.name} is mounted on {point}.", flush=True)
            else:
                _write_to(program.folder)
                _notify(ready_to, {"ready": str(point)})
            await program.stopped()
    except MeshError as error:
        mounting.end(error)
        raise
    except asyncio.CancelledError:
        # Stopped before it was ready: nothing was written, and all that was begun has been ended.
        return 130
    if program.left:
        print(_what_is_left(program.left, point), file=sys.stderr, flush=True)
    return int(bool(program.left))


@contextlib.asynccontextmanager
async def _tokens(settings: SiteSettings) -> AsyncIterator[TokenSource]:
    """Where the tokens come from; in a container beside a server of a hub, this program is who renews them."""
    from jupyter_mesh.cs3 import token_source
    from jupyter_mesh.hub_token import HUB_TOKEN_FILE, HubToken
    from jupyter_mesh.mount.beside import take_first_token

    await asyncio.to_thread(take_first_token)
    hub = None
    if os.environ.get(HUB_TOKEN_FILE):
        hub = await asyncio.to_thread(HubToken.from_environment)
    if hub is None:
        yield token_source(settings)
        return
    renewing = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})


def _notify(ready_to: int, facts: dict[str, str]) -> None:
    """Tell the one who waits for the program in the background."""
    # Nobody may wait any more; the mount is as good.
    with contextlib.suppress(OSError):
        os.write(ready_to, json.dumps(facts).encode() + b"\n")
        os.close(ready_to)


def _write_to(folder: StateFolder) -> None:
    """Have what this program says go to the log of its mount from now on."""
    log = os.open(folder.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _in_background(directory: str, options: list[str]) -> int:
    from jupyter_mesh.mount.folder import absolute, mounts_folder

    point = absolute(directory)
    folder = mounts_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    receiving, sending = os.pipe()
    command = [sys.executable, "-m", "jupyter_mesh.cli", "mount", str(point)]
    command += ["--ready-to", str(sending), *options]
    # It works in another folder than this one.
    files = {name: os.path.abspath(os.environ[name]) for name in FILES if os.environ.get(name)}
    with open(folder / "log", "ab", opener=_private) as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, **files},
            pass_fds=(sending,),
            start_new_session=True,
        )
    os.close(sending)
    try:
        answer = _first_line(receiving)
    except (KeyboardInterrupt, TimeoutError):
        process.terminate()
        raise
    finally:
        os.close(receiving)
    if "error" in answer:
        raise Unavailable(answer["error"])
    if not answer:
        raise Unavailable(f"The program in the background has ended. Its log is {folder / 'log'}.")
    print(f"{point} is mounted. It is served in the background (process {process.pid}).")
    # It lives on; Python would complain that nobody has waited for it.
    process.returncode = 0
    return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _first_line(receiving: int) -> dict[str, Any]:
    """What the program in the background says when it is ready or has failed; {} when it just ended."""
    text = b""
    end = time.monotonic() + READY_WITHIN
    while not text.endswith(b"\n"):
        if not select.select([receiving], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError
        piece = os.read(receiving, 4096)
        if not piece:
            return {}
        text += piece
    facts: dict[str, Any] = json.loads(text)
    return facts


async def _tell(directory: str | None, as_json: bool) -> int:
    from jupyter_mesh.mount.client import find_mount, list_mounts

    if directory is None:
        found = await list_mounts()
    else:
        one = await find_mount(directory)
        if one is None:
            raise NotFound(
                f"{directory} is not mounted. Mount it with: jupyter mesh mount {directory}."
            )
        found = [one]
    answers = [await _status(mounted) for mounted in found]
    if as_json:
        print(json.dumps(answers if directory is None else answers[0], indent=1))
    elif not answers:
        print("Nothing is mounted. Mount your files with: jupyter mesh mount DIR.")
    else:
        for answer in answers:
            print("\n".join(_lines(answer)))
    return 0


async def _status(mounted: Mounted) -> dict[str, Any]:
    """What the program of a mount says of it, or why it says nothing."""
    try:
        return await mounted.status()
    except MeshError as error:
        state = "gone" if isinstance(error, Unavailable) else "failing"
        return {
            "dir": str(mounted.dir),
            "site": mounted.site,
            "state": state,
            "message": str(error),
            "pending": [],
            "failing_since": None,
            "conflicts": [],
            "cache": {"used": 0, "files": 0},
        }


def _lines(status: dict[str, Any]) -> list[str]:
    lines = [f"{status['dir']}  {status['site']}  {status['state']}"]
    if status["failing_since"]:
        since = datetime.fromisoformat(status["failing_since"]).astimezone()
        lines.append(f"  since {since:%Y-%m-%d %H:%M}")
    if status["message"]:
        lines.append(f"  {status['message']}")
    waiting = status["pending"]
    if waiting:
        lines.append(f"  waiting for upload: {len(waiting)}")
    for entry in waiting[:SHOWN]:
        tries = f", refused {entry['tries']} times" if entry["tries"] else ""
        doing = ", uploading" if entry["uploading"] else ""
        lines.append(f"    {entry['path']} ({entry['size']:,} bytes{doing}{tries})")
    if len(waiting) > SHOWN:
        lines.append(f"    and {len(waiting) - SHOWN} more")
    lines += [
        f"  conflict: {each['path']} was changed by {each['who'] or 'somebody else'} meanwhile; "
        f"what you wrote is in {each['copy']}"
        for each in status["conflicts"]
    ]
    return lines


async def _unmount(directory: str, grace: float) -> int:
    from jupyter_mesh.mount import mountpoint
    from jupyter_mesh.mount.client import find_mount
    from jupyter_mesh.mount.folder import absolute

    point = await asyncio.to_thread(absolute, directory)
    mounted = await find_mount(point)
    if mounted is None:
        if not any(each.is_ours for each in mountpoint.mounts_at(point)):
            raise NotFound(f"{directory} is not mounted by jupyter mesh mount.")
        await asyncio.to_thread(mountpoint.detach, point)
        return 0
    try:
        left = await mounted.stop(grace)
    except Unavailable:
        # Its program was killed: what it left behind is taken away.
        left = await asyncio.to_thread(_take_away, mounted.folder, point)
    else:
        await asyncio.to_thread(_wait_until_gone, mounted.folder)
    if left:
        print(_what_is_left(left, point), file=sys.stderr)
    return int(bool(left))


def _take_away(folder: StateFolder, point: Path) -> list[str]:
    from jupyter_mesh.mount import mountpoint
    from jupyter_mesh.mount.queue import dirty_files

    mountpoint.detach(point)
    folder.untell()
    names: set[str] = set()
    for metadata in (folder.path / "cache" / "vfsMeta").glob("*"):
        names |= dirty_files(metadata, "")
    return sorted(names)


def _wait_until_gone(folder: StateFolder) -> None:
    """Wait until the program has left its folder: the next mount need not wait then."""
    end = time.monotonic() + GONE_WITHIN
    while folder.facts() and time.monotonic() < end:
        time.sleep(0.02)


def _what_is_left(left: Sequence[str], point: Path) -> str:
    lines = [f"Not at the site yet: {len(left)}", *(f"  {path}" for path in left[:SHOWN])]
    if len(left) > SHOWN:
        lines.append(f"  and {len(left) - SHOWN} more")
    lines.append(f"They are kept, and uploaded after the next mount of {point}.")
    return "\n".join(lines)
