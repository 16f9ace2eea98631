"""``jupyter mesh login | logout``: a password becomes a login that renews itself, and ends it again."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from jupyter_mesh.config import SiteSettings
from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest, Unavailable
from jupyter_mesh.sites import checked_name, find_site, forget_site, known_sites


@click.command
@click.argument("site", required=False, default="")
@click.option("--gateway", metavar="HOST:PORT", help="CS3 gateway of the site; needed once.")
@click.option("--username", metavar="NAME", help="Your name at the site; needed once.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Certificates to trust at this site instead of those of the system.",
)
@click.option(
    "--data-host",
    "data_hosts",
    multiple=True,
    metavar="HOST",
    help="A further host that may receive the token with the content of files; may be repeated.",
)
@click.option("--default", is_flag=True, help="Take this site where a command names none.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="F",
    help="Keep nothing but the token of now, in this file.",
)
def login(
    site: str,
    gateway: str | None,
    username: str | None,
    ca_file: Path | None,
    data_hosts: tuple[str, ...],
    default: bool,
    token_file: Path | None,
) -> None:
    """Sign in to SITE, by a name that you choose for it, and keep the login.

    The password is asked for in a terminal, or is the first line of standard input. It is not kept: where
    the site makes app passwords, one is, which renews the login for 30 days and which "jupyter mesh logout"
    revokes. A wrong password changes nothing. Without SITE it is the default site, or the only one.

    \b
    The first time:  jupyter mesh login alpine --gateway mesh.example.org:9142 --username ann
    And later:       jupyter mesh login alpine
    In a script:     jupyter mesh login alpine < password-file
    """
    settings = _settings(site, gateway, username, token_file)
    settings = replace(
        settings,
        ca_file=ca_file or settings.ca_file,
        data_hosts=data_hosts or settings.data_hosts,
    )
    name = settings.name
    if not settings.username:
        settings = replace(settings, username=_read_username(name))
    password = read_password(f"Password of {settings.username} at {name}: ")
    mine = token_file or _file_of_environment(settings)
    try:
        if mine is None:
            print(asyncio.run(_keep_login(settings, password, default)))
        else:
            asyncio.run(_keep_token(settings, password, mine))
            print(f"Signed in as {settings.username}. The token is in {mine}.")
    except (Unavailable, DeadlineExceeded) as error:
        raise Unavailable(
            f"Could not log in to {name}: no site answers at {settings.gateway}. "
            "Check the address; if it is right, try again later."
        ) from error


@click.command
@click.argument("site", required=False, default="")
@click.option("--forget", is_flag=True, help="Forget the address of the site as well.")
def logout(site: str, forget: bool) -> None:
    """Sign out of SITE: its app password is revoked, and the login on this machine is deleted."""
    settings = find_site(site)
    name = settings.name
    if _file_of_environment(settings) is not None:
        raise InvalidRequest(
            f"The login at {name} belongs to this environment (MESH_TOKEN_FILE). Log out of the hub, or delete "
            f"{settings.token_file}."
        )
    from jupyter_mesh.cs3.renewal import log_out

    try:
        there = asyncio.run(log_out(settings))
    finally:
        if forget:
            forget_site(name)
    print(f"Signed out of {name}." if there else f"You were not signed in to {name}.")


def read_password(prompt: str) -> str:
    """The password from the terminal without echo, or the first line of standard input."""
    password = (
        getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    )
    if not password:
        raise InvalidRequest("No password was given: type it, or pass it on standard input.")
    return password


def _settings(
    site: str, gateway: str | None, username: str | None, token_file: Path | None
) -> SiteSettings:
    known = {one.name: one for one in known_sites()}
    if site or token_file is None:
        default = next((name for name, one in known.items() if one.default), "")
        if not site and gateway:
            raise click.UsageError("Give the site a name: jupyter mesh login SITE --gateway …")
        found = known.get(site or default)
        if found is not None:
            same = gateway in (None, found.settings.gateway) and not (
                gateway and found.from_environment
            )
            settings = found.settings if same else replace(found.settings, token_file=None)
            return replace(
                settings,
                gateway=gateway or settings.gateway,
                username=username or settings.username,
            )
        if not site and known:
            raise click.UsageError(f"Say which site: {', '.join(known)}.")
    if gateway is None:
        raise click.UsageError(
            "The address of the site is needed: jupyter mesh login SITE --gateway HOST:PORT --username NAME"
        )
    if token_file is not None and username is None:
        raise click.UsageError("--token-file needs --username as well.")
    name = checked_name(site) if site else gateway
    return SiteSettings(name=name, gateway=gateway, username=username or "")


def _file_of_environment(settings: SiteSettings) -> Path | None:
    """The token file of a server's environment, if these are its settings."""
    mine = os.environ.get("MESH_TOKEN_FILE", "")
    if mine and settings.token_file == Path(mine) and settings.name == os.environ.get("MESH_SITE"):
        return settings.token_file
    return None


def _read_username(site: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Say who signs in: --username NAME")
    name: str = click.prompt(f"Your name at {site}", err=True)
    return name


async def _keep_token(settings: SiteSettings, password: str, token_file: Path) -> None:
    from jupyter_mesh.auth import write_token_file
    from jupyter_mesh.cs3.login import authenticate

    login = await authenticate(settings, "basic", settings.username, password)
    try:
        await asyncio.to_thread(write_token_file, token_file, login.token)
    except OSError as error:
        raise InvalidRequest(
            f'"{token_file}" cannot be written ({error.strerror}): choose another place.'
        ) from error


async def _keep_login(settings: SiteSettings, password: str, default: bool) -> str:
    from jupyter_mesh.cs3.renewal import log_in

    login, credential = await log_in(settings, password, default=default)
    said = f"Signed in to {settings.name} as {login.user.display_name or login.user.username}."
    if credential is not None:
        return f"{said} The login renews itself until {credential.ends.astimezone():%Y-%m-%d}."
    if login.expires is None:
        return said
    return (
        f"{said} This site makes no app passwords: the login ends on "
        f"{login.expires.astimezone():%Y-%m-%d at %H:%M}."
    )
