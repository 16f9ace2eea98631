"""``CS3``: what repo2docker fetches of a public link. Needs the extra ``binder``.

# repo2docker_config.py
from jupyter_mesh.binder.provider import CS3
c.Repo2Docker.content_providers.prepend([CS3])
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from repo2docker.contentproviders.base import ContentProvider, ContentProviderException

from jupyter_mesh.binder.crates import settle_crate
from jupyter_mesh.binder.links import PublicLink
from jupyter_mesh.binder.reading import open_link, tree_id
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CS3"]


class Spec(TypedDict):
    """What ``detect`` tells ``fetch``."""

    link: PublicLink
    ref: str


class CS3(ContentProvider):
    """Files behind public links of the mesh; a crate's environment counts. No login is used."""

    def __init__(self) -> None:
        super().__init__()
        self._id: str | None = None

    @property
    def content_id(self) -> str | None:
        """Of the files that were fetched: an image is built again when one of them has changed."""
        return self._id

    def detect(self, repo: str, ref: str | None = None, extra_args: object = None) -> Spec | None:
        """The link, if it is one; the site is not asked yet."""
        link = PublicLink.parse(repo)
        return None if link is None else Spec(link=link, ref=ref or "")

    def fetch(self, spec: Spec, output_dir: str, yield_output: bool = False) -> Iterator[str]:
        """Write the files below ``output_dir``, with word of each.

        Raises ContentProviderException with one sentence. With a ``ref`` (as BinderHub gives) it fails, too, if the
        files are not those any more that the ref stands for.
        """
        link, folder = spec["link"], Path(output_dir)
        try:
            with asyncio.Runner() as runner:
                opened = open_link(link)
                linked = runner.run(opened.__aenter__())
                try:
                    yield f"Looking at what {link.host} shows of this link\n"
                    files = runner.run(linked.files())
                    self._id = tree_id(files)
                    if spec["ref"] not in ("", "HEAD", self._id):
                        raise ContentProviderException(
                            "What this link leads to has changed meanwhile. Start again."
                        )
                    for file in files:
                        yield f"Fetching {file.path}\n"
                        runner.run(linked.save(file, folder))
                finally:
                    runner.run(opened.__aexit__(None, None, None))
        except MeshError as error:
            raise ContentProviderException(str(error)) from error
        for path in settle_crate(folder):
            yield f"The crate describes its environment in {path}\n"
