"""Copies of files for parts of them: whoever waits for a byte gets it, or hears why not."""

import asyncio
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
