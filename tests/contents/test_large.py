"""Files that documents pass through hold all of them, or it is said that they do not."""

import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tornado.web import HTTPError

from jupyter_mesh.contents.copies import LocalStore
from jupyter_mesh.contents.incoming import Incoming
from jupyter_mesh.contents.large import LIGHT_TEXT, received, scratch
from jupyter_mesh.cs3.body import Body
from jupyter_mesh.errors import MeshError, QuotaExceeded
from jupyter_mesh.models import Checksum

ROOM = 6 << 20


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may be larger than ``ROOM``: the write that reaches it stores a part, and only the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def one(chunk: bytes) -> AsyncIterator[memoryview]:
    yield memoryview(chunk)


async def test_a_download_that_does_not_fit_is_not_shown(full_disk: None) -> None:
    async with scratch() as file:
        with pytest.raises(QuotaExceeded):
            await received(one(bytes(ROOM + 1)), file)


async def test_a_body_that_does_not_fit_is_refused(full_disk: None) -> None:
    body = Incoming()
    await body.add(bytes(ROOM - 1))
    assert body.size > LIGHT_TEXT
    await body.add(bytes(2))
    with pytest.raises(HTTPError) as refused:
        await body.to_file()
    assert refused.value.status_code == 507
    body.close()


async def test_nothing_stays_of_a_copy_that_does_not_fit(full_disk: None, tmp_path: Path) -> None:
    store = LocalStore(lambda path: str(tmp_path / path))
    body = Body(bytes(ROOM + 100), ROOM + 100, Checksum("sha1", ""))
    with pytest.raises(MeshError):
        await store.write("a", body, lambda _: None)
    assert not list(tmp_path.iterdir())
