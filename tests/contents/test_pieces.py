"""The pieces of uploads on the disk of the server."""

import asyncio
import errno
import os

import pytest

from jupyter_mesh.contents.bases import front_end
from jupyter_mesh.contents.pieces import BUSY, STALE, Pieces
from jupyter_mesh.errors import InvalidRequest, OutOfOrder, QuotaExceeded
from jupyter_mesh.transfers.spools import SpoolFolder


@pytest.fixture
async def folder(tmp_path):
    """An empty folder for spools."""
    folder = SpoolFolder(tmp_path / "uploads", limit=1000, owner="alpine")
    yield folder
    await folder.close()


@pytest.fixture
def pieces(folder) -> Pieces:
    return Pieces(lambda: folder)


@pytest.fixture
def on_disk(tmp_path):
    """The names of all files that are kept."""
    return lambda: asyncio.to_thread(lambda: sorted(os.listdir(tmp_path / "uploads")))


async def test_all_pieces_come_back_in_order(pieces, on_disk):
    await pieces.begin("home/a", b"one", if_match="etag")
    await pieces.add("home/a", 2, b"two")
    assert await pieces.size("home/a") == 6
    spool = await pieces.finish("home/a", b"three")
    body = await spool.body()
    assert b"".join([chunk async for chunk in body.chunks()]) == b"onetwothree"
    assert spool.facts["if_match"] == "etag"
    assert await pieces.size("home/a") is None
    await spool.drop()
    assert await on_disk() == []


async def test_nobody_else_can_look_into_them(pieces, tmp_path):
    await pieces.begin("home/a", b"x")
    uploads = tmp_path / "uploads"
    assert uploads.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in uploads.iterdir()} == {0o600}


async def test_an_abandoned_upload_goes_away(pieces, folder, on_disk):
    await pieces.begin("home/a", b"x")
    (spool,) = await folder.spools("pieces")
    await folder.sweep()
    assert len(await on_disk()) == 2
    spool.touched -= STALE + 1
    await folder.sweep()
    assert await on_disk() == []
    with pytest.raises(InvalidRequest, match="interrupted"):
        await pieces.add("home/a", 2, b"y")


async def test_an_abandoned_upload_of_an_earlier_server_goes_away(
    pieces, folder, on_disk, tmp_path
):
    await pieces.begin("home/a", b"x")
    await folder.close()
    for path in (tmp_path / "uploads").glob("*.part"):
        os.utime(path, (1, 1))
    assert await Pieces(lambda: folder).size("home/a") is None
    assert await on_disk() == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_said_and_ends_the_upload(pieces, on_disk, monkeypatch, error):
    await pieces.begin("home/a", b"x")

    def full(fd, data, at):
        os.write(fd, data[:2])  # Some of it fits.
        raise OSError(error, "no room")

    monkeypatch.setattr("jupyter_mesh.transfers.spools.os.pwrite", full)
    with pytest.raises(QuotaExceeded, match="no room left for uploads"):
        await pieces.add("home/a", 2, b"y" * 100)
    assert await pieces.size("home/a") is None
    assert await on_disk() == []


async def test_all_uploads_together_are_bounded(pieces):
    await pieces.begin("home/a", b"x" * 600)
    with pytest.raises(QuotaExceeded, match="Unfinished uploads"):
        await pieces.begin("home/b", b"x" * 600)
    await pieces.drop("home/a")
    await pieces.begin("home/b", b"x" * 600)


async def test_two_servers_leave_each_other_alone(pieces, folder, tmp_path):
    await pieces.begin("home/a", b"x")
    other = SpoolFolder(tmp_path / "uploads", limit=1000, owner="alpine")
    assert await Pieces(lambda: other).size("home/a") is None
    await other.close()
    await pieces.add("home/a", 2, b"y")


async def test_another_site_is_not_meant(pieces, folder, tmp_path):
    await pieces.begin("home/a", b"x")
    await folder.close()
    other = SpoolFolder(tmp_path / "uploads", limit=1000, owner="harbour")
    assert await Pieces(lambda: other).size("home/a") is None
    await other.close()
    assert await Pieces(lambda: folder).size("home/a") == 1


async def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    folder = SpoolFolder(tmp_path / "file" / "uploads", limit=1000, owner="alpine")
    pieces = Pieces(lambda: folder)
    assert await pieces.size("home/a") is None
    with pytest.raises(Exception, match="cannot keep uploads"):
        await pieces.begin("home/a", b"x")


async def test_damaged_leftovers_are_removed(folder, on_disk, tmp_path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "a.json").write_text("{")
    (uploads / "a.part").write_text("x")
    (uploads / "b.json").write_text("{}")
    assert await folder.spools("pieces") == []
    assert await on_disk() == []


async def test_a_repeated_piece_ends_the_upload(pieces, on_disk):
    await pieces.begin("home/a", b"one")
    await pieces.add("home/a", 2, b"two")
    with pytest.raises(OutOfOrder, match="piece 2 came instead of 3"):
        await pieces.add("home/a", 2, b"two")
    assert await on_disk() == []


@pytest.fixture
async def window():
    """Does what follows for the front end that it is given."""
    before = front_end.set("")
    yield front_end.set
    front_end.reset(before)


async def test_windows_do_not_mix_their_uploads(pieces, window):
    """Two files with the same first piece: all that tells them apart is who sends them."""
    window("a")
    await pieces.begin("home/a", b"same")
    window("b")
    with pytest.raises(OutOfOrder, match="under way"):
        await pieces.begin("home/a", b"same")
    for number in (2, 3):
        with pytest.raises(OutOfOrder, match="Another window"):
            await pieces.add("home/a", number, b"of b")
    with pytest.raises(OutOfOrder, match="Another window"):
        await pieces.finish("home/a", b"of b")
    window("a")
    await pieces.add("home/a", 2, b"of a")
    spool = await pieces.finish("home/a", b"end")
    assert b"".join([chunk async for chunk in (await spool.body()).chunks()]) == b"sameof aend"


async def test_an_upload_that_is_silent_gives_way_for_good(pieces, folder, window):
    window("a")
    await pieces.begin("home/a", b"same")
    (spool,) = await folder.spools("pieces")
    spool.touched -= BUSY + 1
    window("b")
    await pieces.begin("home/a", b"same")
    window("a")
    with pytest.raises(OutOfOrder, match="Another window"):
        await pieces.finish("home/a", b"of a")
    window("b")
    assert (await pieces.finish("home/a", b"of b")).size == 8


@pytest.mark.parametrize(
    ("first", "second", "mixed"),
    [
        pytest.param("a", "a", False, id="the same window"),
        pytest.param("a", "b", True, id="another window"),
        pytest.param("a", "", False, id="who cannot be told"),
        pytest.param("", "b", False, id="nobody was told before"),
    ],
)
async def test_who_goes_on_after_a_restart(pieces, folder, window, first, second, mixed):
    window(first)
    await pieces.begin("home/a", b"one")
    await folder.close()
    window(second)
    pieces = Pieces(lambda: folder)
    if mixed:
        with pytest.raises(OutOfOrder, match="Another window"):
            await pieces.add("home/a", 2, b"two")
        window(first)
    await pieces.add("home/a", 2, b"two")
    assert (await pieces.finish("home/a", b"!")).size == 7
