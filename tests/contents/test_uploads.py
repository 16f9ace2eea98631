"""The pieces of uploads on the disk of the server."""

import asyncio

import pytest

from jupyter_mesh.contents import uploads
from jupyter_mesh.contents.uploads import Spool, Spools
from jupyter_mesh.errors import QuotaExceeded
from jupyter_mesh.testing.contents import refused


async def test_an_abandoned_upload_goes_away(monkeypatch):
    monkeypatch.setattr(uploads, "STALE", 0)
    spools = Spools()
    spool = await spools.begin("home/a", b"x")
    for _ in range(1000):
        if spool.file.closed:
            break
        await asyncio.sleep(0)
    assert spool.file.closed
    with refused(400, "interrupted"):
        await spools.add("home/a", 2, b"y")


async def test_a_full_disk_is_said_and_ends_the_upload():
    spools = Spools()
    spool = await spools.begin("home/a", b"x")
    spool.file.close()
    # The device that is always full.
    spool.file = await asyncio.to_thread(open, "/dev/full", "wb", buffering=0)
    with pytest.raises(QuotaExceeded, match="no room left for uploads"):
        await spools.add("home/a", 2, b"y" * 1000)
    assert spools.get("home/a") is None
    assert spool.file.closed


async def test_nothing_is_left_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spools = Spools()
    await spools.begin("home/a", b"x" * 100)
    assert not list(tmp_path.iterdir())
    spools.close()
    assert spools.get("home/a") is None


async def test_all_pieces_come_back_in_order():
    spools = Spools()
    await spools.begin("home/a", b"one", if_match="etag")
    await spools.add("home/a", 2, b"two")
    spool: Spool = await spools.finish("home/a", b"three")
    assert (await asyncio.to_thread(spool.file.read), spool.size) == (b"onetwothree", 11)
    assert spool.if_match == "etag"
    assert spools.get("home/a") is None
    spool.close()
