"""What an enemy of the user's files would try: nothing half written is published, nothing whole is lost silently."""

import asyncio
import gc
import io
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.reader import Reader
from jupyter_mesh.errors import Conflict, FileExpired, MeshError, Unavailable
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.fs.drafts import IN_MEMORY, Draft

FULL = OSError(28, "No space left on device")


@pytest.fixture
def fs(logins: list[str]) -> CS3FileSystem:
    return CS3FileSystem()


@pytest.fixture
def elsewhere(logins: list[str]) -> CS3FileSystem:
    return CS3FileSystem(use_listings_cache=False)


@pytest.fixture
def folder(fs: CS3FileSystem) -> Iterator[str]:
    path = f"/home/losses-{secrets.token_hex(4)}"
    fs.mkdir(path)
    yield path
    fs.rm(path, recursive=True)


def kept_in(error: BaseException) -> list[Path]:
    """The files that an error names."""
    return [Path(word.rstrip(".,")) for word in str(error).split() if "cs3-unsaved-" in word]


@pytest.mark.parametrize("mode", ["wb", "w", "wb, gzip", "w, gzip"])
def test_what_is_dropped_is_not_published(fs: CS3FileSystem, folder: str, mode: str) -> None:
    mode, _, compression = mode.partition(", ")
    file = fs.open(f"{folder}/a", mode, compression=compression or None)
    file.write("half" if mode == "w" else b"half")
    with pytest.warns(ResourceWarning, match="never closed"):
        del file
    gc.collect()
    assert fs.ls(folder, refresh=True) == []


class Watch:
    """A context manager that notes what went wrong, as trainers of models do."""

    def __init__(self, fs: CS3FileSystem, path: str, *, by_hand: bool) -> None:
        self.fs, self.path, self.by_hand = fs, path, by_hand

    def __enter__(self) -> None:
        pass

    def __exit__(self, *failure: object) -> None:
        if self.by_hand:
            file = self.fs.open(self.path, "wb")
            file.write(b"the state at the crash")
            file.close()
        else:
            with self.fs.open(self.path, "wb") as file:
                file.write(b"the state at the crash")


@pytest.mark.parametrize("by_hand", [False, True], ids=["with", "close"])
def test_what_is_saved_because_of_a_failure_is_saved(
    fs: CS3FileSystem, folder: str, by_hand: bool
) -> None:
    """The exception that ends somebody else's ``with`` is none of the file's that was opened for it."""
    with pytest.raises(ZeroDivisionError), Watch(fs, f"{folder}/a", by_hand=by_hand):
        raise ZeroDivisionError
    assert fs.cat(f"{folder}/a") == b"the state at the crash"


