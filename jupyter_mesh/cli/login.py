"""``jupyter mesh login``: a password becomes a token in a file that only its owner can read."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
import tempfile
from pathlib import Path

from jupyter_mesh.errors import InvalidRequest


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "login",
        help="sign in to a site and keep the token in a file",
        description="Sign in to a site and keep the token in a file (mode 0600). "
        "The password is read from standard input, or asked for in a terminal.",
    )
    parser.add_argument("--gateway", required=True, metavar="HOST:PORT", help="CS3 gateway of the site")
    parser.add_argument("--username", required=True, metavar="NAME", help="your name at the site")
    parser.add_argument(
        "--token-file", required=True, type=Path, metavar="F", help="where the token goes; an older one is replaced"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Sign in; raises LoginEnded for a wrong password, and then leaves an older token as it is."""
    password = read_password(f"Password of {args.username} at {args.gateway}: ")
    token = asyncio.run(_authenticate(args.gateway, args.username, password))
    write_secret(args.token_file, token)
    print(f"Signed in as {args.username}. The token is in {args.token_file}.")
    return 0


def read_password(prompt: str) -> str:
    """The password from the terminal without echo, or the first line of standard input."""
    password = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InvalidRequest("No password was given: type it, or pass it on standard input.")
    return password


def write_secret(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` for the owner's eyes only, whole or not at all.

    Raises InvalidRequest when the folder is missing or not writable.
    """
    try:
        # mkstemp creates 0600: at no moment can others read the secret under either name.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidRequest(f'"{path}" cannot be written ({error.strerror}): choose another place.') from error


async def _authenticate(gateway: str, username: str, password: str) -> str:
    from jupyter_mesh.cs3.login import authenticate

    return await authenticate(gateway, username, password)
