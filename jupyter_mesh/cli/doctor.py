"""``jupyter mesh doctor``: looks at a set-up and says in plain words what to do."""

from __future__ import annotations

import asyncio
import json
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_mesh.errors import NotSupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cli.checks import Finding

MARKS = {True: "ok", False: "problem", None: "-"}


@click.command
@click.option("--site", metavar="NAME", help="Name of the site (default: MESH_SITE).")
@click.option(
    "--gateway", metavar="HOST:PORT", help="CS3 gateway of the site (default: MESH_GATEWAY)."
)
@click.option("--token-file", metavar="F", help="File with your token (default: MESH_TOKEN_FILE).")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Check the data folder of a node instead; the node may run.",
)
@click.option(
    "--hub",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value="jupyterhub_config.py",
    metavar="[FILE]",
    help="Check a hub instead, by its configuration file (default: jupyterhub_config.py).",
)
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON, for programs.")
def doctor(
    site: str | None,
    gateway: str | None,
    token_file: str | None,
    data: Path | None,
    hub: Path | None,
    as_json: bool,
) -> int:
    """Check versions, extensions, the login, the gateway, the data gateway, the clock, mounts and the hub.

    Nothing is changed: a small file is uploaded to your home, read back and removed for good. One line per
    check; the exit code is 1 when there is a problem.

    With --hub it looks at a hub: logins, encryption, scopes, proxy, spawner, mounts, and the cluster where servers
    run in one. Run it where the hub runs, in the environment of the hub. The code of the configuration is run.
    """
    given = {"MESH_SITE": site, "MESH_GATEWAY": gateway, "MESH_TOKEN_FILE": token_file}
    findings = asyncio.run(
        _look(data, hub, {name: value for name, value in given.items() if value})
    )
    if as_json:
        print(
            json.dumps([{"check": f.check, "ok": f.ok, "text": f.text} for f in findings], indent=1)
        )
    else:
        for finding in findings:
            print(f"{MARKS[finding.ok]:<8} {finding.check:<17} {finding.text}")
    return int(any(finding.ok is False for finding in findings))


async def _look(data: Path | None, hub: Path | None, given: dict[str, str]) -> list[Finding]:
    from jupyter_mesh.cli import checks, mounted

    if hub:
        os.environ.update(given)
        return await _doctor_of_hubs()(hub)
    if data:
        return await asyncio.to_thread(checks.node_data, data)
    installed = await asyncio.to_thread(checks.installation)
    return [*installed, *await checks.site(given), *await mounted.mounts(), *await checks.hub()]


def _doctor_of_hubs() -> Callable[[Path], Awaitable[list[Finding]]]:
    """The one that the hub package brings: this one does not know hubs."""
    for found in entry_points(group="jupyter_mesh.doctor", name="hub"):
        look: Callable[[Path], Awaitable[list[Finding]]] = found.load()
        return look
    raise NotSupported(
        "A hub is checked where it runs: jupyter-mesh-spawner is not installed in this environment."
    )
