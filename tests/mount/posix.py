"""What programs expect of a folder, each check in a process of its own: ``python posix.py FOLDER``.

Prints one JSON object: name of the check -> "ok", or what happened instead. A check that hangs is killed after
LIMIT seconds, and one that dies by a signal (SIGBUS) says so.
"""

import errno
import fcntl
import hashlib
import json
import mmap
import os
import signal
import sys
import time
import traceback
from pathlib import Path

LIMIT = 60.0
ODD_NAMES = [
    "with space",
    "hash#tag",
    "100%",
    "what?",
    "a&b",
    "a+b",
    "semi;colon",
    "co:lon",
    "back\\slash",
    "~tilde",
    "quote'\"s",
    "Zürich",
    "Zu\u0308rich",
    "数据",
    "emoji 🪐",
    "%41",
    "dot.",
    "[brackets]{braces}",
    "x" * 200,
]


def create_write_read(folder: Path) -> None:
    (folder / "f").write_bytes(b"one\ntwo\n")
    assert (folder / "f").read_bytes() == b"one\ntwo\n"


def overwrite(folder: Path) -> None:
    (folder / "f").write_bytes(b"long content")
    (folder / "f").write_bytes(b"short")
    assert (folder / "f").read_bytes() == b"short"


def append(folder: Path) -> None:
    (folder / "f").write_bytes(b"one")
    with (folder / "f").open("ab") as file:
        file.write(b"two")
    assert (folder / "f").read_bytes() == b"onetwo"


def read_and_write(folder: Path) -> None:
    (folder / "f").write_bytes(b"abcdef")
    with (folder / "f").open("r+b") as file:
        file.seek(2)
        file.write(b"XY")
        file.seek(0)
        assert file.read() == b"abXYef"
    assert (folder / "f").read_bytes() == b"abXYef"


def write_in_any_order(folder: Path) -> None:
    file = os.open(folder / "f", os.O_RDWR | os.O_CREAT)
    os.pwrite(file, b"end", 1000)
    os.pwrite(file, b"start", 0)
    os.close(file)
    assert (folder / "f").read_bytes() == b"start" + bytes(995) + b"end"


def ftruncate_shorter(folder: Path) -> None:
    with (folder / "f").open("w+b") as file:
        file.write(b"0123456789")
        file.flush()
        os.ftruncate(file.fileno(), 4)
    assert (folder / "f").read_bytes() == b"0123"


def ftruncate_longer(folder: Path) -> None:
    with (folder / "f").open("w+b") as file:
        file.write(b"ab")
        file.flush()
        os.ftruncate(file.fileno(), 5)
    assert (folder / "f").read_bytes() == b"ab\0\0\0"


def truncate_by_path(folder: Path) -> None:
    (folder / "f").write_bytes(b"0123456789")
    os.truncate(folder / "f", 3)
    assert (folder / "f").read_bytes() == b"012"


def seek_and_read(folder: Path) -> None:
    (folder / "f").write_bytes(bytes(range(256)) * 100)
    with (folder / "f").open("rb") as file:
        file.seek(-3, os.SEEK_END)
        assert file.read() == bytes([253, 254, 255])
        file.seek(1000)
        assert file.read(2) == bytes([1000 % 256, 1001 % 256])


def large_file(folder: Path) -> None:
    block = os.urandom(1 << 20)
    with (folder / "f").open("wb") as file:
        for _ in range(16):
            file.write(block)
    with (folder / "f").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").digest()
    assert found == hashlib.sha256(block * 16).digest()


def two_handles(folder: Path) -> None:
    with (folder / "f").open("wb", buffering=0) as writer, (folder / "f").open("rb") as reader:
        writer.write(b"seen at once")
        assert reader.read() == b"seen at once"


def make_and_remove_folders(folder: Path) -> None:
    (folder / "a/b/c").mkdir(parents=True)
    (folder / "a/b/c").rmdir()
    assert os.listdir(folder / "a/b") == []


