"""The site refuses, changes, goes and comes back: nothing is lost, and the user is told."""

import errno
import os
import time

import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.mount.engine import LISTED_FOR

from .mounts import PATIENCE, site, wait_for

pytestmark = pytest.mark.timeout(3 * PATIENCE)


@pytest.fixture
def lonely(tmp_path):
    """A site that a test may stop."""
    with site(tmp_path / "site", flavour="paths") as at:
        yield at


def test_site_goes_and_comes_back(lonely, mounting):
    mount = mounting(lonely)
    (mount.home / "a.txt").write_text("before")
    mount.flush()
    lonely.stop()
    (mount.home / "a.txt").write_text("while it was away")
    (mount.home / "b.txt").write_text("new while it was away")
    assert (mount.home / "a.txt").read_text() == "while it was away"
    wait_for(lambda: mount.status()["state"] == "failing")
    told = mount.status()
    assert told["failing_since"]
    assert wait_for(lambda: mount.status()["message"])
    assert {each["path"] for each in told["pending"]} == {"home/a.txt", "home/b.txt"}
    shown = mount.command("mount", "--status", mount.dir).stdout
    assert "home/a.txt" in shown
    assert "home/b.txt" in shown
    lonely.start()
    wait_for(lambda: not mount.ask("flush", ""))
    assert lonely.read("home/a.txt") == b"while it was away"
    assert lonely.read("home/b.txt") == b"new while it was away"
    wait_for(lambda: mount.status()["state"] == "ready")


def test_stop_while_the_site_is_away_says_what_is_left(lonely, mounting):
    mount = mounting(lonely)
    (mount.home / "a.txt").write_text("to be kept")
    lonely.stop()
    done = mount.command("unmount", mount.dir, "--grace", "1")
    assert done.returncode == 1
    assert "home/a.txt" in done.stderr
    assert mount.process.wait(PATIENCE) == 1
    mount.process.stdout.close()
    assert os.listdir(mount.dir) == []
    lonely.start()
    mount.start()
    mount.flush()
    assert lonely.read("home/a.txt") == b"to be kept"


def test_a_folder_that_was_made_elsewhere_is_there_when_the_mount_is_told(shared):
    """However many folders above it are new, too."""
    assert "deep" not in os.listdir(shared.home)

    async def make(client):
        for path in ("home/deep", "home/deep/down", "home/deep/down/here"):
            await client.mkdir(path)
        await client.upload("home/deep/down/here/a.txt", b"from elsewhere")

    shared.site.do(make)
    assert not (shared.home / "deep").exists()
    shared.ask("refresh", "home/deep/down/here")
    assert (shared.home / "deep/down/here/a.txt").read_text() == "from elsewhere"
    shared.site.write("home/deep/down/here/a.txt", b"from elsewhere, again")
    shared.ask("refresh", "home/deep/down/here/a.txt")
    wait_for(lambda: (shared.home / "deep/down/here/a.txt").read_text() == "from elsewhere, again")


def test_a_change_from_elsewhere_is_read_soon_without_being_told(shared):
    shared.site.do(lambda client: client.mkdir("home/told"))
    shared.site.write("home/told/a.txt", b"first")
    shared.ask("refresh", "home/told")
    file = shared.home / "told" / "a.txt"
    assert file.read_text() == "first"
    # Of another size: rclone takes two contents of one size and one second for the same.
    shared.site.write("home/told/a.txt", b"another")
    shared.site.write("home/told/b.txt", b"new")
    # The kernel keeps names that it knows; whoever lists the folder makes it look earlier.
    began = time.monotonic()
    wait_for(lambda: "b.txt" in os.listdir(file.parent))
    # Twice the time that a listing is believed, since a busy machine may be late to look.
    assert time.monotonic() - began < 2 * float(LISTED_FOR.rstrip("s"))
    wait_for(lambda: file.read_text() == "another")


def test_foreign_change_keeps_both(own):
    at = own.site
    (own.home / "both.txt").write_text("first")
    own.flush()
    assert (own.home / "both.txt").read_text() == "first"
    # Somebody else saves while we write.
    with (own.home / "both.txt").open("w") as file:
        file.write("what I wrote")
        at.write(f"{own.top}/both.txt", b"what they wrote")
    own.flush()
    (conflict,) = wait_for(lambda: own.status()["conflicts"])
    assert conflict["path"] == f"{own.top}/both.txt"
    assert at.read(f"{own.top}/both.txt") == b"what they wrote"
    assert at.read(conflict["copy"]) == b"what I wrote"
    # The mount shows what the site has.
    wait_for(lambda: (own.home / "both.txt").read_text() == "what they wrote")
    assert (own.dir / conflict["copy"]).read_text() == "what I wrote"
    told = own.command("mount", "--status", own.dir).stdout
    assert conflict["copy"] in told
    own.ask("seen")
    assert own.status()["conflicts"] == []


