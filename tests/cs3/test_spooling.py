"""Copies of files for parts of them: whoever waits for a byte gets it, or hears why not."""

import asyncio
import importlib
import tempfile
import threading
from datetime import UTC, datetime

import pytest

from jupyter_mesh.cs3.spooling import LocalCopy
from jupyter_mesh.errors import TransferFailed
from jupyter_mesh.models import Kind, Resource

FILE = Resource(
    path="home/a", name="a", kind=Kind.FILE, modified=datetime.now(UTC), etag="e", size=10
)


async def ends_early():
    yield memoryview(b"12345")


async def is_a_mistake():
    yield memoryview(b"12345")
    raise ZeroDivisionError


@pytest.mark.parametrize("source", [ends_early, is_a_mistake])
async def test_nobody_waits_for_what_never_comes(source):
    copy = LocalCopy(FILE, source(), lambda: None)
    async with asyncio.timeout(5):
        with pytest.raises(TransferFailed):
            assert [bytes(view) async for view in copy.views(0, 10)] == [b"12345"]
    await copy.close()


async def never_ends():
    yield memoryview(b"12345")
    await asyncio.Event().wait()


async def test_a_copy_that_is_dropped_while_its_file_is_made_leaves_no_file_open(slow):
    """The thread that makes the file does not hear that nobody wants it any more."""
    copy = LocalCopy(FILE, never_ends(), lambda: None)
    make = slow("tempfile.TemporaryFile")
    await make.begun()
    closing = asyncio.create_task(copy.close())
    await asyncio.sleep(0)
    make.go_on()
    await closing
    assert make.made[0].closed


@pytest.mark.parametrize("call", ["os.pread", "os.pwrite"])
async def test_a_file_is_not_closed_under_a_thread_that_uses_it(slow, monkeypatch, call):
    """Its descriptor would be another file's by then."""
    files = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: files.append(make()) or files[0])
    use = slow(call)
    copy = LocalCopy(FILE, never_ends(), lambda: None)
    views = copy.views(0, 10)
    reading = asyncio.create_task(anext(views))
    await use.begun()
    reading.cancel()
    closing = asyncio.create_task(copy.close())
    done, _ = await asyncio.wait({closing}, timeout=0.1)
    assert not done
    assert not files[0].closed
    use.go_on()
    await closing
    assert files[0].closed
    with pytest.raises(asyncio.CancelledError):
        await reading
    with pytest.raises(TransferFailed):
        await anext(copy.views(0, 10))


class Slow:
    """A call that waits in its thread until it may go on."""

    def __init__(self, call):
        self.made = []
        self._call = call
        self._begun, self._gate = threading.Event(), threading.Event()

    def __call__(self, *args, **kwargs):
        self._begun.set()
        assert self._gate.wait(60)
        self.made.append(self._call(*args, **kwargs))
        return self.made[-1]

    async def begun(self):
        assert await asyncio.to_thread(self._begun.wait, 60)

    def go_on(self):
        self._gate.set()


@pytest.fixture
def slow(monkeypatch):
    """Makes a function slow, by its name."""
    made = []

    def patch(name):
        module, _, function = name.partition(".")
        call = Slow(getattr(importlib.import_module(module), function))
        monkeypatch.setattr(name, call)
        made.append(call)
        return call

    yield patch
    for call in made:
        call.go_on()
