"""``jupyter mesh mount | unmount`` as people type it, and the page that tells about them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mesh.mount.folder import known_mounts
from tests.docs.blocks import blocks

from .mounts import PATIENCE, wait_for

pytestmark = [
    pytest.mark.timeout(3 * PATIENCE),
    pytest.mark.parametrize("shared", ["node"], indirect=True),
]


def test_page_can_be_followed(own, tmp_path):
    """Every block of docs/mount.md, in its order."""
    shell, python = blocks("mount", "sh"), blocks("mount", "python")
    assert (len(shell), len(python)) == (1, 1)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**own.environment(), "HOME": str(tmp_path), "PATH": path}
    done = subprocess.run(
        ["bash", "-euc", shell[0]], env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/mesh  alpine  ready" in done.stdout
    assert own.site.read("home/runs.csv") == b"run,events\n"
    assert os.listdir(tmp_path / "mesh") == []

    environment["MESH_MOUNT"] = str(own.dir)
    (own.home / "flushed.txt").write_text("there")
    done = subprocess.run(
        [sys.executable, "-c", python[0]],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert own.site.read("home/flushed.txt") == b"there"


def test_status_for_people_and_programs(own):
    (own.home / "waits.txt").write_text("waits")
    wait_for(lambda: own.status()["pending"])
    told = own.command("mount", "--status", own.dir)
    assert told.stdout.splitlines()[0] == f"{own.dir}  alpine  ready"
    facts = json.loads(own.command("mount", "--status", own.dir, "--json").stdout)
    assert set(facts) == {
        *("dir", "site", "state", "message", "pending", "failing_since", "conflicts", "cache"),
    }
    every = json.loads(own.command("mount", "--status", "--json").stdout)
    assert str(own.dir) in [each["dir"] for each in every]
    own.flush()
    assert own.status()["pending"] == []


@pytest.mark.parametrize("options", [(), ("--daemon",)], ids=["foreground", "daemon"])
def test_second_mount_of_a_folder_is_refused(own, options):
    done = own.command("mount", own.dir, *options)
    assert done.returncode == 1
    assert "is mounted already" in done.stderr
    assert f"jupyter mesh unmount {own.dir}" in done.stderr
    assert "home" in os.listdir(own.dir)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda place: place.write_text("x"), "is a file"),
        (lambda place: (place / "old").mkdir(parents=True), 'it holds "old"'),
    ],
    ids=["file", "not empty"],
)
def test_bad_places_are_refused(own, tmp_path, make, sentence):
    make(tmp_path / "place")
    done = own.command("mount", tmp_path / "place")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_is_named(own, tmp_path):
    old = tmp_path / "bin" / "rclone"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho rclone v1.60.1-DEV\n")
    old.chmod(0o755)
    code = (
        "import asyncio, jupyter_mesh.mount.rclone as r; r.sys.executable = '/nowhere/python'\n"
        "print(asyncio.run(r.find_rclone()))"
    )
    for path, sentence in ((old.parent, "is rclone v1.60.1"), (tmp_path, "is not installed")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PATH": str(path)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert sentence in done.stderr
        assert 'pip install "jupyter-mesh[mount]"' in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_mesh.cli", "mount", str(tmp_path / "place")],
        env={**own.environment(), "PATH": str(old.parent)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "fusermount3 is not installed" in done.stderr


def test_nothing_is_readable_by_others_and_nothing_is_secret(own):
    (folder,) = [folder.path for folder, facts in known_mounts() if facts.dir == own.dir]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    token = (own.folder / "token").read_text().strip()
    rclone = own.rclone()
    for file in ("cmdline", "environ"):
        for pid in (rclone, own.process.pid):
            assert token not in Path(f"/proc/{pid}/{file}").read_bytes().decode()
    for file in folder.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file


def test_unmount_of_what_is_not_mounted(own, tmp_path):
    done = own.command("unmount", tmp_path)
    assert done.returncode == 1
    assert "is not mounted" in done.stderr
    done = own.command("mount", "--status", tmp_path)
    assert done.returncode == 1
    assert f"jupyter mesh mount {tmp_path}" in done.stderr


@pytest.mark.parametrize("owner", ["jovyan", "1000:users", "-1"])
def test_an_owner_is_numbers(own, owner):
    told = own.command("mount", own.dir, "--owner", owner)
    assert (told.returncode, "--owner takes numbers" in told.stderr) == (2, True)
