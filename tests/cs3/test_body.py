"""Content on its way out: its length and checksum are true whatever it comes from."""

import hashlib
import io
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_mesh.cs3 import body as bodies
from jupyter_mesh.cs3.body import body_of
from jupyter_mesh.errors import InvalidRequest, TransferFailed

CONTENT = secrets.token_bytes(300_000)


async def pieces_of(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.fixture(params=["memory", "disk"], autouse=True)
def spool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to keep content of unknown length."""
    monkeypatch.setattr(bodies, "IN_MEMORY", 1 << 20 if request.param == "memory" else 100_000)
    monkeypatch.setattr(bodies, "CHUNK", 70_000)


@pytest.fixture(params=["bytes", "path", "file", "small pieces", "one piece", "odd pieces"])
def content(request: pytest.FixtureRequest, tmp_path: Path) -> bodies.Content:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return {
        "bytes": CONTENT,
        "path": path,
        "file": io.BytesIO(CONTENT),
        "small pieces": pieces_of(CONTENT, 1_000),
        "one piece": pieces_of(CONTENT, len(CONTENT)),
        "odd pieces": pieces_of(CONTENT, 99_999),
    }[request.param]


async def test_every_kind_of_content_is_read_whole_and_again(content: bodies.Content) -> None:
    async with body_of(content) as body:
        assert body.size == len(CONTENT)
        assert body.checksum.value == hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
        for start, stop in ((0, None), (0, 10), (123_456, None), (250_000, 250_001)):
            read = b"".join([chunk async for chunk in body.chunks(start, stop)])
            assert read == CONTENT[start:stop]


@pytest.mark.parametrize("size", [0, len(CONTENT) - 1, len(CONTENT) + 1])
async def test_another_size_than_announced_is_refused(content: bodies.Content, size: int) -> None:
    with pytest.raises(TransferFailed, match="Nothing was saved"):
        async with body_of(content, size):
            pass


async def test_a_file_that_shrinks_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    async with body_of(path) as body:
        path.write_bytes(b"short")
        with pytest.raises(TransferFailed, match="became shorter"):
            async for _ in body.chunks():
                pass


async def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "missing", "cannot be read")):
        with pytest.raises(InvalidRequest, match=words):
            async with body_of(path):
                pass
