"""The sample data and notebooks that the demo puts on its sites: measured, with source and licence beside them."""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists
from jupyter_mesh.paths import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_mesh.cs3 import MeshClient

__all__ = ["put_sample", "sample"]


def sample(name: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a sample."""
    for entry in sorted(
        (files("jupyter_mesh.demo") / "data" / name).iterdir(), key=lambda entry: entry.name
    ):
        content = entry.read_bytes()
        if entry.name.endswith(".gz"):
            yield entry.name.removesuffix(".gz"), gzip.decompress(content)
        else:
            yield entry.name, content


async def put_sample(mesh: MeshClient, name: str, folder: str) -> None:
    """Upload a sample into ``folder``, which is made if needed; files that are there stay as they are."""
    await mesh.mkdir(folder, parents=True, exist_ok=True)
    for filename, content in sample(name):
        try:
            await mesh.upload(join(folder, filename), content, if_absent=True)
        except AlreadyExists:
            continue
