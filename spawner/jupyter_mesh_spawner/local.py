"""Servers as processes of the hub's machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Enum, Float, Unicode, default

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.errors import MeshError
from jupyter_mesh.mount.possible import why_not
from jupyter_mesh_spawner.metrics import count_mount
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from jupyter_mesh_spawner.mounts import LocalMount

if TYPE_CHECKING:
    from jupyter_mesh_spawner.credential import Credential

__all__ = ["LocalTokenMixin", "MeshLocalSpawner"]

FOLDER, MOUNTED = "token folder", "mount"
READY = 30.0
"""Seconds that a server waits for its mount; it starts without one then."""


class LocalTokenMixin(MeshSpawnerMixin):
    """Keeps the token file in a private folder on this machine, from before the start to after the end.

    Where this machine can mount, the files of the site are a folder beside the local files, too. The mount
    starts with the server and ends after it; a server whose mount fails runs without.

    For system users, mix it in before LocalProcessSpawner: the folder then belongs to the user.
    """

    mesh_runtime_dir = Unicode(
        help=(
            "Folder for the folders with token files. Every user must be able to pass through it, nobody needs to "
            "list it. Best in memory: $XDG_RUNTIME_DIR by default, else the folder for temporary files."
        )
    ).tag(config=True)

    mesh_mount_mode = Enum(
        ["auto", "none"],
        "auto",
        help=(
            "Whether the files of the site are also a folder on the disk: mesh in the root folder of the server, "
            "where kernels in any language and terminals read and write them as ordinary files. With auto they "
            "are where this machine can mount (/dev/fuse, fusermount3, and rclone from jupyter-mesh[mount]), and "
            "elsewhere the log says why not. With none they never are. JupyterLab and cs3:// addresses need no mount."
        ),
    ).tag(config=True)
    mesh_mount_grace = Float(
        20.0,
        help=(
            "Seconds that the end of a server waits for files that were written in the mount and are not at the "
            "site yet. What is left then is told in the log, stays on this machine, and is uploaded when the "
            "user's server starts again."
        ),
    ).tag(config=True)

    _mesh_mounting: asyncio.Task[None] | None = None

    @default("mesh_runtime_dir")
    def _runtime_dir(self) -> str:
        return os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()

    def mesh_owner(self) -> tuple[int, int] | None:
        """User and group id that the server runs under; None when they are those of the hub."""
        account = pwd.getpwnam(self.user.name)
        return account.pw_uid, account.pw_gid

    async def mesh_create(self, credential: Credential) -> None:
        """Make the folder, readable by the user alone, with the first token in it, and begin to mount."""
        folder = Path(self.mesh_runtime_dir) / f"jupyter-mesh-{secrets.token_hex(8)}"
        self.mesh_note(FOLDER, str(folder))
        self.mesh_token_file = str(folder / "token")
        await asyncio.to_thread(_make, folder, credential.token, self.mesh_owner())
        self.mesh_mount = ""
        if await self._mesh_can_mount():
            user = "" if self.mesh_owner() is None else self.user.name
            root = self.format_string(self.notebook_dir)
            mount = await asyncio.to_thread(LocalMount.beside, self.get_env(), root, user)
            self.mesh_note(MOUNTED, mount.note())
            self.mesh_mount = mount.folder
            # Beside the start of the server, which takes longer.
            self._mesh_mounting = asyncio.create_task(self._mesh_make_mount(mount))

    async def mesh_started(self) -> None:
        """Wait for the mount, so that kernels that start at once find their folders; but never for too long."""
        if self._mesh_mounting is not None and not self._mesh_mounting.done():
            self.mesh_step("Mounting your files")
            await asyncio.wait({self._mesh_mounting}, timeout=min(READY, self.start_timeout / 2))

    async def mesh_remove(self, name: str, value: Any) -> None:
        """Unmount, then remove the folder with the token, which the last uploads need."""
        if name == MOUNTED:
            await self._mesh_unmount(LocalMount.from_note(value))
        if name == FOLDER and Path(value).name.startswith("jupyter-mesh-"):
            await asyncio.to_thread(_remove, Path(value))

    async def _mesh_can_mount(self) -> bool:
        if self.mesh_mount_mode == "none" or "MESH_MOUNT" in self.environment:
            return False
        if problem := await why_not():
            self.log.warning(
                "%s runs without a mount, with JupyterLab and cs3:// addresses alone. %s",
                self._log_name,
                problem,
            )
        return not problem

    async def _mesh_make_mount(self, mount: LocalMount) -> None:
        try:
            await mount.mount(READY)
            count_mount("local", made=True)
            self.log.info("The files of %s are mounted on %s", self._log_name, mount.folder)
        except (MeshError, OSError) as error:
            count_mount("local", made=False)
            self._mesh_notes.pop(MOUNTED, None)
            self._mesh_save()
            self.log.warning(
                "%s runs without a mount on %s. %s", self._log_name, mount.folder, error
            )

    async def _mesh_unmount(self, mount: LocalMount) -> None:
        if self._mesh_mounting is not None:
            self._mesh_mounting.cancel()
            await asyncio.wait({self._mesh_mounting})
            self._mesh_mounting = None
        if said := await mount.unmount(self.mesh_mount_grace):
            self.log.warning("Unmounting the files of %s: %s", self._log_name, said)
        if not mount.user:
            # Not while it holds anything, and not while it is mounted: the system refuses both.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(os.rmdir, mount.folder)


class MeshLocalSpawner(LocalTokenMixin, SimpleLocalProcessSpawner):
    """Starts servers under the account that runs the hub: users of the site need none on this machine.

    There is no wall between the users then. It is for one person, a demo, or people who trust each other.
    """

    def mesh_owner(self) -> tuple[int, int] | None:
        """The hub's own."""
        return None

    async def mesh_create(self, credential: Credential) -> None:
        """As ever, and the user's home, which nobody else on the machine may read."""
        await asyncio.to_thread(Path(self.home_dir).mkdir, mode=0o700, parents=True, exist_ok=True)
        await super().mesh_create(credential)


def _make(folder: Path, token: str, owner: tuple[int, int] | None) -> None:
    folder.mkdir(mode=0o700)  # fails if somebody was there before us
    file = folder / "token"
    write_token_file(file, token)
    if owner is not None:
        for path in (file, folder):
            os.chown(path, *owner)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        # Gone already, or never made.
        return
