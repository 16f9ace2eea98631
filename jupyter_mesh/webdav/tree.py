"""What a WebDAV application needs of the files it shows. A ``MeshClient`` is such a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from jupyter_mesh.models import Checksum, Quota, Resource

__all__ = ["Opened", "Tree"]


class Opened(Protocol):
    """An open download: bytes [start, stop) of ``resource``."""

    @property
    def resource(self) -> Resource: ...
    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Tree(Protocol):
    """Files and folders by path, without leading slash; "" is the top. All raise ``jupyter_mesh.errors``."""

    async def stat(self, path: str) -> Resource: ...
    async def list_folder(self, path: str) -> list[Resource]: ...
    def download(
        self, path: str, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[Opened]: ...
    async def upload(
        self,
        path: str,
        content: AsyncIterable[bytes],
        *,
        size: int | None = None,
        checksum: Checksum | None = None,
        if_match: str = "",
        if_absent: bool = False,
        modified: datetime | None = None,
    ) -> Resource: ...
    async def mkdir(self, path: str) -> Resource: ...
    async def delete(self, path: str) -> None: ...
    async def move(self, source: str, target: str, *, replace: bool = False) -> Resource: ...
    async def copy(self, source: str, target: str) -> Resource: ...
    async def quota(self, path: str) -> Quota: ...
    async def set_metadata(self, path: str, metadata: dict[str, str]) -> None: ...
    async def unset_metadata(self, path: str, keys: Iterable[str]) -> None: ...
