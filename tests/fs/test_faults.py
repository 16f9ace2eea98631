"""What people see when a site, a disk or a connection fails: the matching exception, and never half a file."""

import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from jupyter_mesh.errors import QuotaExceeded, TransferFailed, Unavailable
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.fs.drafts import IN_MEMORY
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.filesystem import UNANSWERED, known_site
from jupyter_mesh.testing.site import RunningSite, in_thread, run_node

LARGE = secrets.token_bytes(3_000_000)
PATH = "/home/faults/file"

Work = Callable[[CS3FileSystem], object]


class Faults:
    """What goes wrong next with the node."""

    def __init__(self) -> None:
        self.rpc = traps.Fails()
        self.http: dict[str, list[int]] = {}
        self.cut = False

    def middlewares(self) -> list[Any]:
        @web.middleware
        async def cut(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.method != "GET" or not self.cut:
                return await handler(request)
            reply = web.StreamResponse()
            reply.content_length = len(LARGE)
            await reply.prepare(request)
            await reply.write(LARGE[:1_000_000])
            request.transport.close()
            return reply

        return [traps.refuses(self.http), cut]


@pytest.fixture(scope="module")
def failing() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def site(failing: Faults, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    data = tmp_path_factory.mktemp("node")

    def start() -> Any:
        return run_node(
            data, name="faults", interceptors=[failing.rpc], middlewares=failing.middlewares()
        )

    with in_thread(start) as site:
        yield site


@pytest.fixture
def faults(failing: Faults) -> Iterator[Faults]:
    yield failing
    failing.rpc.next.clear()
    failing.http.clear()
    failing.cut = False


@pytest.fixture
def fs(logins: list[str]) -> Iterator[CS3FileSystem]:
    fs = CS3FileSystem()
    fs.pipe(PATH, LARGE)
    yield fs
    fs.rm("/home/faults", recursive=True)


WAYS: dict[str, Work] = {
    "pipe": lambda fs: fs.pipe(PATH, b"new"),
    "open": lambda fs: fs.open(PATH, "wb").close(),
    "put": lambda fs: fs.put_file(__file__, PATH),
    "copy": lambda fs: (fs.pipe("/home/faults/other", b"x"), fs.cp("/home/faults/other", PATH)),
}

REFUSALS: dict[str, tuple[str, type[OSError]]] = {
    "full": ("INSUFFICIENT_STORAGE", QuotaExceeded),
    "not allowed": ("PERMISSION_DENIED", PermissionError),
    "too slow": ("DEADLINE_EXCEEDED", TimeoutError),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_saves(fs: CS3FileSystem, faults: Faults, way: str, refusal: str) -> None:
    code, kind = REFUSALS[refusal]
    # The copy makes its source first.
    faults.rpc.next["InitiateFileUpload"] = [None] * (way == "copy") + [(code, "")] * 3
    with pytest.raises(kind, match="home/faults/file") as failure:
        WAYS[way](fs)
    faults.rpc.next.clear()
    assert fs.cat(PATH) == LARGE
    if way == "open":
        kept = Path(str(failure.value).rpartition("kept in ")[2].removesuffix("."))
        kept.unlink()


def test_a_full_site_at_the_last_moment(fs: CS3FileSystem, faults: Faults) -> None:
    faults.http["PUT"] = [507]
    with pytest.raises(QuotaExceeded, match="no room left at faults"):
        fs.pipe(PATH, b"new")
    assert fs.cat(PATH) == LARGE


def test_nothing_is_left_of_an_interrupted_get(
    fs: CS3FileSystem, faults: Faults, tmp_path: Path
) -> None:
    faults.cut = True
    target = tmp_path / "copy"
    target.write_bytes(b"what was here")
    with pytest.raises(TransferFailed):
        fs.get(PATH, str(target))
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert target.read_bytes() == b"what was here"
    for read in (fs.cat_file, fs.read_bytes, lambda path: fs.open(path).read()):
        with pytest.raises(TransferFailed):
            read(PATH)


def test_a_full_disk_here(
    fs: CS3FileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    with full, pytest.raises(OSError, match="No space left") as failure:
        fs.get_file(PATH, full)
    assert failure.value.errno == errno.ENOSPC

    def full_disk(**options: Any) -> tuple[int, str]:
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "spool")

    monkeypatch.setattr(tempfile, "mkstemp", full_disk)
    with pytest.raises(OSError, match="No space left"), fs.open("/home/faults/new", "wb") as file:
        file.write(b"x" * (IN_MEMORY + 1))
    assert not fs.exists("/home/faults/new", refresh=True)
    monkeypatch.undo()


def test_a_site_that_is_not_there(
    tmp_path: Path, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with known_site(site, tmp_path):
        monkeypatch.setenv("MESH_GATEWAY", "127.0.0.1:9")
        fs = CS3FileSystem(skip_instance_cache=True)
        for name in ("exists", "find", "cat_file", "open"):
            with pytest.raises(Unavailable, match="faults does not answer"):
                UNANSWERED[name](fs, "/home/missing")


def test_the_content_of_a_listing_is_not_believed(fs: CS3FileSystem, faults: Faults) -> None:
    """A site that answers no more is no empty folder, wherever in a tree it happens."""
    fs.pipe("/home/faults/sub/deep/a", b"x")
    for work in (
        lambda: fs.find("/home/faults"),
        lambda: list(fs.walk("/home/faults")),
        lambda: fs.glob("/home/faults/**"),
        lambda: fs.du("/home/faults"),
    ):
        fs.invalidate_cache()
        faults.rpc.next["ListContainer"] = [None, *[("PERMISSION_DENIED", "")] * 3]
        with pytest.raises(PermissionError):
            work()
        faults.rpc.next.clear()
