"""Where a secret could still stand: in the local variables of a traceback, in folders that umask opens to all."""

import asyncio
import os
import stat
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mesh.cs3.data import Transfer
from jupyter_mesh.errors import MeshError
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.models import TransferKind
from jupyter_mesh.testing.site import RunningSite
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.memory import Memory
from jupyter_mesh.transfers.notes import Notes


def with_locals(error: BaseException) -> str:
    """What IPython shows in its verbose mode, and rich and loguru by default."""
    # The test's own variables are no business of the program.
    error = error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


FAILING: dict[str, Any] = {
    "missing": lambda fs: fs.cat("/home/nothing"),
    "list": lambda fs: fs.ls("/home/nothing"),
    "open": lambda fs: fs.open("/home/nothing"),
    "save": lambda fs: fs.pipe("/home", b"x"),
    "delete": lambda fs: fs.rm("/home/nothing"),
}


@pytest.mark.parametrize("way", FAILING)
def test_variables_of_a_traceback_hold_no_token(
    site: RunningSite, logins: list[str], way: str
) -> None:
    token = Path(logins[0].removeprefix("file:")).read_text().strip()
    fs = CS3FileSystem()
    with pytest.raises((MeshError, OSError)) as failure:
        FAILING[way](fs)
    assert token not in with_locals(failure.value)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_variables_of_a_broken_transfer_hold_no_token(
    site: RunningSite, logins: list[str], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Neither of the two tokens that every request for content carries."""
    token = Path(logins[0].removeprefix("file:")).read_text().strip()
    fs = CS3FileSystem(skip_instance_cache=True)
    fs.pipe("/home/secrecy", b"content")
    seen: list[str] = [token]
    headers = Transfer.headers

    def overheard(self: Transfer, **more: str) -> Any:
        found = headers(self, **more)
        seen.append(found["X-Reva-Transfer"])
        return found

    monkeypatch.setattr(Transfer, "headers", overheard)

    def closed(self: object, *_: object, **__: object) -> Any:
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr("aiohttp.ClientSession.request", closed)
    with pytest.raises(MeshError) as failure:
        fs.cat("/home/secrecy") if method == "GET" else fs.pipe("/home/secrecy", b"x")
    told = with_locals(failure.value)
    assert len(seen) > 1
    for secret in seen:
        assert secret not in told


@pytest.fixture
def open_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """All below that others can read or write."""
    return [
        f"{path.relative_to(folder)} {stat.filemode(path.lstat().st_mode)}"
        for path in [*folder.rglob("*")]
        if path.lstat().st_mode & 0o077
    ]


def test_without_a_umask_nothing_is_open_to_others(
    site: RunningSite, logins: list[str], open_umask: Path
) -> None:
    async def state() -> None:
        note = await Notes().claim("a file", "download", "a", "b")
        await note.write(kind="download")
        await note.close()

        async def nothing(_: object) -> None:
            pass

        await Journal().run(TransferKind.UPLOAD, "home/a", nothing, site="a")
        memory = Memory.load(None, "a", up=True)
        memory.remember("a", "1", "2")
        memory.save()

    asyncio.run(state())
    CS3FileSystem().delegate().revoke()
    delegation = CS3FileSystem().delegate()
    assert open_to_others(open_umask) == []
    delegation.revoke()
