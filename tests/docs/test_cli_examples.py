"""What stands in docs/cli.md to be typed does what is meant: each line is run by a real shell, at a real node."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from jupyter_mesh.node.users import add_project
from jupyter_mesh.testing.site import run_node

from .blocks import DOCS, blocks_of

PAGE = (DOCS / "cli.md").read_text()
SECTION = re.compile(r"^#{3,4} jupyter mesh (.+?)\n(.*?)(?=^#{2,4} |\Z)", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (name, command)
    for name, text in SECTION.findall(PAGE)
    for block in blocks_of(text, "console")
    for command in re.findall(r"^\$ (.+)", block, re.MULTILINE)
]

# These sign in and out, mount, and serve until they are stopped: their own tests run them.
ELSEWHERE = ("login", "logout", "whoami", "sites", "mount", "unmount", "doctor", "demo", "node")

BEFORE = {
    "restore": "echo new | jupyter-mesh put -f - home/data/points.csv",
    "bin restore": "for n in 1 2; do jupyter-mesh put -f points.csv home/data/old.csv && jupyter-mesh rm home/data/old.csv; done",
    "bin purge": "jupyter-mesh rm home/data/old.csv",
    "tag remove": "jupyter-mesh tag add home/data/points.csv run-7",
    "sync": "rm -rf data",
}
"""What must have happened before the examples of a verb."""


@pytest.fixture
async def shell(tmp_path, monkeypatch):
    """A shell in a folder with some files, of somebody who is signed in at a site with some files."""
    async with run_node(tmp_path / "site") as site, site.client() as mesh:
        add_project(tmp_path / "site", "lofar", {site.users[0].name: "owner"})
        for folder in ("home/data", "home/results/2026", "home/archive"):
            await mesh.mkdir(folder, parents=True)
        for name in ("points.csv", "old.csv"):
            await mesh.upload(f"home/data/{name}", b"x,y\n1,2\n")
        here = tmp_path / "here"
        (here / "figures").mkdir(parents=True)
        (here / "data").mkdir()
        for name in ("result.csv", "points.csv", "figures/one.svg", "data/points.csv"):
            (here / name).write_text("x,y\n1,2\n")
        token = tmp_path / "token"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MESH_SITE": "alpine",
            "MESH_GATEWAY": site.gateway,
            "MESH_TOKEN_FILE": str(token),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        token.touch(0o600)
        token.write_text(await site.tokens().token())

        async def shell(command):
            process = await asyncio.create_subprocess_exec(
                *("bash", "-o", "pipefail", "-c", command),
                cwd=here,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
            return process.returncode, out.decode()

        yield shell


def verbs():
    found = {}
    for name, command in EXAMPLES:
        if name.split()[0] not in ELSEWHERE and "transfers" not in name:
            found.setdefault(name, []).append(command)
    return [pytest.param(name, commands, id=name) for name, commands in found.items()]


def test_every_verb_has_an_example():
    groups = {"bin", "tag", "transfers"}
    without = {name for name, text in SECTION.findall(PAGE) if "```console" not in text}
    assert {name for name in without - groups if name.split()[0] not in ELSEWHERE} == set()


@pytest.mark.parametrize(("name", "commands"), verbs())
async def test_examples(shell, name, commands):
    if name in BEFORE:
        code, out = await shell(BEFORE[name])
        assert code == 0, out
    for command in commands:
        # The same program, without the one that looks for it.
        code, out = await shell(command.replace("jupyter mesh", "jupyter-mesh"))
        assert code == 0, f"{command}: {out}"
