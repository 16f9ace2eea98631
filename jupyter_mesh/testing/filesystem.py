"""FilesystemContract: what ``cs3://`` does on every site, as tests to inherit, beside the public suites of fsspec.

::

    class TestMySite(FilesystemContract):
        @pytest.fixture(scope="module")
        def site(self): return site_from_file(Path("site.toml"))

The site must run in another thread or process: synchronous code waits for it. Everything happens in fresh
folders, which are deleted at the end.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.fs import CS3FileSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_mesh.testing.site import RunningSite

__all__ = ["FilesystemContract", "known_site"]


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
    """The contract. Needs a fixture ``site`` that gives a RunningSite with two users."""

    @pytest.fixture
    def logins(self, site: RunningSite, tmp_path: Path) -> Iterator[list[str]]:
        """A ``token_ref`` for each user of the site, which is the one of the environment."""
        with known_site(site, tmp_path) as logins:
            yield logins

    @pytest.fixture
    def fs(self, logins: list[str]) -> CS3FileSystem:
        """The files of the first user."""
        return CS3FileSystem()

    @pytest.fixture
    def folder(self, fs: CS3FileSystem) -> Iterator[str]:
        """A fresh folder."""
        path = f"/home/contract-{secrets.token_hex(6)}"
        fs.mkdir(path)
        yield path
        fs.rm(path, recursive=True)
