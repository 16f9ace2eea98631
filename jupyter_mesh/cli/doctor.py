"""``jupyter mesh doctor``: looks at a set-up and says in plain words what to do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from jupyter_mesh.cli.checks import Finding

MARKS = {True: "ok", False: "problem", None: "-"}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "doctor",
        help="check a set-up and say what to do",
        description="Check versions, extensions, the login, the gateway, the data gateway, the clock and the hub. "
        "Nothing is changed: a small file is uploaded to your home, read back and removed for good. "
        "Exit code 1 when there is a problem.",
    )
    parser.add_argument("--site", metavar="NAME", help="name of the site (default: MESH_SITE)")
    parser.add_argument(
        "--gateway", metavar="HOST:PORT", help="CS3 gateway of the site (default: MESH_GATEWAY)"
    )
    parser.add_argument(
        "--token-file", metavar="F", help="file with your token (default: MESH_TOKEN_FILE)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="check the data folder of a node instead; the node may run",
    )
    parser.add_argument("--json", action="store_true", help="findings as JSON, for programs")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per check; returns 1 when one of them found a problem."""
    findings = asyncio.run(_look(args))
    if args.json:
        print(
            json.dumps([{"check": f.check, "ok": f.ok, "text": f.text} for f in findings], indent=1)
        )
    else:
        for finding in findings:
            print(f"{MARKS[finding.ok]:<8} {finding.check:<17} {finding.text}")
    return int(any(finding.ok is False for finding in findings))


async def _look(args: argparse.Namespace) -> list[Finding]:
    from jupyter_mesh.cli import checks

    if args.data:
        return await asyncio.to_thread(checks.node_data, args.data)
    installed = await asyncio.to_thread(checks.installation)
    given = {
        "MESH_SITE": args.site,
        "MESH_GATEWAY": args.gateway,
        "MESH_TOKEN_FILE": args.token_file,
    }
    site = await checks.site({name: value for name, value in given.items() if value})
    return [*installed, *site, *await checks.hub()]
