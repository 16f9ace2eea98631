"""MeshClient: the one async interface to a site, and the guards that keep real sites from losing data."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from jupyter_mesh.models import BinItem, Checksum, Lock, Quota, Resource, Space, User, Version

Content = bytes | Path | BinaryIO | AsyncIterable[bytes]
Progress = Callable[[int], None]


@dataclass(slots=True)
class Download:
    """An open download. ``async for chunk in download`` or ``await download.read()``."""

    resource: Resource
    """The Stat made *before* the data was asked for: its etag is never newer than the bytes."""
    start: int
    stop: int
    """Byte range [start, stop) that will come, after clipping to the size."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def read(self) -> bytes:
        raise NotImplementedError


class MeshClient:
    """See the prompt of the task: every path is a mesh path ("home/a.ipynb", ".id/s$s!o/rel")."""

    site: str
    gateway: str

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...
    async def close(self) -> None: ...

    async def whoami(self) -> User: ...
    async def spaces(self) -> list[Space]: ...
    async def quota(self, path: str = "home") -> Quota: ...

    async def stat(self, path: str) -> Resource: ...
    async def exists(self, path: str) -> bool: ...
    async def list_folder(self, path: str) -> list[Resource]: ...
    async def mkdir(
        self, path: str, *, parents: bool = False, exist_ok: bool = False
    ) -> Resource: ...
    async def touch(self, path: str) -> Resource: ...
    async def move(
        self, source: str, target: str, *, replace: bool = False, lock_id: str = ""
    ) -> Resource: ...
    async def copy(self, source: str, target: str) -> Resource: ...
    async def delete(self, path: str, *, lock_id: str = "") -> None: ...

    def download(
        self, path: str, *, start: int = 0, stop: int | None = None, version: str = ""
    ) -> AbstractAsyncContextManager[Download]: ...
    async def read(self, path: str) -> bytes: ...
    async def upload(
        self,
        path: str,
        content: Content,
        *,
        size: int | None = None,
        checksum: Checksum | None = None,
        if_match: str = "",
        if_absent: bool = False,
        lock_id: str = "",
        progress: Progress | None = None,
    ) -> Resource: ...

    async def versions(self, path: str) -> list[Version]: ...
    async def restore_version(self, path: str, key: str) -> Resource: ...
    async def bin(self, path: str = "home") -> list[BinItem]: ...
    async def restore_from_bin(self, item: BinItem, *, to: str = "") -> Resource: ...
    async def purge_from_bin(self, item: BinItem) -> None: ...

    async def set_metadata(self, path: str, metadata: dict[str, str]) -> None: ...
    async def unset_metadata(self, path: str, keys: Iterable[str]) -> None: ...

    async def lock(
        self, path: str, lock_id: str, *, life: timedelta = timedelta(minutes=5)
    ) -> Lock: ...
    async def get_lock(self, path: str) -> Lock | None: ...
    async def refresh_lock(
        self, path: str, lock_id: str, *, life: timedelta = timedelta(minutes=5)
    ) -> Lock: ...
    async def unlock(self, path: str, lock_id: str) -> None: ...


@asynccontextmanager
async def connect(site: str = "") -> AsyncIterator[MeshClient]:
    yield MeshClient()
