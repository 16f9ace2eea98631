"""The rules of ``facts/data.md`` §8.4 with the real rclone on a real mount: what it deletes, and what stays."""

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from .mounts import PATIENCE, wait_for

pytestmark = pytest.mark.timeout(3 * PATIENCE)


@contextmanager
def site_says(mounted, name, content=""):
    """The site refuses or delays bodies in the block."""
    file = mounted.site.data.parent / name
    file.write_text(content)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def identity(mounted, path):
    return mounted.site.do(lambda client: client.stat(path)).id


def versions(mounted, path):
    return mounted.site.do(lambda client: client.versions(path))


def conflicts(mounted, path):
    return [name for name in mounted.site.names(path) if "-conflict-" in name]


def refused(mounted, path):
    """How often an upload of a path was refused."""
    return sum(each["tries"] for each in mounted.status()["pending"] if each["path"] == path)


def test_a_refused_upload_costs_no_file(mounted, place):
    """Rule 1: rclone deletes after each refusal, and none of it arrives."""
    folder, path = place
    name, path = folder / "f.txt", f"{path}/f.txt"
    name.write_text("old")
    mounted.flush(path)
    was = identity(mounted, path)
    with site_says(mounted, "refuse", "507"):
        name.write_text("new content")
        mounted.ask("flush", path)
        wait_for(lambda: refused(mounted, path) >= 2)
        assert mounted.site.read(path) == b"old"
        assert mounted.status()["state"] == "failing"
        assert "room" in mounted.status()["message"]
    wait_for(lambda: mounted.ask("flush", path) == [])
    assert mounted.site.read(path) == b"new content"
    assert identity(mounted, path) == was
    # What the user deletes is deleted.
    name.unlink()
    wait_for(lambda: "f.txt" not in mounted.site.names(path.rpartition("/")[0]))


def test_a_busy_site_is_waited_for(mounted, place):
    """Rule 3: no refusal reaches rclone."""
    folder, path = place
    with site_says(mounted, "refuse", "503"):
        (folder / "f").write_text("content")
        wait_for(lambda: mounted.status()["state"] == "failing")
        assert refused(mounted, f"{path}/f") == 0
    wait_for(lambda: mounted.ask("flush", path) == [])
    assert mounted.site.read(f"{path}/f") == b"content"


@pytest.mark.parametrize("how", ["new", "there", "read"])
def test_what_others_save_while_a_program_writes_stays(mounted, place, how):
    """Rules 4 and 5, also where the mount lists the folder in between."""
    folder, path = place
    name, path = folder / "f.csv", f"{path}/f.csv"
    if how != "new":
        mounted.site.write(path, b"old")
        mounted.ask("refresh", path)
        wait_for(lambda: name.exists())
    if how == "read":
        assert name.read_bytes() == b"old"
    with name.open("wb") as file:
        file.write(b"mine")
        file.flush()
        mounted.site.write(path, b"theirs, longer")
        mounted.ask("refresh", path)
        os.listdir(folder)
    mounted.flush(path)
    assert mounted.site.read(path) == b"theirs, longer"
    (copy,) = conflicts(mounted, place[1])
    assert mounted.site.read(f"{place[1]}/{copy}") == b"mine"
    wait_for(lambda: path in {each["path"] for each in mounted.status()["conflicts"]})
    wait_for(lambda: read(name) == b"theirs, longer")
    assert wait_for(lambda: read(folder / copy)) == b"mine"


def test_a_foreign_save_right_after_an_upload_is_not_deleted(mounted, place):
    """Rule 6: rclone looks whether what it sent is there."""
    folder, path = place
    for number in range(2):
        file = f"{path}/{number}"
        with site_says(mounted, "slow"):
            (mounted.site.data.parent / "sent").unlink(missing_ok=True)
            (folder / str(number)).write_bytes(b"mine")
            wait_for((mounted.site.data.parent / "sent").exists)
        wait_for(lambda file=file: file.rpartition("/")[2] in mounted.site.names(path))
        mounted.site.write(file, b"theirs, longer")
        mounted.ask("flush", file)
    for number in range(2):
        assert mounted.site.read(f"{path}/{number}") == b"theirs, longer"
    assert conflicts(mounted, path) == []


