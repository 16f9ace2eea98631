"""``jupyter mesh sites | whoami``: which sites are known here, and as whom."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.people import sharing
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import print_json, print_lines, shown
from jupyter_mesh.sites import KnownSite, find_site, known_sites, login_ends, make_default

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.models import User


@click.command
@click.option("--default", metavar="SITE", help="Take SITE where a command names none.")
@click.option(
    "--mesh", is_flag=True, help="List the institutions that your site shares with; it is asked."
)
@click.option("--json", "as_json", is_flag=True, help="Sites as JSON, for programs.")
def sites(default: str | None, mesh: bool, as_json: bool) -> int | None:
    """List the sites that are known here, the default one with a star. No site is asked.

    With --mesh --json: an array of {"domain", "name", "homepage", "lists"}.
    """
    if mesh:
        return run("sites", lambda session: _institutions(session, as_json))
    if default is not None:
        make_default(default)
    known = [(site, *login_ends(site.settings)) for site in known_sites()]
    if as_json:
        print(json.dumps([_facts(*one) for one in known], indent=1))
        return None
    if not known:
        print(
            "No site is known here. Sign in to one: "
            "jupyter mesh login SITE --gateway HOST:PORT --username NAME"
        )
        return None
    rows = [
        (
            ("* " if site.default else "  ") + site.name,
            site.settings.target,
            site.settings.username or "-",
            _state(signed_in, until),
        )
        for site, signed_in, until in known
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print(
            "  ".join(
                [cell.ljust(width) for cell, width in zip(row, widths, strict=False)] + [row[3]]
            )
        )
    return None


async def _institutions(session: Session, as_json: bool) -> None:
    found = await (await sharing(session)).sites.listed()
    if as_json:
        print_json(
            [
                {
                    "domain": one.domain,
                    "name": one.name,
                    "homepage": one.homepage or None,
                    "lists": list(one.lists),
                }
                for one in found
            ]
        )
    else:
        print_lines(shown(f"{one.name}  {one.domain}") for one in found)


@click.command
@click.argument("site", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="The user as JSON, for programs.")
def whoami(site: str, as_json: bool) -> None:
    """Tell who you are at SITE, or at the default site: it is asked. Fails where you are not signed in."""
    settings = find_site(site)
    user, ends = asyncio.run(_ask(settings))
    if as_json:
        facts = {
            "site": settings.name,
            "gateway": settings.target,
            "username": user.username,
            "display_name": user.display_name,
            "id": user.id,
            "idp": user.idp,
            "until": ends.isoformat() if ends else None,
        }
        print(json.dumps(facts, indent=1))
        return
    name = f" ({user.display_name})" if user.display_name not in ("", user.username) else ""
    until = f", until {ends.astimezone():%Y-%m-%d %H:%M}" if ends else ""
    print(f"{user.username}{name} at {settings.name}{until}")


async def _ask(settings: SiteSettings) -> tuple[User, datetime | None]:
    from jupyter_mesh.cs3 import MeshClient, token_source

    async with MeshClient(settings, token_source(settings)) as mesh:
        user = await mesh.whoami()
    return user, (await asyncio.to_thread(login_ends, settings))[1]


def _facts(site: KnownSite, signed_in: bool, until: datetime | None) -> dict[str, Any]:
    return {
        "name": site.name,
        "gateway": site.settings.target,
        "username": site.settings.username or None,
        "default": site.default,
        "from_environment": site.from_environment,
        "signed_in": signed_in,
        "until": until.isoformat() if until else None,
    }


def _state(signed_in: bool, until: datetime | None) -> str:
    if not signed_in:
        return "login has ended" if until else "not signed in"
    return f"signed in until {until.astimezone():%Y-%m-%d %H:%M}" if until else "signed in"
