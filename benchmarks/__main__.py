"""``make bench``: our way to the data beside jupyter-server's own on a local disk.

Every server runs in a process of its own, on loopback. A whole group of measures replaces its part of
benchmarks/results/loopback.json and of the table in docs/performance.md; ``--quick`` only prints.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from benchmarks import measures, report, servers
from benchmarks.comparison import Bench


async def run(groups: list[str], rounds: int, scale: float, *, keep: bool) -> None:
    """Measure group by group, each with fresh servers, and print as it goes."""
    for name in groups:
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory(prefix="mesh-bench-") as made:
            folder = Path(made)
            async with (
                servers.site(folder / "site") as site,
                servers.stock(folder) as stock,
                await servers.mesh(folder, "mesh", site) as mesh,
            ):
                bench = Bench(folder, site, stock, mesh, rounds, scale)
                rows = measures.plain(await measures.GROUPS[name](bench))
        for row in rows:
            print(report.line(row), flush=True)
        if keep:
            report.remember(name, rows, rounds, load)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(measures.GROUPS), help="this group alone; repeat it"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sizes, three rounds, nothing written"
    )
    args = parser.parse_args()
    groups = args.only or list(measures.GROUPS)
    rounds, scale = (3, 0.1) if args.quick else (args.rounds, 1.0)
    asyncio.run(run(groups, rounds, scale, keep=not args.quick))


if __name__ == "__main__":
    main()
