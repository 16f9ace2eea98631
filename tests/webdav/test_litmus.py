"""litmus 0.13, the test suite for WebDAV servers, against our application over a node."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.webdav import LockTable, WebDAV

pytestmark = pytest.mark.skipif(
    shutil.which("litmus") is None,
    reason="litmus is not installed (Debian: apt-get install litmus)",
)

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
SUMMARY = re.compile(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed, (\d+) failed")


async def test_litmus_has_nothing_to_say(mesh: MeshClient, tmp_path: Path):
    dav = WebDAV(mesh, locks=LockTable())
    runner = web.ServerRunner(web.Server(dav.handle, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        process = await asyncio.create_subprocess_exec(
            "litmus",
            "-k",
            f"http://{host}:{port}/home/",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode(errors="replace")
    finally:
        await runner.cleanup()
    found = {suite: (int(ran), int(passed)) for suite, ran, passed, _ in SUMMARY.findall(said)}
    assert found == {suite: (count, count) for suite, count in SUITES.items()}, said
