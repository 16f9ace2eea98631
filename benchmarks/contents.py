"""How our way to list, open and save compares with a local disk: ``make bench``.

Both managers run in this process, one over a local folder (jupyter-server's AsyncLargeFileManager), the
other over a node in its own process on loopback. Operations take turns, so that whatever else this machine
does hits both; the table gives medians and their ratio. ``make bench ARGS=--json`` is for programs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nbformat.v4
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from jupyter_mesh.contents import MeshContentsManager
from jupyter_mesh.testing.site import start_node

Operation = Callable[[Any, str], Awaitable[Any]]

ROUNDS = 15
NOTEBOOKS = {"10 kB": 10_000, "1 MB": 1_000_000}
FOLDERS = (10, 1000)


def notebook(size: int) -> dict[str, Any]:
    """A notebook of about ``size`` bytes, half of it outputs."""
    cells = []
    for number in range(10):
        output = nbformat.v4.new_output("stream", text="0.123456789\n" * (size // 240))
        source = f"value_{number} = 1\n" * (size // 300)
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], id=f"cell-{number}"))
    return nbformat.v4.new_notebook(cells=cells)


def save(content: dict[str, Any]) -> Operation:
    """An operation that saves ``content`` as a notebook."""
    return lambda manager, path: manager.save(
        {"type": "notebook", "format": "json", "content": content}, path
    )


async def operations(
    disk: AsyncLargeFileManager, mesh: MeshContentsManager
) -> dict[str, tuple[Operation, str]]:
    """Name, operation and path of everything that is measured; what it needs is made here, on both sides."""
    measured: dict[str, tuple[Operation, str]] = {}
    for count in FOLDERS:
        folder = f"folder-{count}"
        for manager, top in ((disk, ""), (mesh, "home/")):
            await manager.save({"type": "directory"}, top + folder)
            for number in range(count):
                model = {"type": "file", "format": "text", "content": "x"}
                await manager.save(model, f"{top}{folder}/file-{number:04}.txt")
        measured[f"list {count} files"] = (lambda manager, path: manager.get(path), folder)
    for label, size in NOTEBOOKS.items():
        path = f"{size}.ipynb"
        operation = save(notebook(size))
        measured[f"save a notebook of {label}"] = (operation, path)
        for manager, top in ((disk, ""), (mesh, "home/")):
            await operation(manager, top + path)
        measured[f"open a notebook of {label}"] = (lambda manager, path: manager.get(path), path)
    return measured


async def timed(awaitable: Awaitable[Any]) -> float:
    """Milliseconds until ``awaitable`` is done."""
    began = time.perf_counter()
    await awaitable
    return 1000 * (time.perf_counter() - began)


async def measure(folder: Path) -> list[dict[str, Any]]:
    """One row per operation: medians in milliseconds and their ratio."""
    local = folder / "local"
    local.mkdir()
    rows = []
    async with start_node(folder / "site") as site:
        disk = AsyncLargeFileManager(root_dir=str(local))
        mesh = MeshContentsManager(client=site.client())
        try:
            for name, (operation, path) in (await operations(disk, mesh)).items():
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    theirs.append(await timed(operation(disk, path)))
                    ours.append(await timed(operation(mesh, f"home/{path}")))
                row = {
                    "operation": name,
                    "disk_ms": statistics.median(theirs),
                    "mesh_ms": statistics.median(ours),
                }
                rows.append(row | {"ratio": row["mesh_ms"] / row["disk_ms"]})
        finally:
            await mesh.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder)))
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'':<28}{'local disk':>12}{'mesh':>12}{'ratio':>8}")
    for row in rows:
        print(
            f"{row['operation']:<28}{row['disk_ms']:>9.1f} ms{row['mesh_ms']:>9.1f} ms{row['ratio']:>8.1f}"
        )


if __name__ == "__main__":
    main()
