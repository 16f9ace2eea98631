"""``jupyter mesh login``: a password becomes a token in a file that only its owner can read."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "login",
        help="sign in to a site and keep the token in a file",
        description="Sign in to a site and keep the token in a file (mode 0600). "
        "The password is read from standard input, or asked for in a terminal.",
    )
    parser.add_argument(
        "--gateway", required=True, metavar="HOST:PORT", help="CS3 gateway of the site"
    )
    parser.add_argument("--username", required=True, metavar="NAME", help="your name at the site")
    parser.add_argument(
        "--token-file",
        required=True,
        type=Path,
        metavar="F",
        help="where the token goes; an older one is replaced",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Sign in; raises LoginEnded for a wrong password, and then leaves an older token as it is."""
    password = read_password(f"Password of {args.username} at {args.gateway}: ")
    asyncio.run(_sign_in(args, password))
    print(f"Signed in as {args.username}. The token is in {args.token_file}.")
    return 0


def read_password(prompt: str) -> str:
    """The password from the terminal without echo, or the first line of standard input."""
    password = (
        getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    )
    if not password:
        raise InvalidRequest("No password was given: type it, or pass it on standard input.")
    return password


async def _sign_in(args: argparse.Namespace, password: str) -> None:
    from jupyter_mesh.auth import write_token_file
    from jupyter_mesh.cs3.login import authenticate

    login = await authenticate(args.gateway, "basic", args.username, password)
    try:
        await asyncio.to_thread(write_token_file, args.token_file, login.token)
    except OSError as error:
        raise InvalidRequest(
            f'"{args.token_file}" cannot be written ({error.strerror}): choose another place.'
        ) from error
