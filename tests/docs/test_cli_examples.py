"""What stands in docs/cli.md to be typed does what is meant: each line is run by a real shell, at a real node."""

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.node.users import add_project, add_user
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.projects import Wanted
from jupyter_mesh.testing.site import SiteUser, federated_nodes, run_node

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
    "run": "jupyter-mesh mkdir -p home/analysis projects/lofar/runs"
    " && for to in home/analysis projects/lofar; do jupyter-mesh put fit.ipynb $to/; done",
    "place": "echo 'c = get_config()' > jupyterhub_config.py",
}
"""What must have happened before the examples of a verb."""

SHARE = "jupyter-mesh share home/analysis marie"
LINK = "jupyter-mesh link create home/figures"
PROJECT = "jupyter-mesh project create survey marie 'Jan Novak' --yes"
BEFORE_SHARING = {
    "shares by-me": SHARE,
    "shares access": SHARE,
    "link list": LINK,
    "link change": LINK,
    "link remove": LINK,
    "project members": PROJECT,
    "project add": "jupyter-mesh project create survey marie --yes",
    "project remove": PROJECT,
    "project repair": PROJECT,
    "project dissolve": PROJECT,
}


def ids_of(*words):
    """In a shell, the id of the first one that a verb lists."""
    listed = " ".join(("jupyter-mesh", *words, "--json"))
    return f"$({listed} | {sys.executable} -c 'import json, sys; print(json.load(sys.stdin)[0][\"id\"])')"


class Shell:
    """Runs what is typed, as one user of a site, in a folder."""

    def __init__(self, here, site, state, token):
        self._here = here
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MESH_SITE": site.settings.name,
            "MESH_GATEWAY": site.gateway,
            "MESH_TOKEN_FILE": str(token),
            "XDG_STATE_HOME": str(state),
        }

    async def __call__(self, command):
        process = await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", command),
            cwd=self._here,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode, out.decode()


async def signed_in(site, token):
    token.touch(0o600)
    token.write_text(await site.tokens().token())
    return token


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
        kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
        cells = [
            new_code_cell("station = ''\nyear = 0\nfiles = []", metadata={"tags": ["parameters"]})
        ]
        nbformat.write(
            new_notebook(cells=cells, metadata={"kernelspec": kernel}), here / "fit.ipynb"
        )
        token = await signed_in(site, tmp_path / "token")
        yield Shell(here, site, tmp_path / "state", token)


@pytest.fixture(scope="module")
async def friends(tmp_path_factory):
    """Two sites that share with each other, with a group at the first one."""
    async with federated_nodes(tmp_path_factory.mktemp("friends")) as (site, other):
        add_user(site.data, "maria", "a password of Maria", groups=["astro"])
        yield site, other


@pytest.fixture
async def shell_of_friends(friends, tmp_path, request):
    """A shell of somebody new with a colleague, a group and a contact at another site, with what these offer."""
    verb = request.node.callspec.id.replace(" ", "-")
    reader = SiteUser(f"reader-{verb}", "a password of a reader")
    jan = SiteUser(f"jan-{verb}", "a password of Jan")
    site, other = friends
    add_user(site.data, reader.name, reader.password)
    add_user(other.data, jan.name, jan.password, display="Jan Novak")
    add_project(site.data, "lofar", {reader.name: "owner"})
    here, there = replace(site, users=[reader]), replace(other, users=[jan])
    async with here.client() as mesh, there.client() as theirs:
        me, friend = Sharing(mesh), Sharing(theirs)
        for folder in ("analysis", "figures", "inbox"):
            await mesh.mkdir(f"home/{folder}")
        await mesh.upload("home/analysis/fit.ipynb", b"{}")
        letter = await me.invitations.create()
        contact = await friend.invitations.accept(letter.code)
        await theirs.mkdir("home/lofar-survey")
        await friend.share("home/lofar-survey", contact, Role.EDITOR)
        wanted = [Wanted(who=contact, role=Role.EDITOR)]
        await friend.projects.create("their-survey", wanted)
        for offered in await me.received():
            if "survey" in offered.name and "lofar" not in offered.name:
                await me.answer(offered.id, ShareState.ACCEPTED)
    async with other.client() as stranger:
        invitation = await Sharing(stranger).invitations.create()
        (tmp_path / "mail.txt").write_text(invitation.body)
    token = await signed_in(here, tmp_path / "token")
    return Shell(tmp_path, here, tmp_path / "state", token)


SHARING = ("share", "unshare", "shares", "link", "invite", "accept", "contacts", "project")


def verbs(*, sharing=False):
    found = {}
    for name, command in EXAMPLES:
        verb = name.split()[0]
        if verb in ELSEWHERE or "transfers" in name:
            continue
        if (verb in SHARING) == sharing:
            found.setdefault(name, []).append(command)
    return [pytest.param(name, commands, id=name) for name, commands in found.items()]


def test_every_verb_has_an_example():
    groups = {"bin", "tag", "transfers", "shares", "link", "contacts", "project"}
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


@pytest.mark.parametrize(("name", "commands"), verbs(sharing=True))
async def test_examples_of_sharing(shell_of_friends, name, commands):
    shell = shell_of_friends
    if name in BEFORE_SHARING:
        code, out = await shell(BEFORE_SHARING[name])
        assert code == 0, out
    for command in commands:
        # On the page stand ids as they look like.
        command = command.replace("local-17", ids_of("shares", "by-me"))
        command = re.sub(r" 17\b", f" {ids_of('link', 'list')}", command)
        if name == "unshare":
            await shell(SHARE)
        code, out = await shell(command.replace("jupyter mesh", "jupyter-mesh"))
        assert code == 0, f"{command}: {out}"
