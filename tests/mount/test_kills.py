"""Every part is killed, and the site goes: no byte that was written is lost, and the mount comes back."""

import asyncio
import errno
import os
import signal
import time
from pathlib import Path

import pytest

from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.client import is_alive

from .mounts import PATIENCE, wait_for

pytestmark = pytest.mark.timeout(3 * PATIENCE)


def is_there(pid):
    """True while a process runs."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def works(mount):
    """True if the mount can be looked into; a dead one fails, or is an empty folder."""
    try:
        return "home" in os.listdir(mount.dir)
    except OSError:
        return False


def restarted(mount, killed):
    """True once another rclone serves the mount."""
    return mount.rclone() not in (None, killed) and works(mount)


def appended(name):
    with name.open("ab") as file:
        file.write(b"more")


def patched(name):
    with name.open("r+b") as file:
        file.seek(2)
        file.write(b"--")


def test_killed_rclone_is_started_again(own):
    (own.home / "before.txt").write_text("written before")
    killed = own.rclone()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: restarted(own, killed))
    assert (own.home / "before.txt").read_text() == "written before"
    (own.home / "after.txt").write_text("written after")
    wait_for(lambda: own.status()["state"] == "ready")
    own.flush()
    assert own.site.read(f"{own.top}/before.txt") == b"written before"
    assert own.site.read(f"{own.top}/after.txt") == b"written after"


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "not cached"])
def test_what_was_just_closed_is_kept(own, cached):
    """Killed before rclone has noted that the file is closed."""
    changes = {
        "new": (b"new", lambda name: name.write_bytes(b"new")),
        "shorter": (b"new", lambda name: name.write_bytes(b"new")),
        "longer": (b"long" * 5000, lambda name: name.write_bytes(b"long" * 5000)),
        "emptied": (b"", lambda name: name.write_bytes(b"")),
        "appended": (b"old contentmore", appended),
        "patched": (b"ol--content", patched),
    }
    if not cached:
        # What is changed in place and was not here yet is only sure after fsync.
        del changes["patched"]
    for what in changes:
        if what != "new":
            own.site.write(f"{own.top}/{what} {cached}", b"old content")
    own.ask("refresh", own.top)
    for what, (_, change) in changes.items():
        name = own.home / f"{what} {cached}"
        if cached and what != "new":
            assert name.read_bytes() == b"old content"
        killed = own.rclone()
        change(name)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda killed=killed: restarted(own, killed))
    own.flush()
    for what, (content, _) in changes.items():
        found = own.site.read(f"{own.top}/{what} {cached}")
        assert found == content, (what, own.status())


def test_killed_program_leaves_no_rclone_and_loses_nothing(own):
    (own.home / "queued.txt").write_text("in the queue")
    rclone = own.rclone()
    own.kill()
    wait_for(lambda: not is_there(rclone))
    # Whoever writes now is told, and does not write into the folder below.
    with pytest.raises(OSError) as error:  # noqa: PT011 - the number is looked at
        (own.home / "lost.txt").write_text("x")
    assert error.value.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    gone = own.command("mount", "--status", own.dir)
    assert "gone" in gone.stdout
    assert f"jupyter mesh mount {own.dir}" in gone.stdout

    own.start()
    assert (own.home / "queued.txt").read_text() == "in the queue"
    own.flush()
    assert own.site.read(f"{own.top}/queued.txt") == b"in the queue"


def test_both_killed(own):
    (own.home / "both.txt").write_text("in the queue")
    rclone = own.rclone()
    os.kill(rclone, signal.SIGKILL)
    own.kill()
    own.start()
    own.flush()
    assert own.site.read(f"{own.top}/both.txt") == b"in the queue"


def test_killed_in_the_middle_of_uploads(own):
    contents = {f"many {number}.bin": os.urandom(200_000) for number in range(20)}
    for name, content in contents.items():
        (own.home / name).write_bytes(content)
    wait_for(lambda: any(each["uploading"] for each in own.status()["pending"]))
    own.kill()
    own.start()
    own.flush()
    assert own.site.names(own.top) >= set(contents)
    for name, content in contents.items():
        assert own.site.read(f"{own.top}/{name}") == content


def test_unmount_takes_a_dead_mount_away(own):
    (own.home / "kept.txt").write_text("kept")
    own.kill()
    done = own.command("unmount", own.dir)
    assert done.returncode == 1
    assert f"{own.top}/kept.txt" in done.stderr
    assert "uploaded after the next mount" in done.stderr
    assert os.listdir(own.dir) == []
    own.start()
    own.flush()
    assert own.site.read(f"{own.top}/kept.txt") == b"kept"


def test_hung_rclone_blocks_nobody_who_asks_for_status(own):
    rclone = own.rclone()
    os.kill(rclone, signal.SIGSTOP)
    # Until the kernel has forgotten what it knows about the folder.
    wait_for(lambda: not asyncio.run(is_alive(own.dir)))
    began = time.monotonic()
    for _ in range(3):
        assert not asyncio.run(is_alive(own.dir))
    assert time.monotonic() - began < PATIENCE / 3
    wait_for(lambda: own.status()["state"] == "failing")
    assert "does not answer" in own.status()["message"]
    os.kill(rclone, signal.SIGCONT)
    wait_for(lambda: asyncio.run(is_alive(own.dir)))
    wait_for(lambda: own.status()["state"] == "ready")
    assert own.rclone() == rclone


def test_a_hung_mount_is_stopped(own):
    os.kill(own.rclone(), signal.SIGSTOP)
    assert own.stop() in (0, 1)
    assert os.listdir(own.dir) == []


def test_unmounted_by_somebody_else(own):
    (own.home / "other.txt").write_text("other")
    assert own.command("unmount", own.dir / "none").returncode == 1
    mountpoint.detach(own.dir)
    wait_for(lambda: own.process.poll() is not None)
    own.process.stdout.close()
    own.start()
    own.flush()
    assert own.site.read(f"{own.top}/other.txt") == b"other"
