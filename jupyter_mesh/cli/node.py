"""``jupyter mesh node``: a site in the foreground, its users and projects."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from jupyter_mesh.errors import InvalidRequest

__all__ = ["node"]

FOLDER = click.Path(path_type=Path)
DATA = click.option("--data", type=FOLDER, metavar="DIR", help="Data folder of the site.")


@click.group(
    invoke_without_command=True, subcommand_metavar="[user add | project add | peer … | check]"
)
@click.option("--name", help="Name of the site, for example alpine.")
@click.option(
    "--data", type=FOLDER, metavar="DIR", help="Folder with the files and the state of the site."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--gateway-port",
    type=int,
    default=0,
    metavar="PORT",
    help="Port of the CS3 gateway (default: a free one).",
)
@click.option(
    "--http-port",
    type=int,
    default=0,
    metavar="PORT",
    help="Port of the data gateway (default: a free one).",
)
@click.option(
    "--flavour",
    type=click.Choice(["spaces", "paths"]),
    default="spaces",
    show_default=True,
    help="Answer as OpenCloud (spaces) or as cs3org Reva (paths) does.",
)
@click.option(
    "--ready-file",
    type=FOLDER,
    metavar="FILE",
    help="Write name, gateway, url, domain and public_url there as JSON once the site answers.",
)
@click.option(
    "--token-life",
    type=float,
    default=86400,
    show_default=True,
    metavar="SECONDS",
    help="How long a login is good.",
)
@click.option(
    "--machine-key-file",
    type=FOLDER,
    metavar="FILE",
    help="Allow the login of services that know the key in this file (default: not allowed).",
)
@click.option(
    "--oidc-issuer",
    default="",
    metavar="URL",
    help="Allow the login with tokens of this OpenID Connect provider (default: not allowed).",
)
@click.option(
    "--oidc-audience",
    default="",
    metavar="NAME",
    help="Take only tokens whose aud contains NAME (default: any, as Reva does).",
)
@click.option(
    "--oidc-claim",
    default="preferred_username",
    show_default=True,
    metavar="CLAIM",
    help="Claim in a token that holds the name of the user here.",
)
@click.option("--tls-cert", type=FOLDER, metavar="FILE", help="Certificate chain, for both ports.")
@click.option("--tls-key", type=FOLDER, metavar="FILE", help="Key of the certificate.")
@click.option(
    "--public-url",
    default="",
    metavar="URL",
    help="Under which other sites reach the HTTP port (default: http://localhost:<http-port>); its host and port are the domain of the site.",
)
@click.option("--title", default="", help='What people call the site, as in "Alpine University".')
@click.option(
    "--accept-url",
    default="",
    metavar="URL",
    help="Page on which people of this site accept an invitation.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="DOMAIN[=TITLE]",
    help="Another site to share with; may be repeated. See also: jupyter mesh node peer.",
)
@click.option(
    "--directory",
    "directories",
    multiple=True,
    metavar="URL=FILE",
    help="Signed list of sites to share with, and the file with its public key (JWK); may be repeated.",
)
@click.option(
    "--require-signatures",
    is_flag=True,
    help="Refuse what other sites send unsigned (default: only of those that say they sign).",
)
@click.option(
    "--allow-loopback", is_flag=True, help="Share with sites on this machine too, over plain HTTP."
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Allow a --host other than loopback without a certificate.",
)
@click.pass_context
def node(context: click.Context, /, **options: Any) -> None:
    """Run a CS3 site in the foreground: a gateway and a data server over one folder.

    Stop it with Ctrl-C. With a part, the users, projects and peers of the site in --data are changed, or it
    is checked; the site may run meanwhile.
    """
    data = context.obj = options["data"]
    if context.invoked_subcommand is not None:
        return
    if not options["name"] or data is None:
        raise InvalidRequest(
            "Give the site a name and a folder: jupyter mesh node --name alpine --data DIR."
        )
    if (options["tls_cert"] is None) != (options["tls_key"] is None):
        raise InvalidRequest(
            "A certificate and its key belong together: give both --tls-cert and --tls-key."
        )
    asyncio.run(_serve(**options))


@node.group
def user() -> None:
    """Add a user."""


@user.command("add")
@click.argument("name")
@DATA
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="Group that the user is in; may be repeated.",
)
@click.option("--display-name", default="", metavar="NAME", help="Name that others see.")
@click.option(
    "--quota",
    type=int,
    default=0,
    metavar="BYTES",
    help="Room in the personal space (default: no limit).",
)
@click.pass_obj
def add_user(
    site: Path | None,
    name: str,
    data: Path | None,
    groups: tuple[str, ...],
    display_name: str,
    quota: int,
) -> None:
    """Add the user NAME. The password is read from standard input, or asked for in a terminal."""
    from jupyter_mesh.node import users

    folder = _folder(data or site)
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {name}: ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    users.add_user(folder, name, password, display=display_name, groups=groups, quota=quota)
    print(f"Added {name}.")


@node.group
def project() -> None:
    """Add a project or members."""


@project.command("add")
@click.argument("name")
@DATA
@click.option(
    "--member",
    "members",
    multiple=True,
    metavar="USER[:viewer|editor|owner]",
    help="User, or group after @, and what they may do (default: editor); may be repeated.",
)
@click.option(
    "--quota",
    type=int,
    default=0,
    metavar="BYTES",
    help="Room for the project (default: no limit).",
)
@click.pass_obj
def add_project(
    site: Path | None, name: str, data: Path | None, members: tuple[str, ...], quota: int
) -> None:
    """Add the project NAME, or members to one that is there."""
    from jupyter_mesh.node import users

    roles: dict[str, str] = {}
    for member in members:
        who, _, role = member.partition(":")
        roles[who] = role or "editor"
    users.add_project(_folder(data or site), name, roles, quota=quota)
    print(f"The project {name} has {', '.join(roles) or 'no new members'}.")


@node.group
def peer() -> None:
    """Say which other sites people here may share with."""


@peer.command("add")
@click.argument("site", metavar="DOMAIN[=TITLE]")
@DATA
@click.pass_obj
def add_peer(folder: Path | None, site: str, data: Path | None) -> None:
    """Share with the site DOMAIN from now on."""
    from jupyter_mesh.node.ocm import trust

    print(f"{trust.add_peer(_folder(data or folder), site)} is a peer.")


@peer.command("remove")
@click.argument("site", metavar="DOMAIN")
@DATA
@click.pass_obj
def remove_peer(folder: Path | None, site: str, data: Path | None) -> int:
    """Share with the site DOMAIN no longer. Shares that exist stay until they are ended."""
    from jupyter_mesh.node.ocm import trust

    found = trust.remove_peer(_folder(data or folder), site)
    print(f"{site} is no longer a peer." if found else f"{site} was not added as a peer.")
    return 0 if found else 1


@peer.command("list")
@DATA
@click.pass_obj
def list_peers(folder: Path | None, data: Path | None) -> None:
    """List the sites that were added."""
    from jupyter_mesh.node.ocm import trust

    for domain, title in trust.list_peers(_folder(data or folder)).items():
        print(f"{domain}\t{title}")


@node.command
@DATA
@click.pass_obj
def check(site: Path | None, data: Path | None) -> int:
    """See whether the files and the index of a site agree. Changes nothing."""
    from jupyter_mesh.node import check as look

    folder = _folder(data or site)
    problems = look(folder)
    print("\n".join(problems) or f"The site in {folder} is consistent.")
    return 1 if problems else 0


def _folder(data: Path | None) -> Path:
    if data is None:
        raise InvalidRequest("Say which site with --data DIR.")
    return data


async def _serve(
    *,
    ready_file: Path | None,
    machine_key_file: Path | None,
    oidc_issuer: str,
    oidc_audience: str,
    oidc_claim: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    public_url: str,
    title: str,
    accept_url: str,
    peers: tuple[str, ...],
    directories: tuple[str, ...],
    require_signatures: bool,
    allow_loopback: bool,
    **options: Any,
) -> None:
    # Late: asking for help must not load grpc.
    from jupyter_mesh.node import Node
    from jupyter_mesh.node.bearer import BearerSettings
    from jupyter_mesh.node.ocm.settings import FederationSettings, read_directory, read_peer

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    site = Node(
        **options,
        machine_key=_machine_key(machine_key_file),
        bearer=BearerSettings(issuer=oidc_issuer, audience=oidc_audience, claim=oidc_claim)
        if oidc_issuer
        else None,
        tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
        federation=FederationSettings(
            public_url=public_url,
            title=title,
            accept_url=accept_url,
            peers=dict(map(read_peer, peers)),
            directories=dict(map(read_directory, directories)),
            require_signatures=require_signatures,
            allow_loopback=allow_loopback,
        ),
    )
    if ready_file is not None:
        # Of an earlier run: whoever waits for this one must not take it for the answer.
        await asyncio.to_thread(ready_file.unlink, missing_ok=True)
    async with site:
        print(f"{site.name}: gateway {site.gateway}, data {site.url}", flush=True)
        if ready_file is not None:
            facts = {"name": site.name, "gateway": site.gateway, "url": site.url}
            facts |= {"domain": site.domain, "public_url": site.public_url}
            _write_ready(ready_file, facts)
        await stopped.wait()


def _machine_key(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise InvalidRequest(
            f"The machine key in {path} cannot be read ({error.strerror})."
        ) from error
    if len(key) < 16:
        raise InvalidRequest(f"The machine key in {path} is too short: use 16 characters or more.")
    return key


def _write_ready(path: Path, facts: dict[str, str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(facts) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise InvalidRequest(
            f"The ready file {path} cannot be written ({error.strerror})."
        ) from error
