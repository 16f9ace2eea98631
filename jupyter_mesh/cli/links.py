"""``jupyter mesh link``: public links to files and folders."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.addresses import MESH_PATH, Address
from jupyter_mesh.cli.facts import time_fact
from jupyter_mesh.cli.people import ROLE, UNTIL, role_text, sharing, until_text
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, print_json, print_lines, shown
from jupyter_mesh.models import UNCHANGED, Role

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.models import Link

PASSWORD = click.option(
    "--password",
    is_flag=True,
    help="Ask for a password, or read it from standard input; whoever opens the link needs it.",
)
SITE = click.option("--site", default="", metavar="SITE", help="At SITE; else at the default one.")


@click.group
def link() -> None:
    """Make, list, change and end public links. Whoever has a link gets in: no login is asked for."""


@link.command
@click.argument("path", type=MESH_PATH)
@ROLE
@PASSWORD
@UNTIL
@click.option("--name", default="", help="What you call the link, to tell several apart.")
@AS_JSON
def create(
    path: str, role: str, password: bool, until: datetime | None, name: str, as_json: bool
) -> int:
    """Make a link to a file or folder and print it. One thing may have several.

    With --json: {"id", "name", "url", "path", "role", "password", "expires"}.

    \b
    Examples:
      jupyter mesh link create home/figures --until 2w
      jupyter mesh link create home/inbox --role uploader --name students
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await sharing(session, address.site)
        word = _password() if password else ""
        made = await mesh.create_link(
            address.path, Role(role), password=word, expires=until, name=name
        )
        if as_json:
            print_json(_facts(made))
        else:
            print(made.url)

    return run("link", work)


@link.command("list")
@click.argument("path", default="", type=MESH_PATH)
@SITE
@AS_JSON
def list_links(path: str, site: str, as_json: bool) -> int:
    """List your links, or those of PATH.

    With --json: an array with the keys of "link create --json".

    \b
    Examples:
      jupyter mesh link list home/figures
    """

    async def work(session: Session) -> None:
        address = Address.parse(path) if path else Address(site, "")
        mesh = await sharing(session, address.site)
        found = await mesh.links(address.path)
        if as_json:
            print_json([_facts(one) for one in found])
        else:
            print_lines(map(_line, found))

    return run("link", work)


@link.command
@click.argument("link_id", metavar="ID")
@click.option("--role", type=click.Choice(["viewer", "editor", "uploader"]), help="What it allows.")
@PASSWORD
@click.option("--no-password", is_flag=True, help="Take the password away.")
@UNTIL
@click.option("--for-ever", is_flag=True, help="Take the end away.")
@click.option("--name", help="What you call the link.")
@SITE
@AS_JSON
def change(
    link_id: str,
    role: str | None,
    password: bool,
    no_password: bool,
    until: datetime | None,
    for_ever: bool,
    name: str | None,
    site: str,
    as_json: bool,
) -> int:
    """Change the link with an ID as "link list" shows it.

    With --json: the link, with the keys of "link create --json".

    \b
    Examples:
      jupyter mesh link change 17 --until 30d
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        changed = await mesh.update_link(
            link_id,
            role=Role(role) if role else UNCHANGED,
            password=_password() if password else "" if no_password else UNCHANGED,
            expires=None if for_ever else until or UNCHANGED,
            name=UNCHANGED if name is None else name,
        )
        if as_json:
            print_json(_facts(changed))
        else:
            print(_line(changed))

    return run("link", work)


@link.command
@click.argument("link_ids", metavar="ID...", nargs=-1, required=True)
@SITE
def remove(link_ids: tuple[str, ...], site: str) -> int:
    """End links, by their IDs as "link list" shows them.

    \b
    Examples:
      jupyter mesh link remove 17
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        await session.each(link_ids, mesh.remove_link)

    return run("link", work)


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password of the link: ")
    return sys.stdin.readline().rstrip("\r\n")


def _facts(one: Link) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name or None,
        "url": one.url or None,
        "path": one.path or None,
        "role": str(one.role),
        "password": one.has_password,
        "expires": time_fact(one.expires) if one.expires else None,
    }


def _line(one: Link) -> str:
    how = role_text(one.role) + (", password" if one.has_password else "") + until_text(one.expires)
    name = f"  {one.name}" if one.name else ""
    return shown(f"{one.id}  {one.path}  {one.url}  {how}{name}")
