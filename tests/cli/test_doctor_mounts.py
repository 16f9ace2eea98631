"""What the doctor says of mounts, in plain words."""

import asyncio
import json
import os
import signal

import pytest

from jupyter_mesh.cli import mounted
from jupyter_mesh.mount import mountpoint, possible, rclone
from jupyter_mesh.mount.client import find_mount
from jupyter_mesh_spawner.mounts import LocalMount, _programs
from tests.mounts import mounted_below, needs_fuse


@pytest.fixture(autouse=True)
def own_state(monkeypatch, tmp_path):
    """Mounts of this test alone."""
    monkeypatch.delenv("MESH_MOUNT", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
async def mount(own_state, signed_in, tmp_path):
    """A mount of the site."""
    mount = LocalMount.beside(os.environ, "~/work")
    await mount.mount(50)
    yield mount
    await mount.unmount(0)
    assert mounted_below(tmp_path) == []


@pytest.mark.parametrize(
    ("where", "name", "value", "says"),
    [
        pytest.param(possible, "DEVICE", "/dev/no-fuse", "--device /dev/no-fuse", id="no device"),
        pytest.param(mountpoint.shutil, "which", lambda _: None, "apt install fuse3", id="no fuse"),
        pytest.param(rclone, "OLDEST", (99, 0), "needs rclone 99.0 or newer", id="old rclone"),
    ],
)
@needs_fuse
async def test_what_keeps_a_machine_from_mounting(monkeypatch, where, name, value, says):
    monkeypatch.setattr(where, name, value)
    (found,) = await mounted.mounts()
    assert found.ok is None
    assert says in found.text
    assert "cs3:// addresses work without" in found.text
    monkeypatch.setenv("MESH_MOUNT", "/somewhere/mesh")
    (found,) = await mounted.mounts()
    assert found.ok is False


@needs_fuse
async def test_nothing_mounted(monkeypatch, tmp_path):
    (found,) = await mounted.mounts()
    assert (found.ok, "jupyter mesh mount DIR" in found.text) == (None, True)
    monkeypatch.setenv("MESH_MOUNT", str(tmp_path / "mesh"))
    (found,) = await mounted.mounts()
    assert (found.ok, "Restart your server" in found.text) == (False, True)


@needs_fuse
@pytest.mark.timeout(120)
async def test_a_mount_that_is_well_and_one_whose_program_is_killed(mount, run):
    code, out, _ = await run("doctor", "--json")
    (found,) = [each for each in json.loads(out) if each["check"] == "mount"]
    assert (found["ok"], code) == (True, 0)
    assert found["text"] == f"{mount.folder} answers, nothing waits to be uploaded."
    (pid,) = _programs(mount.folder)
    os.kill(pid, signal.SIGKILL)
    (found,) = await mounted.mounts()
    assert found.ok is False
    assert (
        f"is dead: its program has ended. What waited is kept. Run: jupyter mesh unmount {mount.folder}"
        in found.text
    )


@needs_fuse
@pytest.mark.timeout(120)
async def test_a_mount_whose_rclone_hangs(mount, own_state):
    (pid,) = _programs(mount.folder)
    children = await asyncio.to_thread(open, f"/proc/{pid}/task/{pid}/children")
    with children:
        (child,) = map(int, children.read().split())
    os.kill(child, signal.SIGSTOP)
    try:
        (found,) = await mounted.mounts()
    finally:
        os.kill(child, signal.SIGCONT)
    assert found.ok is False
    assert "does not answer" in found.text


@needs_fuse
async def test_trouble_and_conflicts_in_plain_words(mount, monkeypatch):
    (there,) = [await find_mount(mount.folder)]
    well = await there.status()

    async def troubled(self):
        return well | {
            "state": "failing",
            "message": "alpine does not answer",
            "failing_since": "2026-11-21T14:02:00+00:00",
            "pending": [{"path": "home/a.csv"}],
            "conflicts": [
                {"path": "home/n.ipynb", "copy": "home/n (conflict).ipynb", "who": "Jan"}
            ],
        }

    monkeypatch.setattr(type(there), "status", troubled)
    (found,) = await mounted.mounts()
    assert found.ok is False
    assert "does not get through to" in found.text
    assert "alpine does not answer. 1 file waits to be uploaded, kept" in found.text
    assert (
        "home/n.ipynb was changed by Jan while you wrote it: compare it with home/n (conflict).ipynb"
        in found.text
    )
