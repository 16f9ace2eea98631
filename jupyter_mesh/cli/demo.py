"""``jupyter mesh demo``: two sites and two hubs on this machine, with real sample data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "demo",
        help="two sites with a JupyterHub each on this machine, until Ctrl-C",
        description="Start two sites, alpine and coast, each with a JupyterHub, on this machine; print their addresses, "
        "users and passwords; stop everything on Ctrl-C. The files stay for the next time.",
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(".demo"),
        metavar="DIR",
        help="where the demo lives (default: %(default)s)",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo until it is stopped."""
    from jupyter_mesh.demo.supervisor import run_demo

    return run_demo(args.dir)
