"""Uploads in pieces, as Lab sends them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents.fixtures import ContentsFixtures
from jupyter_mesh.testing.contents.samples import (
    Events,
    binary,
    mesh_of,
    next_server,
    notebook,
    only_part,
    piece,
    put_by_others,
    refused,
    stored,
)

if TYPE_CHECKING:
    import pytest

    from jupyter_mesh.testing.contents.samples import Manager

__all__ = ["Uploading"]


class Uploading(ContentsFixtures):
    """Pieces become one file, or nothing."""

    async def test_pieces_become_one_file_and_one_event(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        events = Events(contents)
        first = await contents.save(piece(1, b"abc"), path)
        assert (first["path"], first["size"], first["type"]) == (path, 3, "file")
        assert await contents.file_exists(path)
        await contents.save(piece(2, b"def"), path)
        assert not await contents.client.exists(contents.mesh_path(path))
        last = await contents.save(piece(-1, b"g"), path)
        assert last["size"] == 7
        assert await stored(contents, path) == b"abcdefg"
        assert await events.taken() == [{"action": "save", "path": path}]
        assert last == await contents.get(path, content=False, require_hash=True)

    async def test_an_upload_leaves_one_version(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        before = len(await contents.list_checkpoints(path))
        for number in (1, 2, 3, -1):
            await contents.save(piece(number, b"x"), path)
        assert len(await contents.list_checkpoints(path)) in (before, before + 1)

    async def test_pieces_out_of_order_store_nothing(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for what, status, numbers in (
            ("no first", 400, [2]),
            ("only the last", 400, [-1]),
            ("one left out", 409, [1, 3]),
            ("one twice", 409, [1, 2, 2]),
            ("zero", 400, [0]),
            ("negative", 400, [-2]),
            ("text", 400, ["1"]),
        ):
            with subtests.test(what):
                path = join(folder, what)
                await contents.save(binary(b"old"), path)
                *good, bad = numbers
                for number in good:
                    await contents.save(piece(number, b"new"), path)
                with refused(status):
                    await contents.save(piece(bad, b"new"), path)
                assert await stored(contents, path) == b"old"

    async def test_two_uploads_to_one_place_do_not_mix(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        await contents.save(piece(1, b"mine"), path)
        with refused(409, "under way"):
            await contents.save(piece(1, b"theirs"), path)
        # After a broken connection the same upload begins again.
        await contents.save(piece(1, b"mine"), path)
        await contents.save(piece(-1, b"!"), path)
        assert await stored(contents, path) == b"mine!"

    async def test_an_upload_goes_on_after_a_restart(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for what, sizes, lost, status in (
            ("equal pieces", (4, 4), 0, 0),
            ("half a piece lost", (4, 4), 2, 0),
            ("other pieces", (4, 3), 0, 400),
        ):
            with subtests.test(what):
                path = join(folder, what)
                await contents.save(binary(b"old"), path)
                for number, size in enumerate(sizes, 1):
                    await contents.save(piece(number, b"x" * size), path)
                await mesh_of(contents).spools.close()
                part = await asyncio.to_thread(only_part, mesh_of(contents).upload_folder)
                await asyncio.to_thread(os.truncate, part, sum(sizes) - lost)
                async with next_server(contents) as server:
                    assert await server.file_exists(path)
                    if status:
                        with refused(status, "interrupted"):
                            await server.save(piece(3, b"y"), path)
                        assert await stored(contents, path) == b"old"
                        continue
                    if lost:
                        await server.save(piece(2, b"xxxx"), path)
                    await server.save(piece(3, b"yyyy"), path)
                    assert await stored(contents, path) == b"old"
                    await server.save(piece(-1, b"!"), path)
                assert await stored(contents, path) == b"xxxxxxxxyyyy!"
                assert not await asyncio.to_thread(part.exists)

    async def test_a_full_disk_ends_an_upload(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        mesh_of(contents).upload_limit = 1
        await contents.save(piece(1, bytes(600_000)), path)
        with refused(507, "Unfinished uploads fill the room"):
            await contents.save(piece(2, bytes(600_000)), path)
        with refused(400, "interrupted"):
            await contents.save(piece(3, b"x"), path)
        assert await stored(contents, path) == b"old"
        assert not await asyncio.to_thread(os.listdir, mesh_of(contents).upload_folder)

    async def test_an_upload_over_a_later_change_is_refused(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        await contents.save(piece(1, b"new"), path)
        await put_by_others(contents, path, b"theirs")
        with refused(412):
            await contents.save(piece(-1, b"new"), path)
        assert await stored(contents, path) == b"theirs"

    async def test_an_upload_is_refused_before_it_is_sent(
        self, contents: Manager, folder: str
    ) -> None:
        await contents.save({"type": "directory"}, join(folder, "d"))
        with refused(404):
            await contents.save(piece(1, b"x"), join(folder, "none", "a.bin"))
        with refused(400, "folder"):
            await contents.save(piece(1, b"x"), join(folder, "d"))
        with refused(400, "not supported for large file transfer"):
            await contents.save({**notebook("1"), "chunk": 1}, join(folder, "n.ipynb"))
        with refused(400, "Encoding error"):
            await contents.save({**piece(1, b""), "content": "a"}, join(folder, "a.bin"))
