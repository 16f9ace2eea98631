"""The top-level ``binder`` folder: what repo2docker makes of it, and its start script with a real JupyterLab."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.hub.hubs import free_ports

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"

pytestmark = pytest.mark.timeout(300)


async def test_repo2docker_finds_all_of_it(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "repo2docker", "--no-build", "--debug"),
        *("--user-id", "1000", "--user-name", "jovyan", str(ROOT)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    said = said.decode()
    assert process.returncode == 0, said
    assert "binder/environment.yml" in said
    assert "./binder/postBuild" in said
    assert "binder/start" in said


def test_the_scripts_can_be_executed():
    for script in ("start", "postBuild"):
        assert os.access(BINDER / script, os.X_OK)
    subprocess.run(["bash", "-n", BINDER / "postBuild"], check=True)


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab that the start script has become, in a home where nothing is yet; gives address and token."""
    (port,) = free_ports(1)
    token = secrets.token_hex(16)
    home = tmp_path / "home"
    home.mkdir()
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    environment = {
        "HOME": str(home),
        "JUPYTER_TOKEN": token,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [BINDER / "start", "jupyter", "lab", *options],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    yield f"http://127.0.0.1:{port}", token, process, tmp_path / "log"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


async def test_a_lab_with_a_site_of_its_own(lab):
    url, token, process, log = lab
    async with aiohttp.ClientSession(headers={"Authorization": f"token {token}"}) as session:

        async def ask(path):
            async with session.get(url + path) as reply:
                assert reply.status == 200, await reply.text()
                return json.loads(await reply.text())

        deadline = time.monotonic() + 200
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                status = await ask("/api/mesh/status")
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)
        assert (status["state"], status["user"]["displayName"]) == ("online", "Maya Rossi")
        assert status["site"]["title"] == "Alpine University"
        home = await ask("/api/contents/mesh/home/sea-breeze")
        assert "sea-breeze.ipynb" in [each["name"] for each in home["content"]]
        project = await ask("/api/contents/mesh/projects/atmosphere/keeling-curve")
        assert "keeling-curve.ipynb" in [each["name"] for each in project["content"]]
        async with session.get(url, allow_redirects=True) as reply:
            assert reply.url.path == "/lab/tree/mesh/home/sea-breeze/sea-breeze.ipynb"
    assert "password" not in log.read_text().lower()
