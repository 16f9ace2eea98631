"""``jupyter mesh login``: a password becomes a token in a file that only its owner can read."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path

import click

from jupyter_mesh.errors import InvalidRequest


@click.command
@click.option("--gateway", required=True, metavar="HOST:PORT", help="CS3 gateway of the site.")
@click.option("--username", required=True, metavar="NAME", help="Your name at the site.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="F",
    help="Where the token goes; an older one is replaced.",
)
def login(gateway: str, username: str, token_file: Path) -> None:
    """Sign in to a site and keep the token in a file (mode 0600).

    The password is read from standard input, or asked for in a terminal. A wrong password leaves an older
    token as it is.
    """
    password = read_password(f"Password of {username} at {gateway}: ")
    asyncio.run(_sign_in(gateway, username, password, token_file))
    print(f"Signed in as {username}. The token is in {token_file}.")


def read_password(prompt: str) -> str:
    """The password from the terminal without echo, or the first line of standard input."""
    password = (
        getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    )
    if not password:
        raise InvalidRequest("No password was given: type it, or pass it on standard input.")
    return password


async def _sign_in(gateway: str, username: str, password: str, token_file: Path) -> None:
    from jupyter_mesh.auth import write_token_file
    from jupyter_mesh.cs3.login import authenticate

    login = await authenticate(gateway, "basic", username, password)
    try:
        await asyncio.to_thread(write_token_file, token_file, login.token)
    except OSError as error:
        raise InvalidRequest(
            f'"{token_file}" cannot be written ({error.strerror}): choose another place.'
        ) from error
