"""``jupyter mesh place``: where a server would run to be near a file or folder, and why."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from jupyter_mesh.cli.addresses import MESH_PATH
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, print_json, shown
from jupyter_mesh.errors import InvalidRequest, Unavailable

if TYPE_CHECKING:
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.placement import MeshPlacement

DEADLINE = 30.0


@click.command
@click.argument("resource", metavar="PATH|LINK", default="home", type=MESH_PATH)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Decide with the rules of this jupyterhub_config.py. It is run: take one that you trust.",
)
@click.option(
    "--group", "groups", multiple=True, help="Decide for a member of this group; with --config."
)
@AS_JSON
def place(resource: str, config: Path | None, groups: tuple[str, ...], as_json: bool) -> int:
    """Tell where a server would run to be near PATH, or what a link leads to, and why.

    In a server that a hub has started, the hub decides, as it does when a server starts. Anywhere else "--config"
    names the configuration of the hub with the rules.

    With --json: {"resource", "name", "placements"}; each placement is {"name", "title", "has", "reason", "near"},
    the best one first.

    \b
    Examples:
      jupyter mesh place home/data --config jupyterhub_config.py
    """

    async def work(session: Session) -> None:
        hub = "" if config is not None else os.environ.get("JUPYTERHUB_API_URL", "")
        told = await (_asked(hub, resource) if hub else _decided(session, resource, config, groups))
        if as_json:
            print_json(told)
            return
        best, *others = told["placements"]
        print(f"{shown(told['name'])} would run at {_described(best)}")
        for other in others:
            print(f"It could run at {_described(other)}")

    return run("place", work)


async def _decided(
    session: Session, resource: str, config: Path | None, groups: tuple[str, ...]
) -> dict[str, Any]:
    """The decision, made here."""
    from jupyter_mesh.links import Link
    from jupyter_mesh.placement import look

    if config is None:
        raise InvalidRequest(
            "Which rules? In a server of a hub the hub is asked; here, say --config jupyterhub_config.py."
        )
    rules = await asyncio.to_thread(_rules, config)
    link = Link.read(resource)
    mesh = await session.client(link.site)
    url = link.to_url(mesh.site)
    where = await look(mesh, url)
    offers = rules.offers(where, mesh.site, groups)
    return {
        "resource": url,
        "name": where.name,
        "placements": [offer.to_json() for offer in offers],
    }


def _rules(path: Path) -> MeshPlacement:
    """MeshPlacement as a configuration of a hub has it."""
    from traitlets import TraitError
    from traitlets.config.loader import PyFileConfigLoader

    from jupyter_mesh.placement import MeshPlacement

    try:
        config = PyFileConfigLoader(path.name, path=str(path.parent.resolve())).load_config()
        return MeshPlacement(config=config)
    except TraitError as error:
        raise InvalidRequest(str(error)) from error
    except (Exception, SystemExit) as error:
        # A configuration is a program: whatever it does is told as its failure.
        raise InvalidRequest(f"{path} cannot be run here: {error}") from error


async def _asked(hub: str, resource: str) -> dict[str, Any]:
    """The decision of the hub."""
    import aiohttp

    from jupyter_mesh.links import Link

    Link.read(resource)
    user = quote(os.environ.get("JUPYTERHUB_USER", ""), safe="")
    url = f"{hub.rstrip('/')}/mesh/users/{user}/placements"
    headers = {"Authorization": f"token {os.environ.get('JUPYTERHUB_API_TOKEN', '')}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE)) as http,
            http.get(url, headers=headers, params={"resource": resource}) as reply,
        ):
            told: dict[str, Any] = await reply.json(content_type=None)
            status = reply.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Unavailable("The hub does not answer. Try again in a few minutes.") from error
    if status != 200:
        raise Unavailable(str(told.get("message") or f"The hub answers with {status}."))
    if problem := told.pop("problem", ""):
        raise InvalidRequest(str(problem))
    return told


def _described(placement: dict[str, Any]) -> str:
    title = " · ".join(filter(None, (placement["title"], placement["has"])))
    reason = f" {placement['reason']}" if placement["reason"] else ""
    return f"{shown(title)} ({placement['name']}).{shown(reason)}"
