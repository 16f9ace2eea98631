"""LocalContents: the files of this server, as the composite needs them."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.paths import MOUNT, is_within, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.contents.models import Model

__all__ = ["LocalContents"]


class LocalContents(AsyncLargeFileManager):
    """Jupyter's own manager for files on disk, with a hash for folders, and without events.

    It would emit several events for one operation, and one per entry of a listing: the composite emits
    the one that counts.

    The mount of the mesh, which lies in one of its folders, is none of its files: it is neither listed nor
    looked at, and what holds it is neither deleted, moved nor copied, since the files of the site would be too.
    """

    def emit(self, data: dict[str, Any]) -> None:
        """Left to the composite."""

    def refuse_to_touch(self, path: str) -> None:
        """Raise InvalidRequest for the mount and for what holds it. Looks at the disk, but not at the mount."""
        mount = _mount()
        if path.strip("/") == MOUNT or (mount and is_within(mount, _real(self._get_os_path(path)))):
            raise InvalidRequest(
                f'"{path or "/"}" holds the files of your site, which must not go with it. '
                "Take what you mean from inside."
            )

    def without_mount(self, path: str, names: Iterable[str]) -> list[str]:
        """What a folder holds, apart from the mount and from what has its name at the root."""
        hidden = {MOUNT} if not path.strip("/") else set()
        mount = _mount()
        if mount and os.path.dirname(mount) == os.path.realpath(self._get_os_path(path)):
            hidden.add(os.path.basename(mount))
        return [name for name in names if name not in hidden]

    async def _dir_model(self, path: str, content: bool = True) -> Model:
        """The stock model. A folder with the mount in it is listed without a look at the mount, which may hang."""
        where = self._get_os_path(path)
        names = await asyncio.to_thread(_names_in, where) if content else []
        shown = await asyncio.to_thread(self.without_mount, path, names)
        if len(shown) == len(names):
            model: Model = await super()._dir_model(path, content)
            return model
        model = await super()._dir_model(path, content=False)
        own = os.path.join(where, MOUNT)
        is_mount = _mount() != "" and _mount() in (_real(own), _target(own))
        if not path.strip("/") and MOUNT in names and not is_mount:
            self.log.warning(
                "The local %s is not shown: the mesh has its name.", f"{where}/{MOUNT}"
            )
        entries = []
        for name in await asyncio.to_thread(_ordinary, where, shown):
            if not self.should_list(name) or (name.startswith(".") and not self.allow_hidden):
                continue
            try:
                entries.append(await self.get(join(path, name), content=False))
            except (HTTPError, OSError) as error:
                # Gone meanwhile, a link to nothing, or not ours to read.
                self.log.debug("%s is not listed: %s", name, error)
        return model | {"content": entries, "format": "json"}

    async def delete_file(self, path: str) -> None:
        """The stock deletion, of what does not hold the mount."""
        await asyncio.to_thread(self.refuse_to_touch, path)
        await super().delete_file(path)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """The stock move, of what does not hold the mount."""
        await asyncio.to_thread(self.refuse_to_touch, old_path)
        await super().rename_file(old_path, new_path)

    async def copy(self, from_path: str, to_path: str | None = None) -> Model:
        """The stock copy, of what does not hold the mount."""
        await asyncio.to_thread(self.refuse_to_touch, from_path)
        model: Model = await super().copy(from_path, to_path)
        return model

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> Model:
        """The stock model. Folders have a hash too, without which asking for one would be a 500."""
        model: Model = await super().get(path, content, type, format, require_hash)
        if require_hash and model["type"] == "directory":
            changed = f"{model['last_modified'].timestamp():.6f}"
            model |= {"hash": changed, "hash_algorithm": "mtime"}
        return model


def _mount() -> str:
    """Where the mesh is mounted, as a real path; "" without a mount."""
    mount = os.environ.get("MESH_MOUNT", "")
    return _real(mount) if mount else ""


def _real(where: str) -> str:
    """The real path of ``where``, whose own end is not looked at: it may be a mount that hangs."""
    folder, name = os.path.split(os.path.normpath(where))
    return os.path.join(os.path.realpath(folder), name)


def _target(where: str) -> str:
    """Where a link leads; "" for what is none. What it leads to is not looked at."""
    try:
        return _real(os.readlink(where))
    except OSError:
        return ""


def _names_in(where: str) -> list[str]:
    try:
        return os.listdir(where)
    except OSError:
        # The stock manager says what is wrong.
        return []


def _ordinary(where: str, names: list[str]) -> list[str]:
    """Those that are files, folders or links: opening a pipe would wait for somebody to write into it."""
    found = []
    for name in names:
        with suppress(OSError):
            mode = os.lstat(os.path.join(where, name)).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                found.append(name)
    return found
