"""Servers as processes of the hub's machine."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode, default

from jupyter_mesh.auth import write_token_file
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin

if TYPE_CHECKING:
    from jupyter_mesh_spawner.credential import Credential

__all__ = ["LocalTokenMixin", "MeshLocalSpawner"]

FOLDER = "token folder"


class LocalTokenMixin(MeshSpawnerMixin):
    """Keeps the token file in a private folder on this machine, from before the start to after the end.

    For system users, mix it in before LocalProcessSpawner: the folder then belongs to the user.
    """

    mesh_runtime_dir = Unicode(
        help=(
            "Folder for the folders with token files. Every user must be able to pass through it, nobody needs to "
            "list it. Best in memory: $XDG_RUNTIME_DIR by default, else the folder for temporary files."
        )
    ).tag(config=True)

    @default("mesh_runtime_dir")
    def _runtime_dir(self) -> str:
        return os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()

    def mesh_owner(self) -> tuple[int, int] | None:
        """User and group id that the server runs under; None when they are those of the hub."""
        account = pwd.getpwnam(self.user.name)
        return account.pw_uid, account.pw_gid

    async def mesh_create(self, credential: Credential) -> None:
        """Make the folder, readable by the user alone, with the first token in it."""
        folder = Path(self.mesh_runtime_dir) / f"jupyter-mesh-{secrets.token_hex(8)}"
        self.mesh_note(FOLDER, str(folder))
        self.mesh_token_file = str(folder / "token")
        await asyncio.to_thread(_make, folder, credential.token, self.mesh_owner())

    async def mesh_remove(self, name: str, value: Any) -> None:
        """Remove the folder with the token."""
        if name == FOLDER and Path(value).name.startswith("jupyter-mesh-"):
            await asyncio.to_thread(_remove, Path(value))


class MeshLocalSpawner(LocalTokenMixin, SimpleLocalProcessSpawner):
    """Starts servers under the account that runs the hub: users of the site need none on this machine.

    There is no wall between the users then. It is for one person, a demo, or people who trust each other.
    """

    def mesh_owner(self) -> tuple[int, int] | None:
        """The hub's own."""
        return None

    async def mesh_create(self, credential: Credential) -> None:
        """As ever, and the user's home, which nobody else on the machine may read."""
        await super().mesh_create(credential)
        await asyncio.to_thread(Path(self.home_dir).mkdir, mode=0o700, parents=True, exist_ok=True)


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
