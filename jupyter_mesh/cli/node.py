"""``jupyter mesh node``: a site in the foreground, its users and projects."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import signal
import sys
from pathlib import Path

from jupyter_mesh.errors import InvalidRequest

__all__ = ["add_parser"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb ``node``. Its functions raise MeshError with one sentence."""
    node = subparsers.add_parser(
        "node",
        help="run a site of your own in one process",
        description="Run a CS3 site in the foreground: a gateway and a data server over one folder. Stop it with Ctrl-C.",
    )
    node.add_argument("--name", help="name of the site, for example alpine")
    node.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder that holds the files and the state of the site",
    )
    node.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    node.add_argument(
        "--gateway-port",
        type=int,
        default=0,
        metavar="PORT",
        help="port of the CS3 gateway (default: a free one)",
    )
    node.add_argument(
        "--http-port",
        type=int,
        default=0,
        metavar="PORT",
        help="port of the data gateway (default: a free one)",
    )
    node.add_argument(
        "--flavour",
        choices=("spaces", "paths"),
        default="spaces",
        help="answer as OpenCloud (spaces) or as cs3org Reva (paths) does (default: %(default)s)",
    )
    node.add_argument(
        "--ready-file",
        type=Path,
        metavar="FILE",
        help="write name, gateway and url there as JSON once the site answers",
    )
    node.add_argument(
        "--token-life",
        type=float,
        default=86400,
        metavar="SECONDS",
        help="how long a login is good (default: %(default)s)",
    )
    node.add_argument(
        "--machine-key-file",
        type=Path,
        metavar="FILE",
        help="allow the login of services that know the key in this file (default: not allowed)",
    )
    node.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="certificate chain, for both ports"
    )
    node.add_argument("--tls-key", type=Path, metavar="FILE", help="key of the certificate")
    node.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow a --host other than loopback without a certificate",
    )
    node.set_defaults(func=_run)
    parts = node.add_subparsers(title="parts", metavar="")
    _add_user_parser(parts)
    _add_project_parser(parts)
    check = parts.add_parser(
        "check",
        help="see whether the files and the index of a site agree",
        description="See whether the files and the index of a site agree. Changes nothing.",
    )
    _add_data(check)
    check.set_defaults(func=_check)


def _add_data(parser: argparse.ArgumentParser) -> None:
    # Its own name: a default here would overwrite a --data given before the part.
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="data folder of the site",
    )


def _add_user_parser(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    user = parts.add_parser("user", help="add a user").add_subparsers(required=True, metavar="add")
    add = user.add_parser(
        "add",
        help="add a user",
        description="Add a user. The password is read from standard input.",
    )
    add.add_argument("user", metavar="NAME", help="name to log in with")
    _add_data(add)
    add.add_argument(
        "--group", action="append", default=[], help="group that the user is in; may be repeated"
    )
    add.add_argument("--display-name", default="", metavar="NAME", help="name that others see")
    add.add_argument(
        "--quota",
        type=int,
        default=0,
        metavar="BYTES",
        help="room in the personal space (default: no limit)",
    )
    add.set_defaults(func=_add_user)


def _add_project_parser(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    project = parts.add_parser("project", help="add a project").add_subparsers(
        required=True, metavar="add"
    )
    add = project.add_parser(
        "add",
        help="add a project or members",
        description="Add a project, or members to one that is there.",
    )
    add.add_argument("project", metavar="NAME", help="name of the project")
    _add_data(add)
    add.add_argument(
        "--member",
        action="append",
        default=[],
        metavar="USER[:viewer|editor|owner]",
        help="user, or group after @, and what they may do (default: editor); may be repeated",
    )
    add.add_argument(
        "--quota",
        type=int,
        default=0,
        metavar="BYTES",
        help="room for the project (default: no limit)",
    )
    add.set_defaults(func=_add_project)


def _run(args: argparse.Namespace) -> int:
    if not args.name or args.data is None:
        raise InvalidRequest(
            "Give the site a name and a folder: jupyter mesh node --name alpine --data DIR."
        )
    if (args.tls_cert is None) != (args.tls_key is None):
        raise InvalidRequest(
            "A certificate and its key belong together: give both --tls-cert and --tls-key."
        )
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    # Late: asking for help must not load grpc.
    from jupyter_mesh.node import Node

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    node = Node(
        name=args.name,
        data=args.data,
        host=args.host,
        gateway_port=args.gateway_port,
        http_port=args.http_port,
        flavour=args.flavour,
        token_life=args.token_life,
        machine_key=_machine_key(args.machine_key_file),
        tls=(args.tls_cert, args.tls_key) if args.tls_cert else None,
        allow_remote=args.allow_remote,
    )
    if args.ready_file is not None:
        # Of an earlier run: whoever waits for this one must not take it for the answer.
        await asyncio.to_thread(args.ready_file.unlink, missing_ok=True)
    async with node:
        print(f"{node.name}: gateway {node.gateway}, data {node.url}", flush=True)
        if args.ready_file is not None:
            _write_ready(
                args.ready_file, {"name": node.name, "gateway": node.gateway, "url": node.url}
            )
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


def _add_user(args: argparse.Namespace) -> int:
    from jupyter_mesh.node.users import add_user

    data = _data(args)
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {args.user}: ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    add_user(
        data, args.user, password, display=args.display_name, groups=args.group, quota=args.quota
    )
    print(f"Added {args.user}.")
    return 0


def _add_project(args: argparse.Namespace) -> int:
    from jupyter_mesh.node.users import add_project

    members: dict[str, str] = {}
    for member in args.member:
        name, _, role = member.partition(":")
        members[name] = role or "editor"
    add_project(_data(args), args.project, members, quota=args.quota)
    print(f"The project {args.project} has {', '.join(members) or 'no new members'}.")
    return 0


def _check(args: argparse.Namespace) -> int:
    from jupyter_mesh.node import check

    data = _data(args)
    problems = check(data)
    print("\n".join(problems) or f"The site in {data} is consistent.")
    return 1 if problems else 0


def _data(args: argparse.Namespace) -> Path:
    if args.data is None:
        raise InvalidRequest("Say which site with --data DIR.")
    return Path(args.data)