def test_after_a_write_that_failed_nothing_is_published(
    fs: CS3FileSystem, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beginning may be lost: what would be published is not what was written."""
    path = f"{folder}/a"
    fs.pipe(path, b"old")
    file = fs.open(path, "wb")
    file.write(b"head" * 1000)

    class Disk(io.BytesIO):
        def write(self, data: Any) -> int:
            raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", lambda descriptor, mode: (os.close(descriptor), Disk())[1])
        with pytest.raises(OSError, match="No space"):
            file.write(bytes(IN_MEMORY))
    with pytest.raises(OSError, match=r"not saved|could not be written"):
        file.write(b"tail")
    with pytest.raises(OSError, match=r"not saved|could not be written"):
        file.close()
    assert fs.cat(path) == b"old"


def test_a_second_try_never_publishes_a_part(
    fs: CS3FileSystem, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site refuses, and the disk of this machine has no room for what could not be saved."""
    path = f"{folder}/a"
    file = fs.open(path, "wb", autocommit=False)
    file.write(b"whole")
    file.close()

    async def refuse(*_: object, **__: object) -> None:
        raise Conflict("Could not save it: somebody else has.")

    class Disk(io.BytesIO):
        def write(self, data: Any) -> int:
            raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(Draft, "_save", refuse)
        patch.setattr(os, "fdopen", lambda descriptor, mode: (os.close(descriptor), Disk())[1])
        with pytest.raises(Conflict, match="No space"):
            file.commit()
    file.commit()
    assert fs.cat(path) == b"whole"


def test_a_transaction_that_fails_half_way_loses_nothing(
    fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
) -> None:
    def save() -> None:
        with fs.transaction:
            for name in ("a", "b", "c"):
                with fs.open(f"{folder}/{name}", "wb") as file:
                    file.write(name.encode())
            elsewhere.pipe(f"{folder}/b", b"theirs")

    with pytest.raises(Conflict) as failure:
        save()
    assert fs.cat(f"{folder}/a") == b"a"
    assert fs.cat(f"{folder}/b") == b"theirs"
    kept = kept_in(failure.value)
    assert [path.read_bytes() for path in kept] == [b"b", b"c"]
    for path in kept:
        path.unlink()
    with fs.open(f"{folder}/d", "wb") as file:
        file.write(b"d")
    assert fs.cat(f"{folder}/d") == b"d"


def test_a_reader_that_was_told_is_told_again(
    fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
) -> None:
    path = f"{folder}/a"
    fs.pipe(path, bytes(9_000_000))
    with fs.open(path, block_size=1 << 20, cache_type="none") as file:
        file.read(10)
        elsewhere.pipe(path, b"x" * 9_000_000)
        file.seek(8_000_000)
        for _ in range(3):
            with pytest.raises(FileExpired):
                file.read(10)


def test_a_read_that_failed_can_be_done_again(
    fs: CS3FileSystem, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, content = f"{folder}/a", secrets.token_bytes(3_000_000)
    fs.pipe(path, content)
    views = Reader.views

    async def broken(self: Reader, start: int = 0, stop: int | None = None):
        async for view in views(self, start, stop):
            if start:
                raise Unavailable("The site does not answer.")
            yield view

    with fs.open(path, cache_type="none") as file:
        assert file.read(10) == content[:10]
        with monkeypatch.context() as patch:
            patch.setattr(Reader, "views", broken)
            with pytest.raises(ConnectionError):
                file.read(2_500_000)
        assert file.read(100) == content[10:110]
        assert file.read() == content[110:]


def interrupted(work: Any) -> None:
    """Ctrl-C while ``work`` waits for the site."""
    main = threading.main_thread().ident
    assert main is not None
    began = threading.Event()

    def press() -> None:
        began.wait(30)
        time.sleep(0.2)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            work(began)
    finally:
        began.set()
        thread.join()


WAYS: dict[str, Any] = {
    "pipe": lambda fs, path, local: fs.pipe(path, b"x" * 3_000_000),
    "put": lambda fs, path, local: fs.put(str(local), path),
    "close": lambda fs, path, local: written(fs, path),
}


def written(fs: CS3FileSystem, path: str) -> None:
    with fs.open(path, "wb") as file:
        file.write(b"x" * 3_000_000)


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_ends_what_it_interrupts(
    fs: CS3FileSystem, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """It does not go on behind the back of who has pressed it."""
    local = tmp_path / "a"
    local.write_bytes(b"x" * 3_000_000)
    ended = threading.Event()
    going_on = threading.Event()
    upload = MeshClient.upload

    async def slow(self: MeshClient, *args: Any, **kwargs: Any) -> Any:
        began.set()
        try:
            await asyncio.sleep(3)
        finally:
            ended.set()
        going_on.set()
        return await upload(self, *args, **kwargs)

    monkeypatch.setattr(MeshClient, "upload", slow)
    began = threading.Event()

    def work(start: threading.Event) -> None:
        nonlocal began
        began = start
        WAYS[way](fs, f"{folder}/a", local)

    interrupted(work)
    assert ended.wait(30)
    assert not going_on.is_set()
    monkeypatch.undo()
    assert fs.ls(folder, refresh=True) == []


def test_ctrl_c_in_a_get_leaves_nothing(
    fs: CS3FileSystem, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs.pipe(f"{folder}/a", b"x" * 3_000_000)
    receive = CS3FileSystem._receive

    async def slow(self: Any, mesh: str, file: Any, callback: Any) -> None:
        began.set()
        await asyncio.sleep(3)
        await receive(self, mesh, file, callback)

    monkeypatch.setattr(CS3FileSystem, "_receive", slow)
    began = threading.Event()

    def work(start: threading.Event) -> None:
        nonlocal began
        began = start
        fs.get_file(f"{folder}/a", str(tmp_path / "a"))

    interrupted(work)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changes_while_it_is_put_is_not_saved(
    site: Any, fs: CS3FileSystem, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size and checksum were of something else: a site that checks nothing would keep a mixture."""
    path, local = f"{folder}/a", tmp_path / "a"
    fs.pipe(path, b"old")
    local.write_bytes(b"1" * 3_000_000)
    send = MeshClient._announce

    async def announced(self: Any, save: Any) -> Any:
        offers = await send(self, save)
        with local.open("r+b") as file:
            file.seek(1_500_000)
            file.write(b"2" * 1_500_000)
        return offers

    monkeypatch.setattr(MeshClient, "_announce", announced)
    with pytest.raises(MeshError, match="changed while it was"):
        fs.put_file(str(local), path)
    monkeypatch.undo()
    assert fs.cat(path) == b"old"


def test_what_is_no_ordinary_file_is_neither_replaced_nor_waited_for(
    fs: CS3FileSystem, folder: str, tmp_path: Path
) -> None:
    """A root user who gets a file to /dev/null has one afterwards; a pipe that is put is waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    fs.pipe(f"{folder}/a", b"content")
    with pytest.raises((ValueError, OSError), match="ordinary file"):
        fs.get_file(f"{folder}/a", str(pipe))
    assert pipe.is_fifo()
    with pytest.raises((ValueError, OSError), match="ordinary file"):
        fs.put_file(str(pipe), f"{folder}/b")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_folder_is_no_target_of_a_file_and_a_file_none_of_a_folder(
    fs: CS3FileSystem, folder: str, tmp_path: Path
) -> None:
    fs.pipe(f"{folder}/sub/a", b"a")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine").write_bytes(b"mine")
    (tmp_path / "sub").write_bytes(b"mine too")
    with pytest.raises(IsADirectoryError):
        fs.get_file(f"{folder}/sub/a", str(tmp_path / "d"))
    with pytest.raises((FileExistsError, NotADirectoryError)):
        fs.get_file(f"{folder}/sub", str(tmp_path / "sub"))
    with pytest.raises(IsADirectoryError):
        fs.put_file(str(tmp_path / "sub"), f"{folder}/sub")
    assert (tmp_path / "d" / "mine").read_bytes() == b"mine"
    assert (tmp_path / "sub").read_bytes() == b"mine too"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "sub"]
    assert fs.cat(f"{folder}/sub/a") == b"a"


def test_onto_itself_and_into_itself(fs: CS3FileSystem, folder: str) -> None:
    fs.pipe({f"{folder}/a": b"a", f"{folder}/d/b": b"b"})
    fs.cp(f"{folder}/a", f"{folder}/a")
    fs.mv(f"{folder}/a", f"{folder}/a")
    with suppress(MeshError):
        fs.cp(f"{folder}/d/", f"{folder}/d/", recursive=True)
    with pytest.raises(ValueError, match="into itself"):
        fs.mv(f"{folder}/d", f"{folder}/d/e")
    assert fs.cat(f"{folder}/a") == b"a"
    assert fs.cat(f"{folder}/d/b") == b"b"
    fs.cp(f"{folder}/d", f"{folder}/d/e", recursive=True)
    assert fs.cat(f"{folder}/d/b") == b"b"
    assert len(fs.find(folder)) <= 4
