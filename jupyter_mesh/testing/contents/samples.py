"""What the tests of a contents manager say to it, and how they look at what came of it."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tornado.web import HTTPError

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jupyter_mesh.contents.models import Model


__all__ = [
    "KEYS",
    "ODD_NAMES",
    "Events",
    "Manager",
    "binary",
    "mesh_of",
    "next_server",
    "notebook",
    "only_part",
    "piece",
    "put_by_others",
    "refused",
    "stored",
    "text",
]

Manager = MeshContentsManager | CompositeContentsManager

ODD_NAMES = (
    "with space.txt",
    "hash # percent % 100%25.txt",
    "question?colon:amp&plus+.txt",
    "semi;tilde~back\\slash.txt",
    "caf\u00e9-nfc.txt",
    "cafe\u0301-nfd.txt",
    "\U0001f9ea emoji.txt",
    "dots..in.the.middle.txt",
    "trailing space .txt",
    "#%?&+:;\\~ all at once.txt",
    "x" * 251 + ".txt",
    "\u00e9" * 125 + "x.txt",
)
"""Names that some layer of the way likes to change."""

KEYS = {
    "name", "path", "type", "writable", "created", "last_modified", "size", "mimetype", "content", "format",
    "hash", "hash_algorithm",
}  # fmt: skip


@contextmanager
def refused(status: int, *words: str) -> Iterator[None]:
    """What is inside must end as an HTTPError with ``status`` whose sentence holds all ``words``."""
    with pytest.raises(HTTPError) as caught:
        yield
    sentence = f"{caught.value.reason} {caught.value.log_message}"
    assert caught.value.status_code == status, sentence
    for word in words:
        assert word in sentence


class Events:
    """Collects the events of a manager from now on."""

    def __init__(self, contents: Manager) -> None:
        self._logger = contents.event_logger
        self._seen: list[dict[str, Any]] = []
        self._logger.add_listener(schema_id=contents.event_schema_id, listener=self._take)

    async def _take(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        self._seen.append({key: value for key, value in data.items() if not key.startswith("_")})

    async def taken(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        await self._logger.gather_listeners()
        seen, self._seen = self._seen, []
        return seen


def text(content: str) -> Model:
    """A model to save as a text file."""
    return {"type": "file", "format": "text", "content": content}


def binary(content: bytes) -> Model:
    """A model to save as a file of any bytes."""
    return {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}


def notebook(*sources: str) -> Model:
    """A model to save as a notebook with these code cells."""
    cells: list[Model] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "content": content}


def piece(number: Any, content: bytes) -> Model:
    """A model that is one piece of an upload."""
    return {**binary(content), "chunk": number}


async def stored(contents: Manager, path: str) -> bytes:
    """The bytes at the site."""
    return await contents.client.read(contents.mesh_path(path))


def mesh_of(contents: Manager) -> MeshContentsManager:
    """The part of a manager that holds the mesh."""
    return contents if isinstance(contents, MeshContentsManager) else contents.mesh


def only_part(folder: str) -> Path:
    """The file of the one upload that is under way."""
    (part,) = Path(folder).glob("*.part")
    return part


@asynccontextmanager
async def next_server(contents: Manager) -> AsyncIterator[MeshContentsManager]:
    """What is there after a restart: another manager that finds the uploads of the first."""
    mesh = mesh_of(contents)
    manager = MeshContentsManager(
        mesh_root=mesh.mesh_root,
        prefix=mesh.prefix,
        upload_folder=mesh.upload_folder,
        client=mesh.client,
        event_logger=mesh.event_logger,
    )
    yield manager
    await manager.spools.close()


async def put_by_others(contents: Manager, path: str, content: bytes) -> None:
    """A write past the manager."""
    await contents.client.upload(contents.mesh_path(path), content)