def test_changes_at_the_site_are_seen_after_a_refresh(own):
    at = own.site
    (own.home / "seen").mkdir()
    (own.home / "seen" / "a.txt").write_text("first")
    own.flush()
    at.write(f"{own.top}/seen/a.txt", b"second, longer")
    at.write(f"{own.top}/seen/b.txt", b"new")
    own.ask("refresh", f"{own.top}/seen")
    assert sorted(os.listdir(own.home / "seen")) == ["a.txt", "b.txt"]
    wait_for(lambda: (own.home / "seen" / "a.txt").read_text() == "second, longer")


def test_no_room_left(tmp_path, mounting):
    with site(tmp_path / "site", quota=100_000) as at:
        mount = mounting(at)
        (mount.home / "kept.txt").write_text("kept")
        mount.flush()
        identity = at.do(lambda client: client.stat("home/kept.txt")).id
        (mount.home / "kept.txt").write_bytes(bytes(200_000))
        assert mount.ask("flush", "home/kept.txt") == ["home/kept.txt"]
        wait_for(lambda: mount.status()["state"] == "failing")
        wait_for(lambda: "are free" in mount.status()["message"])
        # The old content stays, and is the same file.
        assert at.read("home/kept.txt") == b"kept"
        assert at.do(lambda client: client.stat("home/kept.txt")).id == identity
        # With less to store it goes on by itself.
        (mount.home / "kept.txt").write_bytes(bytes(50_000))
        wait_for(lambda: mount.ask("flush", "") == [])
        assert at.read("home/kept.txt") == bytes(50_000)
        assert at.do(lambda client: client.stat("home/kept.txt")).id == identity
        wait_for(lambda: mount.status()["state"] == "ready")


def test_login_ends_and_is_renewed(own):
    (own.home / "login.txt").write_text("before")
    own.flush()
    identity = own.site.do(lambda client: client.stat(f"{own.top}/login.txt")).id
    write_token_file(own.folder / "token", "ended-long-ago")
    (own.home / "login.txt").write_text("written without a login")
    wait_for(lambda: own.status()["state"] == "failing")
    wait_for(lambda: "Log in again" in own.status()["message"])
    own.write_token()
    wait_for(lambda: not own.ask("flush", ""))
    assert own.site.read(f"{own.top}/login.txt") == b"written without a login"
    assert own.site.do(lambda client: client.stat(f"{own.top}/login.txt")).id == identity
    wait_for(lambda: own.status()["state"] == "ready")


def test_read_only_mount(alpine, mounting):
    alpine.write("home/read-only.txt", b"content")
    mount = mounting(alpine, options=("--read-only",))
    name = mount.home / "read-only.txt"
    assert name.read_bytes() == b"content"
    assert name.stat().st_mode & 0o777 == 0o400
    for doing in (lambda: name.write_text("x"), name.unlink, (mount.home / "new").mkdir):
        with pytest.raises(OSError) as error:  # noqa: PT011 - the number is looked at
            doing()
        assert error.value.errno == errno.EROFS
    assert alpine.read("home/read-only.txt") == b"content"


def test_project_without_write_permission_is_read_only(alpine, mounting):
    alpine.write("projects/dimuon/events.csv", b"1,2\n")
    mount = mounting(alpine, user=1)
    name = mount.dir / "projects" / "dimuon" / "events.csv"
    assert name.read_bytes() == b"1,2\n"
    assert name.stat().st_mode & 0o777 == 0o400
    assert (mount.dir / "projects" / "dimuon").stat().st_mode & 0o777 == 0o500
    assert not os.access(name, os.W_OK)
    with pytest.raises(OSError) as error:  # noqa: PT011 - the number is looked at
        name.write_text("x")
    assert error.value.errno == errno.EROFS
    (mount.home / "mine.txt").write_text("mine")
    mount.flush()
    assert alpine.do(lambda client: client.read("home/mine.txt"), 1) == b"mine"
    # Its owner may write.
    other = mounting(alpine)
    (other.dir / "projects" / "dimuon" / "events.csv").write_text("3,4\n")
    other.flush()
    assert alpine.read("projects/dimuon/events.csv") == b"3,4\n"
