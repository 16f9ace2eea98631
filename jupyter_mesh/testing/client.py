"""ClientContract: what every MeshClient does on every site, as tests to inherit.

::

    class TestMySite(ClientContract):
        @pytest.fixture(scope="session")
        def site(self): return site_from_file(Path("site.toml"))

Sites differ (``docs/sites.md``); a test holds what must be the same on all of them, and asks the client
what the site can do where it may differ. Everything happens in fresh folders, which are deleted at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    FileExpired,
    InvalidRequest,
    IsADirectory,
    Locked,
    NotADirectory,
    NotFound,
    NotSupported,
    RangeNotSatisfiable,
    SiteError,
    TransferFailed,
    Withdrawn,
)
from jupyter_mesh.models import Checksum, Kind, Resource, SpaceKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.testing.site import RunningSite

__all__ = ["NAMES", "ClientContract"]

NAMES = {
    "plain": "notebook.ipynb",
    "spaces": " two  blanks ",
    "reserved in URLs": "a#b?c=d&e+f;g:h@i",
    "percent": "100%25 %2e%2E %",
    "quotes": 'it\'s "quoted" `back`',
    "backslash": "back\\slash",
    "accents, composed": "caf\u00e9",
    "accents, decomposed": "cafe\u0301",
    "emoji": "\N{BAR CHART} r\u00e9sultats \N{ROCKET}",
    "right to left": "\u05e9\u05dc\u05d5\u05dd.txt",
    "leading dot": ".hidden",
    "leading dots": "...dots",
    "braces": "{{.Username}} $HOME <b>",
    "255 bytes": "\u00e9" * 125 + "x.txt",
}
"""Names that real people and programs use, each by what is special about it. No site may lose one."""


class ClientContract:
    """The contract. Needs a fixture ``site`` that gives a RunningSite with two users."""

    @pytest.fixture
    async def mesh(self, site: RunningSite) -> AsyncIterator[MeshClient]:
        """A client of the first user."""
        async with site.client(0) as client:
            yield client

    @pytest.fixture
    async def other(self, site: RunningSite) -> AsyncIterator[MeshClient]:
        """A client of the second user."""
        async with site.client(1) as client:
            yield client

    @pytest.fixture
    async def folder(self, mesh: MeshClient) -> AsyncIterator[str]:
        """The path of a fresh folder."""
        path = f"home/contract-{secrets.token_hex(6)}"
        await mesh.mkdir(path)
        yield path
        await mesh.delete(path)

    # Who and where.

    async def test_the_user_is_the_one_who_logged_in(
        self, site: RunningSite, mesh: MeshClient
    ) -> None:
        user = await mesh.whoami()
        assert user.username == site.users[0].name
        assert user.id
        assert user.idp

    async def test_the_first_space_is_the_personal_one(self, mesh: MeshClient) -> None:
        spaces = await mesh.spaces()
        assert (spaces[0].path, spaces[0].kind) == ("home", SpaceKind.PERSONAL)
        assert len({space.path for space in spaces}) == len(spaces)

    async def test_flavour_is_the_one_announced(self, site: RunningSite, mesh: MeshClient) -> None:
        assert site.flavour in ("", (await mesh.flavour()).kind.value)

    async def test_areas_are_folders(self, mesh: MeshClient) -> None:
        assert [area.path for area in await mesh.list_folder("")] == ["home", "projects", "shares"]
        for path in ("", "home", "projects", "shares"):
            assert (await mesh.stat(path)).is_directory
            await mesh.list_folder(path)

    async def test_every_space_can_be_opened(self, mesh: MeshClient) -> None:
        for area in ("projects", "shares"):
            for resource in await mesh.list_folder(area):
                try:
                    assert (await mesh.stat(resource.path)).kind is resource.kind
                except Withdrawn:
                    # Only now the other site tells that it has ended.
                    there = await mesh.list_folder(area)
                    assert resource.path not in [each.path for each in there]

    async def test_unknown_spaces_are_not_found(self, mesh: MeshClient) -> None:
        for path in ("projects/no such project/x", "shares/no such share", "elsewhere/x"):
            with pytest.raises(NotFound):
                await mesh.stat(path)

    async def test_quota_tells_what_is_used(self, mesh: MeshClient) -> None:
        quota = await mesh.quota()
        assert quota.used >= 0
        assert quota.total is None or quota.total >= quota.used

    # Names.

    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
    async def test_names_come_back_as_they_were(
        self, mesh: MeshClient, folder: str, name: str
    ) -> None:
        path = f"{folder}/{name}"
        content = name.encode()
        written = await mesh.upload(path, content, if_absent=True)
        assert (written.path, written.name) == (path, name)
        assert [child.path for child in await mesh.list_folder(folder)] == [path]
        assert await mesh.read(path) == content
        moved = await mesh.move(path, f"{folder}/moved")
        assert moved.name == "moved"
        await mesh.mkdir(path)
        await mesh.touch(f"{path}/{name}")
        assert [child.name for child in await mesh.list_folder(path)] == [name]

    async def test_composed_and_decomposed_accents_are_two_names(
        self, mesh: MeshClient, folder: str
    ) -> None:
        names = [NAMES["accents, composed"], NAMES["accents, decomposed"]]
        for name in names:
            await mesh.upload(f"{folder}/{name}", name.encode())
        assert {child.name for child in await mesh.list_folder(folder)} == set(names)
        assert [await mesh.read(f"{folder}/{name}") for name in names] == [
            name.encode() for name in names
        ]

    @pytest.mark.parametrize(
        "path",
        ["../x", "a/../../x", "./x", "nul\0", "x" * 256, "\u00e9" * 128, "\udce9"],
        ids=["up", "up inside", "here", "NUL", "256 bytes", "256 bytes in accents", "no Unicode"],
    )
    async def test_bad_names_never_reach_the_site(
        self, site: RunningSite, mesh: MeshClient, folder: str, path: str
    ) -> None:
        before = site.calls.total()
        works: list[Callable[[str], Awaitable[object]]] = [
            mesh.stat,
            mesh.list_folder,
            mesh.mkdir,
            mesh.touch,
            mesh.delete,
            mesh.read,
        ]
        for work in works:
            with pytest.raises(InvalidRequest):
                await work(f"{folder}/{path}")
        with pytest.raises(InvalidRequest):
            await mesh.upload(f"{folder}/{path}", b"x")
        with pytest.raises(InvalidRequest):
            await mesh.move(folder, f"{folder}/{path}")
        assert site.calls.total() == before

    # Folders.

    async def test_listing_holds_what_stat_tells(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/b.txt", b"bytes")
        await mesh.mkdir(f"{folder}/a")
        listed = await mesh.list_folder(folder)
        assert [child.name for child in listed] == ["a", "b.txt"]
        for child in listed:
            alone = await mesh.stat(child.path)
            assert (child.kind, child.id, child.etag) == (alone.kind, alone.id, alone.etag)
        assert (listed[1].kind, listed[1].size) == (Kind.FILE, 5)

    async def test_empty_folder_lists_nothing(self, mesh: MeshClient, folder: str) -> None:
        assert await mesh.list_folder(folder) == []

    async def test_times_are_of_now_and_in_utc(self, mesh: MeshClient, folder: str) -> None:
        written = await mesh.upload(f"{folder}/now.txt", b"now")
        assert written.modified.tzinfo is UTC
        assert abs(datetime.now(UTC) - written.modified) < timedelta(minutes=2)

    async def test_mkdir_makes_parents_only_when_asked(self, mesh: MeshClient, folder: str) -> None:
        with pytest.raises(NotFound):
            await mesh.mkdir(f"{folder}/a/b/c")
        made = await mesh.mkdir(f"{folder}/a/b/c", parents=True)
        assert made.is_directory
        with pytest.raises(AlreadyExists):
            await mesh.mkdir(f"{folder}/a/b/c")
        assert (await mesh.mkdir(f"{folder}/a/b/c", exist_ok=True)).id == made.id

    async def test_mkdir_never_takes_the_place_of_a_file(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/file", b"kept")
        with pytest.raises(AlreadyExists):
            await mesh.mkdir(f"{folder}/file", exist_ok=True)
        assert await mesh.read(f"{folder}/file") == b"kept"

    async def test_touch_makes_an_empty_file_once(self, mesh: MeshClient, folder: str) -> None:
        made = await mesh.touch(f"{folder}/empty")
        assert (made.kind, made.size) == (Kind.FILE, 0)
        assert await mesh.read(f"{folder}/empty") == b""
        with pytest.raises(AlreadyExists):
            await mesh.touch(f"{folder}/empty")

    @pytest.mark.parametrize("below", ["missing", "missing/deeper", "file.txt/below"])
    async def test_what_is_missing_is_not_found(
        self, mesh: MeshClient, folder: str, below: str
    ) -> None:
        await mesh.upload(f"{folder}/file.txt", b"a file")
        path = f"{folder}/{below}"
        assert not await mesh.exists(path)
        for work in (mesh.stat, mesh.read):
            with pytest.raises(NotFound):
                await work(path)
        with pytest.raises((NotFound, NotADirectory)):
            await mesh.list_folder(path)

    async def test_a_file_is_no_folder_and_a_folder_no_file(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/file", b"kept")
        with pytest.raises(NotADirectory):
            await mesh.list_folder(f"{folder}/file")
        with pytest.raises(IsADirectory):
            await mesh.read(folder)
        with pytest.raises(IsADirectory):
            await mesh.read("home")

    async def test_another_user_sees_nothing_of_it(
        self, mesh: MeshClient, other: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/private.txt", b"private")
        assert not await other.exists(f"{folder}/private.txt")
        found = await mesh.stat(f"{folder}/private.txt")
        assert not await other.exists(f".id/{found.id}")

    # Reading and writing.

    @pytest.mark.parametrize(
        "size",
        [0, 1, 1000, (1 << 20) + 1, (17 << 20) + 3],
        ids=["empty", "one", "1k", "1M", "17M in pieces"],
    )
    async def test_content_comes_back_as_it_was(
        self, mesh: MeshClient, folder: str, size: int
    ) -> None:
        content = secrets.token_bytes(size)
        written = await mesh.upload(f"{folder}/data.bin", content)
        assert written.size == size
        if written.checksum is not None and written.checksum.algorithm == "sha1":
            assert written.checksum.value == hashlib.sha1(content).hexdigest()  # noqa: S324  the sites' own
        assert await mesh.read(f"{folder}/data.bin") == content
        assert (await mesh.stat(f"{folder}/data.bin")).etag == written.etag

    async def test_all_kinds_of_content_are_taken(
        self, mesh: MeshClient, folder: str, tmp_path: Path
    ) -> None:
        content = secrets.token_bytes(3 << 20)
        local = tmp_path / "local.bin"
        local.write_bytes(content)

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 1 << 18):
                yield content[start : start + (1 << 18)]

        await mesh.upload(f"{folder}/path", local)
        await mesh.upload(f"{folder}/file", io.BytesIO(content))
        await mesh.upload(f"{folder}/pieces", pieces(), size=len(content))
        await mesh.upload(f"{folder}/unknown size", pieces())
        for name in ("path", "file", "pieces", "unknown size"):
            assert await mesh.read(f"{folder}/{name}") == content

    async def test_a_wrong_size_or_checksum_saves_nothing(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/kept.txt", b"kept")

        async def pieces() -> AsyncIterator[bytes]:
            yield b"four"

        for size in (3, 5):
            with pytest.raises(TransferFailed):
                await mesh.upload(f"{folder}/kept.txt", pieces(), size=size)
        with pytest.raises(TransferFailed):
            await mesh.upload(f"{folder}/kept.txt", b"four", checksum=Checksum("sha1", "0" * 40))
        assert await mesh.read(f"{folder}/kept.txt") == b"kept"

    async def test_content_that_breaks_off_saves_nothing(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/kept.txt", b"kept")

        async def breaks() -> AsyncIterator[bytes]:
            yield b"half of "
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError, match="the source broke"):
            await mesh.upload(f"{folder}/kept.txt", breaks())
        assert await mesh.read(f"{folder}/kept.txt") == b"kept"

    async def test_an_upload_tells_its_progress(self, mesh: MeshClient, folder: str) -> None:
        told: list[int] = []
        await mesh.upload(f"{folder}/data.bin", bytes(3 << 20), progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 3 << 20

    @pytest.mark.parametrize(
        ("start", "stop", "expected"),
        [
            (0, None, b"0123456789"),
            (0, 4, b"0123"),
            (3, 7, b"3456"),
            (7, 100, b"789"),
            (9, None, b"9"),
            (10, None, b""),
            (4, 4, b""),
        ],
    )
    async def test_parts_of_a_file(
        self, mesh: MeshClient, folder: str, start: int, stop: int | None, expected: bytes
    ) -> None:
        await mesh.upload(f"{folder}/ten", b"0123456789")
        for _ in ("first try", "what was learned"):
            async with mesh.download(f"{folder}/ten", start=start, stop=stop) as download:
                assert await download.read() == expected
                assert (download.start, download.stop) == (start, start + len(expected))

    async def test_many_parts_of_a_larger_file(self, mesh: MeshClient, folder: str) -> None:
        """Also where the site sends whole files only, at once and one after another, and after a change."""
        path = f"{folder}/large.bin"

        async def part(content: bytes, start: int) -> None:
            stop = min(len(content), start + 70_000)
            async with mesh.download(path, start=start, stop=stop) as download:
                assert await download.read() == content[start:stop]

        for size in (3_000_000, 3_000_000, 2_900_000):
            content = secrets.token_bytes(size)
            await mesh.upload(path, content)
            starts = [0, 1, 1_500_000, 2_800_000, 70_000]
            await part(content, 2_000_000)
            await asyncio.gather(*(part(content, start) for start in starts))
            await part(content, 0)

    async def test_parts_beyond_the_end(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/ten", b"0123456789")
        with pytest.raises(RangeNotSatisfiable):
            async with mesh.download(f"{folder}/ten", start=11):
                pass
        for start, stop in ((-1, None), (5, 4)):
            with pytest.raises(InvalidRequest):
                async with mesh.download(f"{folder}/ten", start=start, stop=stop):
                    pass

    async def test_many_parts_of_one_content(self, mesh: MeshClient, folder: str) -> None:
        content = secrets.token_bytes(2 << 20)
        await mesh.upload(f"{folder}/data.bin", content)
        reader = await mesh.reader(f"{folder}/data.bin")
        assert reader.resource.size == len(content)
        wanted = [(start, start + 1000) for start in range(0, len(content), 50_000)]
        wanted += [
            (5, 5),
            (len(content) - 3, len(content) + 9),
            (len(content) + 1, len(content) + 2),
        ]
        found = await reader.ranges(wanted)
        assert found == [content[start:stop] for start, stop in wanted]
        assert await reader.read(1 << 20) == content[1 << 20 :]
        assert b"".join([bytes(view) async for view in reader.views(7)]) == content[7:]
        await mesh.upload(f"{folder}/data.bin", content[::-1])
        for work in (reader.read(0, 9), reader.ranges([(0, 9), (99_999, 100_009)])):
            with pytest.raises(FileExpired):
                await work
        with pytest.raises(FileExpired):
            assert not [bytes(view) async for view in reader.views()]

    async def test_only_files_can_be_read_in_parts(self, mesh: MeshClient, folder: str) -> None:
        for path in (folder, "", "projects"):
            with pytest.raises(IsADirectory):
                await mesh.reader(path)
        with pytest.raises(NotFound):
            await mesh.reader(f"{folder}/missing")

    async def test_an_abandoned_download_harms_nothing(self, mesh: MeshClient, folder: str) -> None:
        content = secrets.token_bytes(4 << 20)
        await mesh.upload(f"{folder}/data.bin", content)
        async with mesh.download(f"{folder}/data.bin") as download:
            async for chunk in download:
                assert chunk
                break
        assert await mesh.read(f"{folder}/data.bin") == content

    async def test_a_download_carries_the_etag_of_its_bytes(
        self, mesh: MeshClient, folder: str
    ) -> None:
        written = await mesh.upload(f"{folder}/a.txt", b"one")
        async with mesh.download(f"{folder}/a.txt") as download:
            assert (download.resource.etag, await download.read()) == (written.etag, b"one")

    # Saves that must not hurt anybody.

    async def test_every_save_has_another_etag(self, mesh: MeshClient, folder: str) -> None:
        etags = {(await mesh.upload(f"{folder}/a.txt", b"same")).etag for _ in range(3)}
        assert len(etags) == 3
        assert "" not in etags

    async def test_a_save_with_the_right_etag(self, mesh: MeshClient, folder: str) -> None:
        etag = (await mesh.upload(f"{folder}/a.txt", b"one")).etag
        for content in (b"two", b"three", b"", b"four"):
            etag = (await mesh.upload(f"{folder}/a.txt", content, if_match=etag)).etag
            assert await mesh.read(f"{folder}/a.txt") == content

    @pytest.mark.parametrize("content", [b"mine", b""], ids=["content", "empty"])
    async def test_a_save_over_a_change_of_somebody_else_is_a_conflict(
        self, mesh: MeshClient, folder: str, content: bytes
    ) -> None:
        path = f"{folder}/a.txt"
        old = await mesh.upload(path, b"one")
        new = await mesh.upload(path, b"theirs", if_match=old.etag)
        for _ in ("first try", "what was learned"):
            with pytest.raises(Conflict):
                await mesh.upload(path, content, if_match=old.etag)
        assert await mesh.read(path) == b"theirs"
        assert (await mesh.stat(path)).etag == new.etag

    async def test_a_save_over_a_deleted_file_is_a_conflict(
        self, mesh: MeshClient, folder: str
    ) -> None:
        old = await mesh.upload(f"{folder}/a.txt", b"one")
        await mesh.delete(f"{folder}/a.txt")
        with pytest.raises(Conflict):
            await mesh.upload(f"{folder}/a.txt", b"two", if_match=old.etag)
        assert not await mesh.exists(f"{folder}/a.txt")

    @pytest.mark.parametrize("content", [b"mine", b""], ids=["content", "empty"])
    async def test_a_new_file_never_replaces_one(
        self, mesh: MeshClient, folder: str, content: bytes
    ) -> None:
        await mesh.upload(f"{folder}/a.txt", b"kept", if_absent=True)
        with pytest.raises(AlreadyExists):
            await mesh.upload(f"{folder}/a.txt", content, if_absent=True)
        assert await mesh.read(f"{folder}/a.txt") == b"kept"

    @pytest.mark.parametrize("content", [b"file", b""], ids=["content", "empty"])
    async def test_a_save_never_replaces_a_folder(
        self, mesh: MeshClient, folder: str, content: bytes
    ) -> None:
        made = await mesh.mkdir(f"{folder}/sub")
        await mesh.upload(f"{folder}/sub/kept.txt", b"kept")
        with pytest.raises(IsADirectory):
            await mesh.upload(f"{folder}/sub", content)
        with pytest.raises((IsADirectory, Conflict)):
            await mesh.upload(f"{folder}/sub", content, if_match=made.etag)
        with pytest.raises((IsADirectory, AlreadyExists)):
            await mesh.upload(f"{folder}/sub", content, if_absent=True)
        for root in ("home", "projects", ""):
            with pytest.raises(IsADirectory):
                await mesh.upload(root, content)
        assert await mesh.read(f"{folder}/sub/kept.txt") == b"kept"

    @pytest.mark.parametrize("content", [b"file", b""], ids=["content", "empty"])
    async def test_a_save_needs_a_folder(
        self, mesh: MeshClient, folder: str, content: bytes
    ) -> None:
        with pytest.raises(NotFound):
            await mesh.upload(f"{folder}/missing/a.txt", content)
        assert not await mesh.exists(f"{folder}/missing")

    async def test_saves_at_once_leave_one_whole_content(
        self, mesh: MeshClient, folder: str
    ) -> None:
        contents = [bytes([number]) * 50_000 for number in range(6)]
        path = f"{folder}/a.bin"
        await mesh.upload(path, b"before")
        results = await asyncio.gather(
            *(mesh.upload(path, content) for content in contents), return_exceptions=True
        )
        for result in results:
            assert isinstance(result, Resource | Conflict | SiteError)
        assert any(isinstance(result, Resource) for result in results)
        assert await mesh.read(path) in contents

    # Move, copy, delete.

    async def test_move_keeps_the_content(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/old.txt", b"content")
        await mesh.mkdir(f"{folder}/sub")
        moved = await mesh.move(f"{folder}/old.txt", f"{folder}/sub/new.txt")
        assert (moved.path, moved.name, moved.size) == (f"{folder}/sub/new.txt", "new.txt", 7)
        assert not await mesh.exists(f"{folder}/old.txt")
        assert await mesh.read(f"{folder}/sub/new.txt") == b"content"

    async def test_move_a_folder_with_what_it_holds(self, mesh: MeshClient, folder: str) -> None:
        await mesh.mkdir(f"{folder}/a/b", parents=True)
        await mesh.upload(f"{folder}/a/b/deep.txt", b"deep")
        assert (await mesh.move(f"{folder}/a", f"{folder}/z")).is_directory
        assert await mesh.read(f"{folder}/z/b/deep.txt") == b"deep"

    async def test_move_never_replaces_unasked(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"a")
        await mesh.upload(f"{folder}/b.txt", b"b")
        await mesh.mkdir(f"{folder}/sub")
        for target in ("b.txt", "sub"):
            with pytest.raises(AlreadyExists):
                await mesh.move(f"{folder}/a.txt", f"{folder}/{target}")
        with pytest.raises(IsADirectory):
            await mesh.move(f"{folder}/a.txt", f"{folder}/sub", replace=True)
        assert [await mesh.read(f"{folder}/{name}.txt") for name in "ab"] == [b"a", b"b"]

    async def test_move_replaces_when_asked_and_the_old_file_is_in_the_bin(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.upload(f"{folder}/a.txt", b"a")
        await mesh.upload(f"{folder}/b.txt", b"b")
        await mesh.move(f"{folder}/a.txt", f"{folder}/b.txt", replace=True)
        assert await mesh.read(f"{folder}/b.txt") == b"a"
        assert [child.name for child in await mesh.list_folder(folder)] == ["b.txt"]
        thrown = [item for item in await mesh.bin() if item.path.startswith(f"{folder}/")]
        restored = await mesh.restore_from_bin(thrown[0], to=f"{folder}/back.txt")
        assert await mesh.read(restored.path) == b"b"

    @pytest.mark.parametrize("target", ["", "/below", "/sub/deeper"])
    async def test_move_into_itself_is_refused(
        self, mesh: MeshClient, folder: str, target: str
    ) -> None:
        await mesh.mkdir(f"{folder}/a/sub", parents=True)
        for replace in (False, True):
            with pytest.raises(InvalidRequest):
                await mesh.move(f"{folder}/a", f"{folder}/a{target}", replace=replace)
        assert (await mesh.stat(f"{folder}/a/sub")).is_directory

    async def test_move_into_itself_by_another_name_is_refused(
        self, mesh: MeshClient, folder: str
    ) -> None:
        await mesh.mkdir(f"{folder}/a/sub", parents=True)
        sub = (await mesh.stat(f"{folder}/a/sub")).id
        with pytest.raises((InvalidRequest, NotSupported)):
            await mesh.move(f"{folder}/a", f".id/{sub}/below")
        assert (await mesh.stat(f"{folder}/a/sub")).is_directory

    async def test_move_of_nothing_or_to_nowhere(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"a")
        with pytest.raises(NotFound):
            await mesh.move(f"{folder}/missing", f"{folder}/b.txt")
        with pytest.raises(NotFound):
            await mesh.move(f"{folder}/a.txt", f"{folder}/missing/b.txt")
        assert await mesh.read(f"{folder}/a.txt") == b"a"

    async def test_copy_a_file(self, mesh: MeshClient, folder: str) -> None:
        original = await mesh.upload(f"{folder}/a.txt", b"content")
        copy = await mesh.copy(f"{folder}/a.txt", f"{folder}/b.txt")
        assert (copy.path, copy.size) == (f"{folder}/b.txt", 7)
        assert copy.id != original.id
        assert await mesh.read(f"{folder}/b.txt") == b"content"
        with pytest.raises(AlreadyExists):
            await mesh.copy(f"{folder}/a.txt", f"{folder}/b.txt")

    async def test_copy_a_folder_with_what_it_holds(self, mesh: MeshClient, folder: str) -> None:
        contents = {f"file{number}.txt": f"content {number}".encode() for number in range(5)}
        await mesh.mkdir(f"{folder}/a/b/empty", parents=True)
        for name, content in contents.items():
            await mesh.upload(f"{folder}/a/b/{name}", content)
        await mesh.copy(f"{folder}/a", f"{folder}/z")
        assert {child.name for child in await mesh.list_folder(f"{folder}/z/b")} == {
            *contents,
            "empty",
        }
        for name, content in contents.items():
            assert await mesh.read(f"{folder}/z/b/{name}") == content
        assert [child.name for child in await mesh.list_folder(folder)] == ["a", "z"]
        with pytest.raises(InvalidRequest):
            await mesh.copy(f"{folder}/a", f"{folder}/a/b/c")

    async def test_delete_a_folder_with_what_it_holds(self, mesh: MeshClient, folder: str) -> None:
        await mesh.mkdir(f"{folder}/a/b", parents=True)
        await mesh.upload(f"{folder}/a/b/deep.txt", b"deep")
        await mesh.delete(f"{folder}/a")
        assert not await mesh.exists(f"{folder}/a")
        with pytest.raises(NotFound):
            await mesh.delete(f"{folder}/a")

    async def test_roots_are_never_deleted_or_moved(self, mesh: MeshClient, folder: str) -> None:
        roots = ["", "home", "projects", "shares"]
        roots += [space.path for space in await mesh.spaces() if space.kind is SpaceKind.PROJECT]
        roots += [f".id/{(await mesh.stat(root)).id}" for root in [*roots[4:], "home"]]
        for root in roots:
            with pytest.raises(InvalidRequest):
                await mesh.delete(root)
            with pytest.raises(InvalidRequest):
                await mesh.move(root, f"{folder}/root")
        assert await mesh.exists(folder)

    # Ids.

    async def test_ids_open_what_they_name(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"content")
        made = await mesh.stat(folder)
        by_id = f".id/{made.id}"
        assert (await mesh.stat(by_id)).name == made.name
        assert [child.path for child in await mesh.list_folder(by_id)] == [f"{by_id}/a.txt"]
        assert await mesh.read(f"{by_id}/a.txt") == b"content"
        file = f".id/{(await mesh.stat(f'{folder}/a.txt')).id}"
        assert await mesh.read(file) == b"content"
        await mesh.upload(file, b"saved by id")
        assert await mesh.read(f"{folder}/a.txt") == b"saved by id"

    async def test_ids_stay_over_saves(self, mesh: MeshClient, folder: str) -> None:
        first = await mesh.upload(f"{folder}/a.txt", b"one")
        assert (await mesh.upload(f"{folder}/a.txt", b"two")).id == first.id

    # The past.

    async def test_versions_come_back(self, mesh: MeshClient, folder: str) -> None:
        path = f"{folder}/a.txt"
        for content in (b"one", b"three", b"present"):
            await mesh.upload(path, content)
        versions = await mesh.versions(path)
        assert [version.size for version in versions] == [5, 3]
        assert all(
            abs(datetime.now(UTC) - version.modified) < timedelta(minutes=2) for version in versions
        )
        restored = await mesh.restore_version(path, versions[1].key)
        assert restored.size == 3
        assert await mesh.read(path) == b"one"
        assert 7 in [version.size for version in await mesh.versions(path)]

    async def test_a_version_is_shown_as_it_was_or_not_at_all(
        self, mesh: MeshClient, folder: str
    ) -> None:
        path = f"{folder}/a.txt"
        for content in (b"one", b"two"):
            await mesh.upload(path, content)
        version = (await mesh.versions(path))[0]
        try:
            async with mesh.download(path, version=version.key) as download:
                assert await download.read() == b"one"
                assert download.resource.size == 3
        except NotSupported:
            assert (await mesh.flavour()).can(Feature.VERSION_DOWNLOADS) is False

    async def test_unknown_versions_are_not_found(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"one")
        assert await mesh.versions(f"{folder}/a.txt") == []
        with pytest.raises(NotFound):
            await mesh.restore_version(f"{folder}/a.txt", "no-such-version")
        assert await mesh.read(f"{folder}/a.txt") == b"one"

    async def test_the_bin_gives_back(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"content")
        await mesh.delete(f"{folder}/a.txt")
        (item,) = [item for item in await mesh.bin() if item.path == f"{folder}/a.txt"]
        assert item.kind is Kind.FILE
        assert abs(datetime.now(UTC) - item.deleted) < timedelta(minutes=2)
        restored = await mesh.restore_from_bin(item)
        assert restored.path == f"{folder}/a.txt"
        assert await mesh.read(f"{folder}/a.txt") == b"content"
        with pytest.raises((NotFound, AlreadyExists)):
            await mesh.restore_from_bin(item)

    async def test_the_bin_never_replaces(self, mesh: MeshClient, folder: str) -> None:
        await mesh.upload(f"{folder}/a.txt", b"old")
        await mesh.delete(f"{folder}/a.txt")
        await mesh.upload(f"{folder}/a.txt", b"new")
        (item,) = [item for item in await mesh.bin() if item.path == f"{folder}/a.txt"]
        with pytest.raises(AlreadyExists):
            await mesh.restore_from_bin(item)
        with pytest.raises(NotFound):
            await mesh.restore_from_bin(item, to=f"{folder}/missing/a.txt")
        await mesh.restore_from_bin(item, to=f"{folder}/b.txt")
        assert [await mesh.read(f"{folder}/{name}.txt") for name in "ab"] == [b"new", b"old"]

    async def test_purging_takes_one_thing_alone(self, mesh: MeshClient, folder: str) -> None:
        for name in ("a", "b"):
            await mesh.upload(f"{folder}/{name}", name.encode())
            await mesh.delete(f"{folder}/{name}")
        mine = [item for item in await mesh.bin() if item.path.startswith(f"{folder}/")]
        await mesh.purge_from_bin(mine[0])
        left = [item for item in await mesh.bin() if item.path.startswith(f"{folder}/")]
        assert [item.key for item in left] == [mine[1].key]
        with pytest.raises(NotFound):
            await mesh.purge_from_bin(mine[0])

    # Marks.

    async def test_metadata_is_set_and_unset(self, mesh: MeshClient, folder: str) -> None:
        written = await mesh.upload(f"{folder}/a.txt", b"content")
        await mesh.set_metadata(
            f"{folder}/a.txt", {"jupyter-mesh.a": "1", "jupyter-mesh.b": "\u00e9"}
        )
        await mesh.set_metadata(f"{folder}/a.txt", {"jupyter-mesh.a": "2"})
        found = await mesh.stat(f"{folder}/a.txt")
        assert found.metadata.items() >= {"jupyter-mesh.a": "2", "jupyter-mesh.b": "\u00e9"}.items()
        assert found.etag == written.etag
        await mesh.unset_metadata(f"{folder}/a.txt", ["jupyter-mesh.a", "jupyter-mesh.never"])
        metadata = (await mesh.stat(f"{folder}/a.txt")).metadata
        assert "jupyter-mesh.a" not in metadata
        assert metadata["jupyter-mesh.b"] == "\u00e9"

    async def test_locks_keep_others_out(self, mesh: MeshClient, folder: str) -> None:
        path = f"{folder}/a.txt"
        await mesh.upload(path, b"one")
        mine, theirs = "opaquelocktoken:mine", "opaquelocktoken:theirs"
        try:
            held = await mesh.lock(path, mine)
        except NotSupported:
            assert (await mesh.flavour()).can(Feature.LOCKS) is False
            return
        assert (held.id, held.app) == (mine, "jupyter-mesh")
        found = await mesh.get_lock(path)
        assert found is not None
        assert found.id == mine
        with pytest.raises(Locked):
            await mesh.lock(path, theirs)
        for lock_id in ("", theirs):
            with pytest.raises(Locked):
                await mesh.upload(path, b"two", lock_id=lock_id)
        with pytest.raises(Locked):
            await mesh.delete(path)
        with pytest.raises(Conflict):
            await mesh.refresh_lock(path, theirs)
        with pytest.raises(Conflict):
            await mesh.unlock(path, theirs)
        assert await mesh.read(path) == b"one"
        await mesh.upload(path, b"two", lock_id=mine)
        assert (await mesh.refresh_lock(path, mine, life=timedelta(minutes=10))).id == mine
        await mesh.unlock(path, mine)
        assert await mesh.get_lock(path) is None
        with pytest.raises(Conflict):
            await mesh.upload(path, b"three", lock_id=mine)
        assert await mesh.read(path) == b"two"

    async def test_a_lock_of_nothing_is_not_found(self, mesh: MeshClient, folder: str) -> None:
        with pytest.raises((NotFound, NotSupported)):
            await mesh.get_lock(f"{folder}/missing")
