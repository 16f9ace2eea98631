"""``jupyter mesh demo``: two sites and two hubs on this machine, with real sample data."""

from __future__ import annotations

from pathlib import Path

import click


@click.command
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(".demo"),
    metavar="DIR",
    show_default=True,
    help="Where the demo lives.",
)
def demo(folder: Path) -> int:
    """Start two sites, alpine and coast, each with a JupyterHub, on this machine.

    Prints their addresses, users and passwords; stops everything on Ctrl-C. The files stay for the next
    time.
    """
    from jupyter_mesh.demo.supervisor import run_demo

    return run_demo(folder)
