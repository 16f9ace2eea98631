"""What stands in docs/data.md runs, in the order of the page, as one program of somebody with a laptop."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from jupyter_mesh.testing.site import SiteUser, run_node

from .blocks import blocks

ANN = SiteUser("ann", "marker-PASSWORD-of-ann")


async def run(*command, where, environment, given=b""):
    """Run a command to its end; gives its output, with errors."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=where,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(given)
    assert process.returncode == 0, out.decode()
    return out.decode()


# Imports of all these libraries and a cluster of two processes, on a machine that does other things too.
@pytest.mark.timeout(300)
async def test_page_can_be_followed(tmp_path):
    (shell,) = blocks("data", "sh")
    python = blocks("data", "python")
    logins = [line for line in shell.splitlines() if "logout" not in line]
    assert len(logins) == len(shell.splitlines()) - 1
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "PATH": path,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        # Where a server would have started the kernel.
        "MESH_FOLDER": "cs3://alpine/home/analysis",
    }
    async with (
        run_node(tmp_path / "site", users=[ANN]) as site,
        site.client() as mesh,
    ):
        await mesh.upload("home/data.csv", b"station,flux\nnorth,1\nsouth,2\n")
        for line in logins:
            line = line.replace("mesh.example.org:9142", site.gateway)
            command = ("bash", "-euc", line)
            await run(
                *command, where=tmp_path, environment=environment, given=b"marker-PASSWORD-of-ann\n"
            )
        told = await run(
            *(sys.executable, "-c", "\n".join(python)), where=tmp_path, environment=environment
        )
        written = {entry.name for entry in await mesh.list_folder("home/analysis")}
    assert "Could not open home/missing.csv" in told
    assert "was changed at alpine" in told
    assert "2" in told.splitlines()
    assert {"run.parquet", "set", "cube.zarr", "run.h5", "flux.zarr", "flux.nc", "b.txt"} <= written
