"""FilesystemContract: what ``cs3://`` does on every site, as tests to inherit, beside the public suites of fsspec.

::

    class TestMySite(FilesystemContract):
        @pytest.fixture(scope="class")
        @classmethod
        def site(cls): return site_from_file(Path("site.toml"))

        @pytest.fixture(scope="class")
        @classmethod
        def logins(cls, site, tmp_path_factory):
            with known_site(site, tmp_path_factory.mktemp("logins")) as logins:
                yield logins

The site must run in another thread or process: synchronous code waits for it. Everything happens in fresh
folders, which are deleted at the end.
"""

from __future__ import annotations

import asyncio
import errno
import gzip
import pickle
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.callbacks import Callback

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.errors import Conflict, FileExpired, InvalidRequest, LoginEnded
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.testing.client import NAMES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from jupyter_mesh.testing.site import RunningSite

__all__ = ["FilesystemContract", "known_site"]

# fsspec's mmap cache leaves the file that it maps open.
MMAP = pytest.param(
    "mmap", marks=pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
)
CACHES = [
    *("none", "readahead", "bytes", "blockcache", "background", "first", "all", "parts"),
    MMAP,
]

MIB = 1 << 20
BIG = bytes(range(256)) * (3 * MIB // 256)
"""Larger than what a site without ranges would rather send again."""

MISSING: dict[str, Any] = {
    "cat_file": lambda fs, path: fs.cat_file(path),
    "a part": lambda fs, path: fs.cat_file(path, 1, 2),
    "cat_ranges": lambda fs, path: fs.cat_ranges([path], 0, 1, on_error="raise"),
    "open": lambda fs, path: fs.open(path),
    "open, text": lambda fs, path: fs.open(path, "r"),
    "ls": lambda fs, path: fs.ls(path),
    "info": lambda fs, path: fs.info(path),
    "size": lambda fs, path: fs.size(path),
    "du": lambda fs, path: fs.du(path),
    "modified": lambda fs, path: fs.modified(path),
    "ukey": lambda fs, path: fs.ukey(path),
    "checksum": lambda fs, path: fs.checksum(path),
    "cp": lambda fs, path: fs.cp(path, path + " copy"),
    "mv": lambda fs, path: fs.mv(path, path + " moved"),
    "rm": lambda fs, path: fs.rm(path),
    "rm, recursive": lambda fs, path: fs.rm(path, recursive=True),
    "rm_file": lambda fs, path: fs.rm_file(path),
    "rmdir": lambda fs, path: fs.rmdir(path),
    "expand_path": lambda fs, path: fs.expand_path(path, recursive=True),
    "walk": lambda fs, path: list(fs.walk(path, on_error="raise")),
    "mkdir below": lambda fs, path: fs.mkdir(path + "/a/b", create_parents=False),
}

UNANSWERED: dict[str, Any] = {
    "exists": lambda fs, path: fs.exists(path),
    "isfile": lambda fs, path: fs.isfile(path),
    "isdir": lambda fs, path: fs.isdir(path),
    "ls": lambda fs, path: fs.ls(path),
    "find": lambda fs, path: fs.find(path),
    "walk": lambda fs, path: list(fs.walk(path)),
    "glob": lambda fs, path: fs.glob(path + "/*"),
    "du": lambda fs, path: fs.du(path),
    "cat_file": lambda fs, path: fs.cat_file(path),
    "pipe": lambda fs, path: fs.pipe(path + "/x", b"x"),
    "open": lambda fs, path: fs.open(path + "/x", "wb"),
}

FAILING: dict[str, Any] = {
    "binary": lambda fs, path: fs.open(path, "wb"),
    "text": lambda fs, path: fs.open(path, "w"),
    "new": lambda fs, path: fs.open(path, "xb"),
    "append": lambda fs, path: fs.open(path, "ab"),
    "gzip": lambda fs, path: fs.open(path, "wb", compression="gzip"),
    "gzip, text": lambda fs, path: fs.open(path, "wt", compression="gzip"),
    "fsspec.open": lambda fs, path: fsspec.open(fs.unstrip_protocol(path), "wb"),
    "fsspec.open, text": lambda fs, path: fsspec.open(fs.unstrip_protocol(path), "w"),
    "fsspec.open, gzip": lambda fs, path: fsspec.open(
        fs.unstrip_protocol(path), "w", compression="gzip"
    ),
}


SLICES: list[tuple[int | None, int | None]] = [
    (None, None), (0, 10), (5, None), (-5, None), (None, -5), (-10, -5), (2, -2), (0, 10**9),
    (10**9, None), (3, 3), (5, 2), (0, 0), (-3, -3), (-(10**9), 4), (20, 30),
]  # fmt: skip


class Stop(Exception):
    """What the tests raise inside ``with``."""


class Tally(Callback):
    """Adds up what a transfer tells."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[Tally] = []

    def branched(self, path_1: str, path_2: str, **kwargs: Any) -> Tally:
        """One for each file."""
        self.files.append(Tally())
        return self.files[-1]


@contextmanager
def known_site(site: RunningSite, folder: Path) -> Iterator[list[str]]:
    """Make a site the one of the environment, with the logins of its users in ``folder``.

    Gives a ``token_ref`` for each user; the site's own login is that of the first.
    """
    files = [folder / f"token-{number}" for number in range(len(site.users))]
    for number, file in enumerate(files):
        write_token_file(file, asyncio.run(site.tokens(number).token()))
    settings = site.settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESH_SITE", settings.name)
        patch.setenv("MESH_GATEWAY", settings.gateway)
        patch.setenv("MESH_TOKEN_FILE", str(files[0]))
        patch.setenv("MESH_CA_FILE", str(settings.ca_file or ""))
        patch.setenv("MESH_DATA_HOSTS", ",".join(settings.data_hosts))
        yield [f"file:{file}" for file in files]


class FilesystemContract:
    """The contract. Needs the fixtures ``logins`` (of ``known_site``) and ``site``, a RunningSite with two users."""

    @pytest.fixture
    def fs(self, logins: list[str]) -> CS3FileSystem:
        """The files of the first user."""
        return CS3FileSystem()

    @pytest.fixture
    def elsewhere(self, logins: list[str]) -> CS3FileSystem:
        """The same files in another program."""
        return CS3FileSystem(use_listings_cache=False)

    @pytest.fixture
    def folder(self, fs: CS3FileSystem) -> Iterator[str]:
        """A fresh folder."""
        path = f"/home/contract-{secrets.token_hex(6)}"
        fs.mkdir(path)
        yield path
        fs.rm(path, recursive=True)

    # Looking.

    def test_what_is_told_of_a_file(self, fs: CS3FileSystem, folder: str) -> None:
        before = datetime.now(UTC)
        fs.pipe(f"{folder}/a.txt", b"hello")
        [listed] = fs.ls(folder)
        alone = fs.info(f"{folder}/a.txt", refresh=True)
        assert listed == alone
        assert (alone["name"], alone["size"], alone["type"]) == (f"{folder}/a.txt", 5, "file")
        assert alone["etag"]
        assert alone["id"]
        assert alone["space"] == "/home"
        assert "write" in alone["permissions"]
        assert (alone["shared"], alone["lock"]) == (False, None)
        assert isinstance(alone["mtime"], float)
        modified = fs.modified(f"{folder}/a.txt")
        assert modified.tzinfo is not None
        assert abs(modified - before) < timedelta(minutes=10)

    def test_what_is_told_of_a_folder(self, fs: CS3FileSystem, folder: str) -> None:
        info = fs.info(folder + "/")
        assert (info["name"], info["size"], info["type"]) == (folder, 0, "directory")
        assert fs.ls(folder) == []

    def test_areas_are_folders(self, fs: CS3FileSystem) -> None:
        assert fs.ls("/", detail=False) == ["/home", "/projects", "/shares"]
        assert fs.info("/")["name"] == "/"
        for area in ("", "/", "/home", "/projects", "/shares"):
            assert fs.isdir(area)

    def test_a_file_lists_itself(self, fs: CS3FileSystem, folder: str) -> None:
        fs.pipe(f"{folder}/a", b"x")
        assert fs.ls(f"{folder}/a", detail=False) == [f"{folder}/a"]
        assert fs.find(f"{folder}/a") == [f"{folder}/a"]

    def test_a_file_can_be_opened_by_its_id(self, fs: CS3FileSystem, folder: str) -> None:
        fs.pipe(f"{folder}/a", b"by id")
        by_id = f"/.id/{fs.info(f'{folder}/a')['id']}"
        url = fs.unstrip_protocol(by_id)
        assert fsspec.core.url_to_fs(url) == (fs, by_id)
        assert fs.cat_file(by_id) == b"by id"

    @pytest.mark.parametrize("work", MISSING.values(), ids=MISSING.keys())
    def test_what_is_missing_is_not_found(self, fs: CS3FileSystem, folder: str, work: Any) -> None:
        with pytest.raises(FileNotFoundError) as failure:
            work(fs, f"{folder}/missing")
        assert "missing" in str(failure.value)

    def test_absence_is_no_error_where_it_is_asked_for(
        self, fs: CS3FileSystem, folder: str
    ) -> None:
        missing = f"{folder}/missing"
        assert [fs.exists(missing), fs.isfile(missing), fs.isdir(missing)] == [False] * 3
        assert fs.find(missing) == []
        assert fs.glob(f"{missing}/*") == []
        assert list(fs.walk(missing)) == [(missing, [], [])]

    @pytest.mark.parametrize("work", UNANSWERED.values(), ids=UNANSWERED.keys())
    def test_a_dead_login_is_no_absence(self, logins: list[str], work: Any) -> None:
        with pytest.raises(LoginEnded) as failure:
            work(CS3FileSystem(token="no-token-of-this-site"), "/home")
        assert "no-token" not in str(failure.value)

    def test_find_walk_glob_and_du(self, fs: CS3FileSystem, folder: str) -> None:
        for name, size in {"a.txt": 1, "b.csv": 2, "sub/c.txt": 4, "sub/deep/d.txt": 8}.items():
            fs.pipe(f"{folder}/{name}", b"x" * size)
        below = [path.removeprefix(folder) for path in fs.find(folder)]
        assert below == ["/a.txt", "/b.csv", "/sub/c.txt", "/sub/deep/d.txt"]
        assert fs.find(folder, maxdepth=1, withdirs=True) == [
            folder,
            *(f"{folder}/{name}" for name in ("a.txt", "b.csv", "sub")),
        ]
        assert fs.find(folder, detail=True)[f"{folder}/sub/c.txt"]["size"] == 4
        assert [(names[1], sorted(names[2])) for names in fs.walk(folder)] == [
            (["sub"], ["a.txt", "b.csv"]),
            (["deep"], ["c.txt"]),
            ([], ["d.txt"]),
        ]
        bottom_up = [path for path, _, _ in fs.walk(folder, topdown=False)]
        assert bottom_up == [f"{folder}/sub/deep", f"{folder}/sub", folder]
        assert fs.glob(f"{folder}/**/*.txt") == [
            f"{folder}{name}" for name in below if "txt" in name
        ]
        assert fs.glob(f"{folder}/?.csv") == [f"{folder}/b.csv"]
        assert fs.du(folder) == 15
        assert fs.du(folder, maxdepth=1) == 3

    def test_walk_can_be_pruned_and_tells_errors_of_all_folders(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
    ) -> None:
        for name in ("a/x", "b/x", "c/x"):
            fs.pipe(f"{folder}/{name}", b"x")
        failures: list[OSError] = []
        seen = []
        for path, names, _ in fs.walk(folder, on_error=failures.append):
            seen.append(path.removeprefix(folder))
            if path == folder:
                names.remove("b")
                elsewhere.rm(f"{folder}/c", recursive=True)
        assert seen == ["", "/a", "/c"]
        assert [isinstance(failure, FileNotFoundError) for failure in failures] == [True]

    # Listings that are believed.

    def test_own_changes_are_seen_at_once(self, fs: CS3FileSystem, folder: str) -> None:
        assert fs.ls(folder, detail=False) == []
        assert f"{folder}" in fs.ls("/home", detail=False)
        fs.pipe(f"{folder}/sub/a", b"x")
        assert fs.find(folder) == [f"{folder}/sub/a"]
        with fs.open(f"{folder}/sub/a", "ab") as file:
            file.write(b"yz")
        assert fs.info(f"{folder}/sub/a")["size"] == 3
        fs.mv(f"{folder}/sub/a", f"{folder}/b")
        assert fs.ls(f"{folder}/sub") == []
        fs.rm(f"{folder}/sub", recursive=True)
        assert fs.ls(folder, detail=False) == [f"{folder}/b"]

    def test_changes_of_others_are_seen_when_asked_for(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
    ) -> None:
        assert fs.ls(folder) == []
        elsewhere.pipe(f"{folder}/a", b"x")
        assert fs.exists(f"{folder}/a"), "what a listing does not name may be there all the same"
        assert fs.ls(folder, refresh=True, detail=False) == [f"{folder}/a"]
        elsewhere.pipe(f"{folder}/b", b"x")
        fs.invalidate_cache(f"{folder}/b")
        assert len(fs.ls(folder)) == 2
        elsewhere.pipe(f"{folder}/a", b"longer")
        with fs.open(f"{folder}/a") as file:
            assert file.read() == b"longer", "an open file is as large as it is now"
        at_once = CS3FileSystem(listings_expiry_time=0)
        assert len(at_once.ls(folder)) == 2
        elsewhere.pipe(f"{folder}/c", b"x")
        assert len(at_once.ls(folder)) == 3

    def test_what_is_listed_can_be_changed_by_whoever_has_it(
        self, fs: CS3FileSystem, folder: str
    ) -> None:
        fs.pipe(f"{folder}/a", b"x")
        for entry in fs.ls(folder):
            entry["size"] = 99
        assert [entry["size"] for entry in fs.ls(folder)] == [1]

    def test_keys_of_content_change_with_it(self, fs: CS3FileSystem, folder: str) -> None:
        path = f"{folder}/a"
        fs.pipe(path, b"one")
        first = fs.ukey(path), fs.checksum(path)
        assert (fs.ukey(path), fs.checksum(path)) == first
        fs.pipe(path, b"two")
        assert fs.ukey(path) != first[0]
        assert fs.checksum(path) != first[1]

    def test_what_cs3_cannot_tell_is_not_made_up(self, fs: CS3FileSystem, folder: str) -> None:
        for work in (fs.created, fs.sign):
            with pytest.raises(NotImplementedError):
                work(folder)

    # Names and addresses.

    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
    def test_names_and_addresses_come_back_as_they_were(
        self, fs: CS3FileSystem, folder: str, name: str, tmp_path: Path
    ) -> None:
        path = f"{folder}/{name}"
        url = fs.unstrip_protocol(path)
        assert "::" not in url
        assert fs._strip_protocol(url) == path
        with fsspec.open(url, "wb") as file:
            file.write(b"content")
        with fsspec.open(f"simplecache::{url}", cache_storage=str(tmp_path / "cache")) as file:
            assert file.read() == b"content"
        assert fs.ls(folder, detail=False) == [path]
        fs.get(path, str(tmp_path / "copy"))
        fs.mv(path, f"{folder}/moved")
        fs.cp(f"{folder}/moved", path)
        assert fs.cat(path) == b"content"
        fs.rm(f"{folder}/moved")
        if len(name.encode()) < 200:  # Reva has no room for longer names in its bin.
            fs.rm(path)
            assert fs.ls(folder) == []

    @pytest.mark.parametrize("name", ["a[1].txt", "*", "what?", "[!a]*"])
    def test_what_looks_like_a_pattern_can_be_a_name(
        self, fs: CS3FileSystem, folder: str, name: str, tmp_path: Path
    ) -> None:
        for other in ("a1.txt", "whatx", "bc"):
            fs.pipe(f"{folder}/{other}", b"other")
        path = f"{folder}/{name}"
        fs.pipe(path, b"mine")
        assert fs.cat(path) == b"mine"
        fs.get(path, str(tmp_path / "copy"))
        assert (tmp_path / "copy").read_bytes() == b"mine"
        fs.cp(path, f"{folder}/copy")
        assert fs.cat(f"{folder}/copy") == b"mine"
        fs.mv(path, f"{folder}/sub/{name}")
        fs.rm(f"{folder}/sub/{name}")
        assert len(fs.ls(folder)) == 5
        fs.rm(f"{folder}/*.txt")
        assert not fs.exists(f"{folder}/a1.txt")

    @pytest.mark.parametrize("name", ["../up", "a/../../up", ".", "nul\0", "x" * 256, "\udce9"])
    def test_bad_names_never_reach_the_site(
        self, site: RunningSite, fs: CS3FileSystem, folder: str, name: str
    ) -> None:
        before = site.calls.total()
        works: list[Callable[[str], object]] = [
            fs.info,
            fs.exists,
            fs.mkdir,
            fs.cat_file,
            fs.rm,
            fs.touch,
            lambda path: fs.pipe(path, b"x"),
            lambda path: fs.open(path, "wb"),
            lambda path: fs.mv(folder, path),
        ]
        for work in works:
            with pytest.raises(ValueError, match="here"):
                work(f"{folder}/{name}")
        assert site.calls.total() == before

    def test_addresses_of_another_site_are_refused(self, fs: CS3FileSystem) -> None:
        for work in (fs.ls, fs.rm, fs.cat, fs.open, fs.info):
            with pytest.raises(InvalidRequest, match="another-site"):
                work("cs3://another-site/home/a")
        with pytest.raises(InvalidRequest, match="jupyter mesh login"):
            fsspec.open("cs3://another-site/home/a")

    # Making and deleting.

    def test_folders(self, fs: CS3FileSystem, folder: str) -> None:
        fs.mkdir(f"{folder}/a/b")
        assert fs.isdir(f"{folder}/a/b")
        for work in (fs.mkdir, fs.makedirs):
            with pytest.raises(FileExistsError):
                work(f"{folder}/a")
            with pytest.raises(FileExistsError):
                work("/home")
        fs.makedirs(f"{folder}/a", exist_ok=True)
        fs.makedirs("/home", exist_ok=True)
        fs.pipe(f"{folder}/file", b"x")
        with pytest.raises(FileExistsError):
            fs.makedirs(f"{folder}/file", exist_ok=True)
        with pytest.raises(NotADirectoryError):
            fs.makedirs(f"{folder}/file/below")
        with pytest.raises(NotADirectoryError):
            fs.pipe(f"{folder}/file/below", b"x")
        with pytest.raises(OSError, match="not empty") as failure:
            fs.rmdir(f"{folder}/a")
        assert failure.value.errno == errno.ENOTEMPTY
        with pytest.raises(NotADirectoryError):
            fs.rmdir(f"{folder}/file")
        fs.rmdir(f"{folder}/a/b")
        assert not fs.exists(f"{folder}/a/b")

    def test_a_folder_is_deleted_only_when_that_is_meant(
        self, fs: CS3FileSystem, folder: str
    ) -> None:
        fs.pipe(f"{folder}/sub/a", b"x")
        for work in (fs.rm, fs.rm_file):
            with pytest.raises(IsADirectoryError):
                work(f"{folder}/sub")
        assert fs.find(folder) == [f"{folder}/sub/a"]
        fs.delete(f"{folder}/sub", recursive=True)
        assert fs.find(folder) == []

    def test_a_tree_is_deleted_by_one_call(
        self, site: RunningSite, fs: CS3FileSystem, folder: str
    ) -> None:
        for name in ("a", "b", "deep/c"):
            fs.pipe(f"{folder}/sub/{name}", b"x")
        site.calls.clear()
        fs.rm([f"{folder}/sub", f"{folder}/sub/a"], recursive=True)
        assert site.calls["Delete"] in (0, 1), "0 where calls are not counted"
        assert not fs.exists(f"{folder}/sub")

    def test_touch(self, fs: CS3FileSystem, folder: str) -> None:
        fs.touch(f"{folder}/sub/a")
        assert fs.size(f"{folder}/sub/a") == 0
        fs.pipe(f"{folder}/sub/a", b"x")
        with pytest.raises(NotImplementedError):
            fs.touch(f"{folder}/sub/a", truncate=False)
        assert fs.cat(f"{folder}/sub/a") == b"x"
        fs.touch(f"{folder}/sub/a")
        assert fs.cat(f"{folder}/sub/a") == b""

    # Moving and copying.

    def test_moved_files_and_folders_are_the_same(
        self, site: RunningSite, fs: CS3FileSystem, folder: str
    ) -> None:
        fs.pipe(f"{folder}/a/file", b"x")
        ids = [fs.info(f"{folder}/{name}")["id"] for name in ("a", "a/file")]
        fs.mv(f"{folder}/a", f"{folder}/new/b")
        fs.mv(f"{folder}/new/b/file", f"{folder}/new/b/moved")
        assert fs.find(folder) == [f"{folder}/new/b/moved"]
        moved = [fs.info(f"{folder}/new/{name}")["id"] for name in ("b", "b/moved")]
        if asyncio.run(_has_spaces(site)):
            assert moved == ids, "a move is no copy"

    def test_what_a_move_meets(self, fs: CS3FileSystem, folder: str) -> None:
        for name in ("one", "two", "dir/three", "other/x"):
            fs.pipe(f"{folder}/{name}", name.encode())
        fs.mv(f"{folder}/one", f"{folder}/two")
        assert fs.cat(f"{folder}/two") == b"one", "a file replaces a file"
        fs.mv(f"{folder}/two", f"{folder}/dir")
        assert fs.cat(f"{folder}/dir/two") == b"one", "a file goes into a folder"
        fs.mv(f"{folder}/dir/two", f"{folder}/made/")
        assert fs.cat(f"{folder}/made/two") == b"one", "a slash asks for a folder"
        fs.mv(f"{folder}/other", f"{folder}/dir", recursive=True)
        assert fs.cat(f"{folder}/dir/other/x") == b"other/x"
        fs.mv(f"{folder}/made/two", f"{folder}/made/two")
        assert fs.cat(f"{folder}/made/two") == b"one", "nothing happens to itself"
        with pytest.raises(IsADirectoryError):
            fs.mv(f"{folder}/dir", f"{folder}/made/two")
        with pytest.raises(ValueError, match="into itself"):
            fs.mv(f"{folder}/dir", f"{folder}/dir/other/deeper")
        fs.mv([f"{folder}/dir/three", f"{folder}/made/two"], f"{folder}/all/")
        fs.rename(f"{folder}/all/two", f"{folder}/all/zwei")
        fs.move(f"{folder}/all/zwei", f"{folder}/all/2")
        assert fs.ls(f"{folder}/all", detail=False) == [f"{folder}/all/2", f"{folder}/all/three"]

    def test_a_copy_is_another_file(self, fs: CS3FileSystem, folder: str) -> None:
        fs.pipe({f"{folder}/a": b"new", f"{folder}/b": b"old"})
        before = fs.info(f"{folder}/b")["id"]
        fs.cp(f"{folder}/a", f"{folder}/b")
        fs.cp(f"{folder}/a", f"{folder}/a")
        assert fs.cat([f"{folder}/a", f"{folder}/b"]) == {f"{folder}/{n}": b"new" for n in "ab"}
        assert fs.info(f"{folder}/b")["id"] != fs.info(f"{folder}/a")["id"]
        assert before

    # Reading.

    def test_a_folder_comes_into_one_that_is_there_and_a_file_does_not_take_its_place(
        self, fs: CS3FileSystem, folder: str, tmp_path: Path
    ) -> None:
        """In a tree, a file may have made the folder before its own turn comes."""
        fs.pipe(f"{folder}/sub/file", b"content")
        fs.get_file(f"{folder}/sub", tmp_path)
        with pytest.raises(IsADirectoryError):
            fs.get_file(f"{folder}/sub/file", tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("cache", CACHES)
    def test_every_cache_reads_the_same(self, fs: CS3FileSystem, folder: str, cache: str) -> None:
        path = f"{folder}/big"
        fs.pipe(path, BIG)
        options = {"data": {(0, len(BIG)): BIG}} if cache == "parts" else None
        with fs.open(path, cache_type=cache, block_size=256 << 10, cache_options=options) as file:
            assert file.size == len(BIG)
            for place in (0, 1, MIB - 3, 2 * MIB + 7, 5, len(BIG) - 10):
                file.seek(place)
                assert file.read(1000) == BIG[place : place + 1000]
            file.seek(-5, 2)
            assert file.read() == BIG[-5:]
            assert file.read() == b""
            file.seek(0)
            assert file.read() == BIG

    @pytest.mark.parametrize(("start", "end"), SLICES)
    def test_parts_are_counted_as_in_slices(
        self, fs: CS3FileSystem, folder: str, start: int | None, end: int | None
    ) -> None:
        content = bytes(range(25))
        fs.pipe(f"{folder}/a", content)
        assert fs.cat_file(f"{folder}/a", start, end) == content[start:end]
        assert fs.cat_ranges([f"{folder}/a"] * 2, start, end) == [content[start:end]] * 2

    @pytest.mark.parametrize("max_gap", [None, 0, 10**6])
    def test_many_parts_of_many_files(
        self, fs: CS3FileSystem, folder: str, max_gap: int | None
    ) -> None:
        paths = [f"{folder}/{name}" for name in ("big", "small", "missing")]
        fs.pipe({paths[0]: BIG, paths[1]: b"0123456789"})
        wanted: list[tuple[str, int, int | None]]
        wanted = [(paths[0], place, place + 100) for place in range(0, len(BIG), 200_000)]
        wanted += [(paths[1], 8, 20), (paths[2], 0, 1), (paths[0], -3, None), (paths[1], 2, 4)]
        wanted += [(paths[0], 150, 250), (paths[1], 3, 3)]
        wanted.reverse()
        found = fs.cat_ranges(*map(list, zip(*wanted, strict=True)), max_gap=max_gap)
        contents = {paths[0]: BIG, paths[1]: b"0123456789"}
        for (path, start, end), part in zip(wanted, found, strict=True):
            if path == paths[2]:
                assert isinstance(part, FileNotFoundError)
            else:
                assert part == contents[path][start:end]
        with pytest.raises(FileNotFoundError):
            fs.cat_ranges(*map(list, zip(*wanted, strict=True)), on_error="raise")

    def test_lines_and_text(self, fs: CS3FileSystem, folder: str) -> None:
        fs.write_text(f"{folder}/a", "caf\u00e9\nzwei\n")
        assert fs.read_text(f"{folder}/a") == "caf\u00e9\nzwei\n"
        with fs.open(f"{folder}/a", "r", encoding="utf-8") as file:
            assert list(file) == ["caf\u00e9\n", "zwei\n"]
        assert fs.head(f"{folder}/a", 3) == b"caf"
        assert fs.tail(f"{folder}/a", 5) == b"zwei\n"
        assert fs.read_block(f"{folder}/a", 0, 3, b"\n") == "caf\u00e9\n".encode()

    @pytest.mark.parametrize("again", ["part", "all"])
    def test_a_file_that_changes_under_its_reader(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str, again: str
    ) -> None:
        path = f"{folder}/big"
        fs.pipe(path, BIG)
        with fs.open(path, cache_type="none") as file:
            assert file.read(100) == BIG[:100]
            elsewhere.pipe(path, BIG[::-1])
            with pytest.raises(FileExpired, match="changed"):
                file.read(100 if again == "part" else -1)
        with fs.open(path) as file:
            assert file.read(100) == BIG[::-1][:100]

    def test_open_files_can_be_sent(self, fs: CS3FileSystem, folder: str) -> None:
        path = f"{folder}/a"
        fs.pipe(path, b"0123456789")
        with fs.open(path) as file:
            assert file.read(3) == b"012"
            sent = pickle.dumps(file)
            with pickle.loads(sent) as received:  # noqa: S301  our own
                assert received.read() == b"3456789"
            fs.pipe(path, b"something else")
            with pytest.raises(FileExpired):
                pickle.loads(sent)  # noqa: S301  our own
        with fs.open(path, "wb") as file, pytest.raises(RuntimeError):
            pickle.dumps(file)

    def test_chained_caches_see_changes(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str, tmp_path: Path
    ) -> None:
        path = f"{folder}/a"
        fs.pipe(path, b"one")
        url = f"filecache::{fs.unstrip_protocol(path)}"
        options = {"cache_storage": str(tmp_path), "check_files": True}
        with fsspec.open(url, filecache=options) as file:
            assert file.read() == b"one"
        elsewhere.pipe(path, b"two!")
        with fsspec.open(url, filecache=options) as file:
            assert file.read() == b"two!"

    def test_other_filesystems_can_stand_on_it(self, fs: CS3FileSystem, folder: str) -> None:
        below = fsspec.filesystem("dir", path=folder, fs=fs)
        below.pipe("sub/a", b"x")
        assert below.find("") == ["sub/a"]
        below.mv("sub/a", "b")
        assert below.ls("", detail=False) == ["b", "sub"]
        mapper = fs.get_mapper(folder)
        mapper["c/d"] = b"y"
        assert dict(mapper) == {"b": b"x", "c/d": b"y"}
        assert mapper.getitems(["b", "none"], on_error="omit") == {"b": b"x"}

    # Local files.

    def test_progress_is_told(self, fs: CS3FileSystem, folder: str, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(BIG)
        put, got = Tally(), Tally()
        fs.put(str(tmp_path / "big"), f"{folder}/big", callback=put)
        fs.get(f"{folder}/big", str(tmp_path / "copy"), callback=got)
        assert (tmp_path / "copy").read_bytes() == BIG
        for tally in (put, got):
            assert [(file.size, file.value) for file in tally.files] == [(len(BIG), len(BIG))]

    def test_nothing_is_left_of_a_failed_get(
        self, fs: CS3FileSystem, folder: str, tmp_path: Path
    ) -> None:
        for path in (f"{folder}/missing", f"{folder}/missing/below"):
            with pytest.raises(FileNotFoundError):
                fs.get_file(path, str(tmp_path / "sub" / "copy"))
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_what_is_wrong_here_is_said_in_python_s_words(
        self, fs: CS3FileSystem, folder: str, tmp_path: Path
    ) -> None:
        with pytest.raises(FileNotFoundError):
            fs.put_file(str(tmp_path / "missing"), f"{folder}/a")
        assert not fs.exists(f"{folder}/a")
        fs.pipe(f"{folder}/a", b"x")
        (tmp_path / "dir").mkdir()
        with pytest.raises(IsADirectoryError):
            fs.get_file(f"{folder}/a", str(tmp_path / "dir"))

    # Writing.

    @pytest.mark.parametrize("size", [0, 1, 6 * MIB + 1])
    def test_written_files(self, fs: CS3FileSystem, folder: str, size: int) -> None:
        content = (BIG * 3)[:size]
        with fs.open(f"{folder}/new/a", "wb") as file:
            for start in range(0, size, 1_000_000):
                file.write(content[start : start + 1_000_000])
            assert file.tell() == size
            assert not fs.exists(f"{folder}/new/a"), "nobody sees half a file"
        assert fs.cat(f"{folder}/new/a") == content

    def test_compressed_files(self, fs: CS3FileSystem, folder: str) -> None:
        with fs.open(f"{folder}/a.gz", "wt", compression="infer") as file:
            file.write("content")
        assert gzip.decompress(fs.cat(f"{folder}/a.gz")) == b"content"
        with fs.open(f"{folder}/a.gz", "rt", compression="infer") as file:
            assert file.read() == "content"

    def test_only_a_new_file(self, fs: CS3FileSystem, folder: str) -> None:
        path = f"{folder}/a"
        with fs.open(path, "xb") as file:
            file.write(b"first")
        works: list[Callable[[], object]] = [
            lambda: fs.open(path, "xb"),
            lambda: fs.pipe_file(path, b"second", mode="create"),
            lambda: fs.put_file(__file__, path, mode="create"),
        ]
        for work in works:
            with pytest.raises(FileExistsError):
                work()
        assert fs.cat(path) == b"first"

    def test_made_by_somebody_else_meanwhile(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
    ) -> None:
        path = f"{folder}/a"
        file = fs.open(path, "xb")
        file.write(b"mine")
        elsewhere.pipe(path, b"theirs")
        with pytest.raises(FileExistsError) as failure:
            file.close()
        assert fs.cat(path) == b"theirs"
        self._is_kept(failure.value, b"mine")

    def test_append(self, fs: CS3FileSystem, folder: str) -> None:
        path = f"{folder}/a"
        for part in (b"one", b"two"):
            with fs.open(path, "ab") as file:
                before = file.tell()
                file.write(part)
                assert file.tell() == before + 3
        assert fs.cat(path) == b"onetwo"

    @pytest.mark.parametrize("mode", ["wb", "ab"])
    @pytest.mark.parametrize("size", [4, 6 * MIB])
    def test_changed_by_somebody_else_meanwhile(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str, mode: str, size: int
    ) -> None:
        path = f"{folder}/a"
        fs.pipe(path, b"old ")
        file = fs.open(path, mode)
        file.write(b"m" * size)
        elsewhere.pipe(path, b"theirs")
        with pytest.raises(Conflict) as failure:
            file.close()
        assert fs.cat(path) == b"theirs"
        self._is_kept(failure.value, (b"old " if mode == "ab" else b"") + b"m" * size)
        file.close()

    @pytest.mark.parametrize("begin", FAILING.values(), ids=FAILING.keys())
    def test_an_exception_publishes_nothing(
        self, fs: CS3FileSystem, folder: str, begin: Any
    ) -> None:
        path = f"{folder}/a"
        with pytest.raises(Stop), begin(fs, path) as file:
            file.write("half" if hasattr(file, "encoding") else b"half")
            raise Stop
        assert not fs.exists(path, refresh=True)
        try:
            int("no number")
        except ValueError:
            # An exception that somebody is dealing with is none of the file's.
            with begin(fs, path) as file:
                file.write("whole" if hasattr(file, "encoding") else b"whole")
        assert fs.size(path) > 0

    def test_what_is_never_closed_is_never_published(self, fs: CS3FileSystem, folder: str) -> None:
        file = fs.open(f"{folder}/a", "wb")
        file.write(b"half")
        with pytest.warns(ResourceWarning, match="never closed"):
            del file
        assert fs.ls(folder) == []

    def test_modes_that_files_of_a_site_do_not_have(self, fs: CS3FileSystem, folder: str) -> None:
        for mode in ("r+b", "w+b", "rwb"):
            with pytest.raises(ValueError, match="mount"):
                fs.open(f"{folder}/a", mode)
        with pytest.raises(IsADirectoryError):
            fs.open(folder)
        with pytest.raises(IsADirectoryError):
            fs.open(folder, "wb")

    def test_transactions(self, fs: CS3FileSystem, folder: str) -> None:
        with fs.transaction:
            for name in ("a", "b"):
                with fs.open(f"{folder}/{name}", "wb") as file:
                    file.write(name.encode())
            assert fs.ls(folder) == []
        assert fs.cat(fs.find(folder)) == {f"{folder}/{name}": name.encode() for name in "ab"}
        with pytest.raises(Stop), fs.transaction:
            with fs.open(f"{folder}/c", "wb") as file:
                file.write(b"c")
            raise Stop
        assert len(fs.ls(folder, refresh=True)) == 2
        with fs.open(f"{folder}/d", "wb") as file:
            file.write(b"d")
        assert fs.exists(f"{folder}/d"), "a transaction that failed is over"

    def test_a_transaction_that_meets_a_change(
        self, fs: CS3FileSystem, elsewhere: CS3FileSystem, folder: str
    ) -> None:
        with pytest.raises(Conflict) as failure, fs.transaction:
            with fs.open(f"{folder}/a", "wb") as file:
                file.write(b"mine")
            elsewhere.pipe(f"{folder}/a", b"theirs")
        assert fs.cat(f"{folder}/a") == b"theirs"
        self._is_kept(failure.value, b"mine")

    def _is_kept(self, failure: BaseException, content: bytes) -> None:
        """What could not be saved lies where the error says."""
        kept = Path(str(failure).rpartition("kept in ")[2].removesuffix("."))
        assert kept.read_bytes() == content
        assert kept.stat().st_mode & 0o077 == 0
        kept.unlink()

    # In a running loop.

    @pytest.fixture
    async def afs(self, logins: list[str]) -> AsyncIterator[CS3FileSystem]:
        """The files of the first user for asynchronous code."""
        fs = CS3FileSystem(asynchronous=True, skip_instance_cache=True)
        yield fs
        await fs._close()

    async def test_asynchronous_code(self, afs: CS3FileSystem) -> None:
        folder = f"/home/contract-{secrets.token_hex(6)}"
        path = f"{folder}/a"
        await afs._pipe_file(path, BIG)
        try:
            async with await afs.open_async(path) as file:
                assert await file.read(10) == BIG[:10]
                assert await file.read(MIB) == BIG[10 : MIB + 10]
                file.seek(5)
                assert await file.read(5) == BIG[5:10]
                file.seek(2 * MIB)
                assert await file.read() == BIG[2 * MIB :]
                assert await file.read() == b""
            async with await afs.open_async(path, "ab") as file:
                await file.write(b"more")
            assert (await afs._info(path))["size"] == len(BIG) + 4
            with pytest.raises(Stop):
                async with await afs.open_async(path, "wb") as file:
                    await file.write(b"half")
                    raise Stop
            assert await afs._cat_file(path, -4) == b"more"
            with pytest.raises(FileExistsError):
                await afs.open_async(path, "xb")
            async with await afs.open_async(f"{folder}/b", "xb") as file:
                await file.write(b"x")
            file = await afs.open_async(path, "wb")
            await file.write(b"mine")
            await afs._pipe_file(path, b"theirs")
            with pytest.raises(Conflict) as failure:
                await file.close()
            self._is_kept(failure.value, b"mine")
            assert await afs._cat([path, f"{folder}/b"]) == {path: b"theirs", f"{folder}/b": b"x"}
            with pytest.raises(InvalidRequest, match="open_async"):
                afs.open(path)
        finally:
            await afs._rm(folder, recursive=True)

    async def test_a_file_that_changes_under_its_stream(self, afs: CS3FileSystem) -> None:
        path = f"/home/contract-{secrets.token_hex(6)}"
        await afs._pipe_file(path, BIG)
        try:
            async with await afs.open_async(path) as file:
                assert await file.read(10) == BIG[:10]
                await afs._pipe_file(path, BIG[::-1])
                file.seek(0)
                with pytest.raises(FileExpired):
                    await file.read(10)
        finally:
            await afs._rm(path)


async def _has_spaces(site: RunningSite) -> bool:
    async with site.client() as mesh:
        return (await mesh.flavour()).has_spaces
