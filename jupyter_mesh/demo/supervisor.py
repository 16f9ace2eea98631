"""Starts the sites, tells their addresses, watches their programs, and stops everything."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from jupyter_mesh.demo.lock import only_demo
from jupyter_mesh.demo.people import SITES
from jupyter_mesh.demo.ports import remembered_ports
from jupyter_mesh.demo.site import DemoSite
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.mount.possible import why_not

__all__ = ["run_demo"]

PACKAGES = ("jwt", "jupyterlab", "jupyterhub", "jupyter_mesh_spawner")
PROXY = "configurable-http-proxy"


def run_demo(directory: Path) -> int:
    """Run both sites in ``directory`` until Ctrl-C or SIGTERM; returns 0 then.

    Raises AlreadyExists when a demo runs there already, ProgramEnded when one of the programs stops by
    itself (after the others were stopped too), InvalidRequest when the folder cannot be used or a part of
    the demo is not installed.
    """
    _check_installed()
    directory = directory.resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Passwords and files of the demo's users: for nobody else on this machine.
        directory.chmod(0o700)
    except OSError as error:
        raise InvalidRequest(
            f'"{directory}" cannot be used ({error.strerror}): choose another --dir.'
        ) from error
    with only_demo(directory) as lock:
        return asyncio.run(_run(directory, lock))


def _check_installed() -> None:
    """Refuse to start what cannot run, before anything is made."""
    missing = [name for name in PACKAGES if not importlib.util.find_spec(name)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if not shutil.which(PROXY, path=path):
        missing.append(PROXY)
    if missing:
        raise InvalidRequest(
            f"The demo needs {', '.join(missing)}. In a checkout, make demo installs everything."
        )


async def _run(directory: Path, lock: int) -> int:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  there is one inside asyncio.run
    asked = asyncio.Event()

    def stop() -> None:
        # Only the first time: a second Ctrl-C must not interrupt the stopping.
        if not asked.is_set():
            asked.set()
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)

    ready = directory / "ready.json"
    ready.unlink(missing_ok=True)
    sites = _sites(directory)
    try:
        began = time.monotonic()
        print("Starting two sites …", flush=True)
        await _start(sites, lock)
        _write_ready(ready, sites)
        welcome = _welcome(sites, directory, time.monotonic() - began, await why_not())
        print(welcome, flush=True)
        await _first_end(sites)
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
        return 0
    finally:
        asked.set()
        ready.unlink(missing_ok=True)
        print("\nStopping …", file=sys.stderr, flush=True)
        await asyncio.gather(*(site.stop() for site in sites))
    return 0


def _sites(directory: Path) -> list[DemoSite]:
    """The sites, each on the ports that it had the last time."""
    names = [f"{program} of {info.name}" for info in SITES for program in ("node", "hub")]
    ports, changed = remembered_ports(directory / "ports.json", names)
    if changed:
        print(f"New ports, since others have the old ones: {', '.join(changed)}.", flush=True)
    if any(name.startswith("node") for name in changed):
        print(
            "Contacts between the sites have to be made again: their addresses changed.", flush=True
        )
    return [
        DemoSite(
            info,
            directory / info.name,
            node_port=ports[f"node of {info.name}"],
            hub_port=ports[f"hub of {info.name}"],
        )
        for info in SITES
    ]


async def _start(sites: list[DemoSite], lock: int) -> None:
    starting = [
        asyncio.ensure_future(site.start(lock, [one.peer for one in sites if one is not site]))
        for site in sites
    ]
    try:
        await asyncio.gather(*starting)
    finally:
        # One failed or everything was called off: no program may start after this.
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)


async def _first_end(sites: list[DemoSite]) -> None:
    """Wait until a program ends by itself, and raise what is to be told about it."""
    watching = [
        asyncio.ensure_future(program.ended())
        for site in sites
        for program in (site.node, site.hub)
    ]
    try:
        done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        raise done.pop().result()
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


def _write_ready(path: Path, sites: list[DemoSite]) -> None:
    """Write ``ready.json`` for its owner alone, whole or not at all: others wait for it to appear."""
    temporary = path.with_suffix(".part")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"sites": [site.described for site in sites]}, file, indent=1)
    temporary.replace(path)


def _welcome(sites: list[DemoSite], directory: Path, seconds: float, no_mount: str) -> str:
    lines = [
        f"Two sites of the science mesh run on this machine (ready after {seconds:.0f} s):",
        "",
    ]
    for site in sites:
        where = f"{site.info.name:<8}{site.hub_url}"
        for person in site.info.people:
            lines.append(
                f"  {where:<32}  {person.name:<6} {site.passwords[person.name]:<16} {person.display}"
            )
            where = ""
        lines.append("")
    first, second = (site.info for site in sites)
    lines += [
        f"Log in as {first.people[0].name} and open mesh/home/{first.home_sample}/{first.home_sample}.ipynb.",
        f"Then invite {second.people[0].name}: in the Mesh sidebar, People, Invite; open the link in another browser.",
        f"No mount: {no_mount} The notebooks read their data by cs3:// addresses then."
        if no_mount
        else "Kernels and terminals find the files of the site in ~/mesh, mounted while a server runs.",
        f"Files and logs are in {directory}. Ctrl-C stops everything; the files stay.",
    ]
    return "\n".join(lines)