def folder_that_is_not_empty(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/f").touch()
    _refused(errno.ENOTEMPTY, (folder / "a").rmdir)


def rename_file(folder: Path) -> None:
    (folder / "f").write_bytes(b"content")
    (folder / "f").rename(folder / "g")
    assert os.listdir(folder) == ["g"]
    assert (folder / "g").read_bytes() == b"content"


def rename_over_a_file(folder: Path) -> None:
    (folder / "f").write_bytes(b"new")
    (folder / "g").write_bytes(b"old")
    (folder / "f").rename(folder / "g")
    assert os.listdir(folder) == ["g"]
    assert (folder / "g").read_bytes() == b"new"


def rename_folder(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/f").write_bytes(b"content")
    (folder / "a").rename(folder / "b")
    assert (folder / "b/f").read_bytes() == b"content"
    assert os.listdir(folder) == ["b"]


def unlink(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    (folder / "f").unlink()
    assert not (folder / "f").exists()
    assert os.listdir(folder) == []


def unlink_while_open(folder: Path) -> None:
    with (folder / "f").open("w+b", buffering=0) as file:
        file.write(b"still here")
        (folder / "f").unlink()
        file.seek(0)
        assert file.read() == b"still here"


def exclusive_create(folder: Path) -> None:
    os.close(os.open(folder / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    _refused(errno.EEXIST, lambda: os.open(folder / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def size_and_time(folder: Path) -> None:
    before = time.time()
    (folder / "f").write_bytes(b"12345")
    status = (folder / "f").stat()
    assert status.st_size == 5
    assert abs(status.st_mtime - before) < LIMIT


def set_times(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    os.utime(folder / "f", (1_600_000_000, 1_600_000_000))
    assert (folder / "f").stat().st_mtime == 1_600_000_000


def set_modes(folder: Path) -> None:
    (folder / "f").write_bytes(b"#!/bin/sh\n")
    (folder / "f").chmod(0o755)
    assert (folder / "f").stat().st_mode & 0o777 == 0o755


def symbolic_link(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    (folder / "l").symlink_to("f")
    assert (folder / "l").read_bytes() == b"x"


def hard_link(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    os.link(folder / "f", folder / "l")
    assert (folder / "l").read_bytes() == b"x"


def extended_attributes(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    os.setxattr(folder / "f", "user.mesh", b"1")
    assert os.getxattr(folder / "f", "user.mesh") == b"1"


def room(folder: Path) -> None:
    told = os.statvfs(folder)
    assert told.f_bavail > 0
    assert told.f_bsize > 0


def list_many(folder: Path) -> None:
    names = {f"file {number:03}" for number in range(50)}
    for name in names:
        (folder / name).touch()
    with os.scandir(folder) as entries:
        assert {entry.name for entry in entries if entry.is_file()} == names


def odd_names(folder: Path) -> None:
    for number, name in enumerate(ODD_NAMES):
        (folder / name).write_bytes(str(number).encode())
    assert set(os.listdir(folder)) == set(ODD_NAMES)
    for number, name in enumerate(ODD_NAMES):
        assert (folder / name).read_bytes() == str(number).encode()


def sync_to_disk(folder: Path) -> None:
    with (folder / "f").open("wb") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())


def lock(folder: Path) -> None:
    with (folder / "f").open("wb") as one, (folder / "f").open("wb") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        _refused(errno.EWOULDBLOCK, lambda: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB))


def map_and_read(folder: Path) -> None:
    (folder / "f").write_bytes(b"mapped" * 1000)
    with (
        (folder / "f").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        assert mapped[5994:] == b"mapped"


def map_and_write(folder: Path) -> None:
    (folder / "f").write_bytes(bytes(8192))
    with (folder / "f").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[5000:5005] = b"hello"
        mapped.flush()
    assert (folder / "f").read_bytes()[4999:5006] == b"\0hello\0"


def atomic_save(folder: Path) -> None:
    (folder / "f").write_bytes(b"old")
    for content in (b"new", b"newer"):
        with (folder / ".f.tmp").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (folder / ".f.tmp").replace(folder / "f")
        assert (folder / "f").read_bytes() == content
    assert os.listdir(folder) == ["f"]


def errors(folder: Path) -> None:
    (folder / "f").write_bytes(b"x")
    (folder / "a").mkdir()
    _refused(errno.ENOENT, lambda: os.stat(folder / "none"))
    _refused(errno.ENOENT, lambda: os.open(folder / "none/f", os.O_CREAT | os.O_WRONLY))
    _refused(errno.EEXIST, lambda: os.mkdir(folder / "a"))
    _refused(errno.ENOTDIR, lambda: os.stat(folder / "f/g"))
    _refused(errno.EISDIR, lambda: os.open(folder / "a", os.O_WRONLY))


CHECKS = [
    create_write_read,
    overwrite,
    append,
    read_and_write,
    write_in_any_order,
    ftruncate_shorter,
    ftruncate_longer,
    truncate_by_path,
    seek_and_read,
    large_file,
    two_handles,
    make_and_remove_folders,
    folder_that_is_not_empty,
    rename_file,
    rename_over_a_file,
    rename_folder,
    unlink,
    unlink_while_open,
    exclusive_create,
    size_and_time,
    set_times,
    set_modes,
    symbolic_link,
    hard_link,
    extended_attributes,
    room,
    list_many,
    odd_names,
    sync_to_disk,
    lock,
    map_and_read,
    map_and_write,
    atomic_save,
    errors,
]


def _refused(number: int, doing) -> None:
    found = 0
    try:
        doing()
    except OSError as error:
        found = error.errno
    assert found == number, f"{errno.errorcode.get(found)} instead of {errno.errorcode[number]}"


def outcome(check, folder: Path) -> str:
    """Run one check in a child; how it went."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            folder.mkdir()
            check(folder)
            os.write(writing, b"ok")
        except OSError as error:
            os.write(writing, f"refused: {error}".encode())
        except AssertionError:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    end = time.monotonic() + LIMIT
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reading)
            return f"hangs for {LIMIT:g} s"
        time.sleep(0.002)
    said = os.read(reading, 1 << 16).decode(errors="replace")
    os.close(reading)
    return said or "killed by a signal"


if __name__ == "__main__":
    top = Path(sys.argv[1])
    outcomes = {check.__name__: outcome(check, top / check.__name__) for check in CHECKS}
    sys.stdout.write(json.dumps(outcomes))