def test_an_atomic_save_keeps_the_file(mounted, place):
    """Rule 9: the temporary file is at the site already when it is renamed."""
    folder, path = place
    name, temporary = folder / "f.ipynb", folder / ".f.tmp"
    name.write_text("one")
    mounted.flush(path)
    was = identity(mounted, f"{path}/f.ipynb")
    for content in ("two, longer", "three"):
        temporary.write_text(content)
        mounted.flush(path)
        temporary.replace(name)
        assert name.read_text() == content
        mounted.flush(path)
        assert mounted.site.read(f"{path}/f.ipynb") == content.encode()
    assert identity(mounted, f"{path}/f.ipynb") == was
    assert len(versions(mounted, f"{path}/f.ipynb")) == 2
    assert mounted.site.names(path) == {"f.ipynb"}


def test_what_is_closed_and_flushed_is_at_the_site(mounted, place):
    """A flush right after close() finds what rclone has not even queued; empty files, too."""
    folder, path = place
    for number in range(6):
        (folder / str(number)).write_bytes(b"x" * (number % 5))
        mounted.flush(path)
        assert mounted.site.read(f"{path}/{number}") == b"x" * (number % 5)
        (folder / "same").write_text(f"version {number}")
        mounted.flush(f"{path}/same")
        assert mounted.site.read(f"{path}/same") == f"version {number}".encode()
    assert conflicts(mounted, path) == []


def test_a_reader_never_sees_old_and_new_bytes(mounted, place):
    folder, path = place
    name, path = folder / "big.bin", f"{path}/big.bin"
    size = 24 << 20
    mounted.site.write(path, b"a" * size)
    mounted.ask("refresh", path)
    wait_for(lambda: name.exists())
    made = name.stat().st_mtime
    with name.open("rb", buffering=0) as file:
        seen = [file.read(4096)]
        wait_for(lambda: time.time() > made + 2)
        mounted.site.write(path, b"b" * size)
        mounted.ask("refresh", path)
        for at in (size // 2, size - 4096):
            file.seek(at)
            try:
                seen.append(file.read(4096))
            except OSError:
                continue
    assert set(b"".join(seen)) == set(b"a")
    # Who opens it now gets the new one.
    assert set(wait_for(lambda: read(name))) == set(b"b")


def read(name):
    try:
        return name.read_bytes()
    except OSError:
        return b""


def test_a_folder_with_uploads_inside_is_renamed(mounted, place):
    folder, path = place
    (folder / "old").mkdir()
    with site_says(mounted, "slow"):
        for number in range(6):
            (folder / "old" / str(number)).write_text(f"content {number}")
        wait_for(lambda: any(each["uploading"] for each in mounted.status()["pending"]))
    (folder / "old").rename(folder / "new")
    assert (folder / "new" / "3").read_text() == "content 3"
    wait_for(lambda: mounted.ask("flush", path) == [])
    # The old one is not made again, unless somebody wants it.
    assert mounted.site.names(path) == {"new"}
    (folder / "old").mkdir()
    assert mounted.site.names(path) == {"new", "old"}
    assert mounted.site.names(f"{path}/new") == set("012345")
    for number in range(6):
        assert mounted.site.read(f"{path}/new/{number}") == f"content {number}".encode()


def test_a_folder_with_uploads_inside_is_deleted(mounted, place):
    folder, path = place
    (folder / "sub").mkdir()
    with site_says(mounted, "slow"):
        for number in range(6):
            (folder / "sub" / str(number)).write_text("content")
        wait_for(lambda: any(each["uploading"] for each in mounted.status()["pending"]))
        for name in (folder / "sub").iterdir():
            name.unlink()
    wait_for(lambda: not os.listdir(folder / "sub"))
    (folder / "sub").rmdir()
    mounted.flush(path)
    assert mounted.site.names(path) == set()


def test_many_small_files_come_go_and_come_again(mounted, place):
    folder, path = place
    names = [f"{number}{end}" for number in range(8) for end in ("", ".", " x")]
    for round_ in ("first", "second"):
        for name in names:
            (folder / name).write_text(f"{round_} {name}")
        mounted.flush(path)
        assert mounted.site.names(path) == set(names)
        assert mounted.site.read(f"{path}/{names[1]}") == f"{round_} {names[1]}".encode()
        if round_ == "first":
            for name in names:
                (folder / name).unlink()
    assert conflicts(mounted, path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_nobody_else_reaches_the_mount(mounted):
    """Another account of this machine gets neither the files, nor the cache, nor a socket."""
    state = mounted.state
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            reached = [
                each
                for each in (mounted.dir, state / "cache", state / "dav.sock", state / "log")
                if os.access(each, os.R_OK) or os.access(each, os.X_OK)
            ]
        except BaseException:  # noqa: BLE001 - a child must end here
            os._exit(9)
        os._exit(len(reached))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for each in state.iterdir():
        assert not each.stat().st_mode & 0o077 or state.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch("[0-9a-f]{16}", Path(state).name)
