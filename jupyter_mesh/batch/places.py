"""A notebook file in the mesh or on this machine: read it, make one beside it, save it again and again."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from abc import ABC, abstractmethod
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    IsADirectory,
    NotAllowed,
    NotFound,
    TransferFailed,
)
from jupyter_mesh.mount.folder import known_mounts
from jupyter_mesh.paths import join, name_of, parent_of, to_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_mesh.cs3 import MeshClient

T = TypeVar("T")

__all__ = ["LocalPlace", "MeshPlace", "Place"]

WITHIN = 2.0
"""Seconds that a mounted folder may take to answer."""


class Place(ABC):
    """Where one file is or will be. ``str()`` of it is what people are told."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part."""

    @abstractmethod
    def beside(self, name: str) -> Place:
        """Another file in the same folder."""

    @abstractmethod
    def below(self, name: str) -> Place:
        """A file in the folder that is here."""

    @abstractmethod
    async def is_folder(self) -> bool:
        """True if a folder is here."""

    @abstractmethod
    async def read(self) -> bytes:
        """The content; raises NotFound, IsADirectory and whatever else keeps it from being read."""

    @abstractmethod
    async def create(self, content: bytes) -> None:
        """Make the file; raises AlreadyExists if something has the name, NotFound without the folder."""

    @abstractmethod
    async def save(self, content: bytes) -> None:
        """Replace what was saved last by this object, all or nothing; raises Conflict if it is not that any more."""

    @abstractmethod
    async def working_folder(self) -> Path | None:
        """The folder of the file on this machine; None if it is not mounted, or its mount does not answer."""

    @abstractmethod
    def environment(self, folder: Path | None) -> Mapping[str, str]:
        """What the kernel of a notebook here is told, so that ``jupyter_mesh.here()`` knows the folder."""


class MeshPlace(Place):
    """A path at a site."""

    def __init__(self, mesh: MeshClient, path: str) -> None:
        self._mesh = mesh
        self._path = path
        self._etag = ""

    def __str__(self) -> str:
        return self._path

    @property
    def url(self) -> str:
        """The address."""
        return to_url(self._mesh.site, self._path)

    @property
    def name(self) -> str:
        """The last part."""
        return name_of(self._path)

    def beside(self, name: str) -> MeshPlace:
        """Another file in the same folder."""
        return MeshPlace(self._mesh, join(parent_of(self._path), name))

    def below(self, name: str) -> MeshPlace:
        """A file in the folder that is here."""
        return MeshPlace(self._mesh, join(self._path, name))

    async def is_folder(self) -> bool:
        """One Stat."""
        try:
            return (await self._mesh.stat(self._path)).is_directory
        except NotFound:
            return False

    async def read(self) -> bytes:
        """The content."""
        return await self._mesh.read(self._path)

    async def create(self, content: bytes) -> None:
        """Make the file."""
        self._etag = (await self._mesh.upload(self._path, content, if_absent=True)).etag

    async def save(self, content: bytes) -> None:
        """Replace what was saved last; the site keeps that as a version."""
        self._etag = (await self._mesh.upload(self._path, content, if_match=self._etag)).etag

    async def working_folder(self) -> Path | None:
        """The folder in the mount of this server, else in one that the user has made."""
        site, folder = self._mesh.site, parent_of(self._path)
        return await asyncio.to_thread(_in_time, lambda: _mounted(site, folder))

    def environment(self, folder: Path | None) -> Mapping[str, str]:
        """The address, and the path in the mount."""
        told = {"MESH_FOLDER": to_url(self._mesh.site, parent_of(self._path))}
        return told if folder is None else told | {"JPY_SESSION_NAME": str(folder / self.name)}


class LocalPlace(Place):
    """A path of this machine, in a mount or not."""

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.abspath(path))
        self._digest = b""

    def __str__(self) -> str:
        return str(self._path)

    @property
    def name(self) -> str:
        """The last part."""
        return self._path.name

    def beside(self, name: str) -> LocalPlace:
        """Another file in the same folder."""
        return LocalPlace(self._path.with_name(name))

    def below(self, name: str) -> LocalPlace:
        """A file in the folder that is here."""
        return LocalPlace(self._path / name)

    async def is_folder(self) -> bool:
        """Asks the disk."""
        return await asyncio.to_thread(self._path.is_dir)

    async def read(self) -> bytes:
        """The content."""
        return await asyncio.to_thread(self._told, self._path.read_bytes)

    async def create(self, content: bytes) -> None:
        """Make the file."""
        await asyncio.to_thread(self._told, lambda: self._create(content))

    async def save(self, content: bytes) -> None:
        """Replace what was saved last."""
        await asyncio.to_thread(self._told, lambda: self._save(content))

    async def working_folder(self) -> Path | None:
        """Where it is."""
        return self._path.parent

    def environment(self, folder: Path | None) -> Mapping[str, str]:
        """Nothing: in a mount the working directory tells."""
        return {}

    def _create(self, content: bytes) -> None:
        with self._path.open("xb") as file:
            file.write(content)
        self._digest = _digest(content)

    def _save(self, content: bytes) -> None:
        try:
            if _digest(self._path.read_bytes()) != self._digest:
                raise Conflict(f"{self} was changed by somebody else.")
        except FileNotFoundError:
            raise Conflict(f"{self} was moved or deleted.") from None
        new = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with new.open("xb") as file:
                file.write(content)
            new.replace(self._path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        self._digest = _digest(content)

    def _told(self, do: Callable[[], T]) -> T:
        """What ``do`` gives, with the errors of the disk in our words."""
        try:
            return do()
        except FileNotFoundError as error:
            raise NotFound(f"{self} does not exist.") from error
        except FileExistsError as error:
            raise AlreadyExists(f'There is already a "{self.name}" in that folder.') from error
        except IsADirectoryError as error:
            raise IsADirectory(f"{self} is a folder.") from error
        except PermissionError as error:
            raise NotAllowed(f"You may not do this with {self}.") from error
        except OSError as error:
            raise TransferFailed(f"{self} cannot be used ({error.strerror}).") from error


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _mounted(site: str, folder: str) -> Path | None:
    mounts = []
    if os.environ.get("MESH_SITE") == site and os.path.isabs(os.environ.get("MESH_MOUNT", "")):
        mounts.append(Path(os.environ["MESH_MOUNT"]))
    mounts += [facts.dir for _, facts in known_mounts() if facts.site == site]
    # Where a mount has ended, nothing is below.
    return next((found for mount in mounts if (found := mount / folder).is_dir()), None)


def _in_time(look: Callable[[], Path | None]) -> Path | None:
    """What ``look`` finds; None while a mount hangs, which keeps whoever asks."""
    found: list[Path | None] = []
    thread = Thread(target=lambda: found.append(look()), daemon=True, name="mesh-batch-folder")
    thread.start()
    thread.join(WITHIN)
    return found[0] if found else None
