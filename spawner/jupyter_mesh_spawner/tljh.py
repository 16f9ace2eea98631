"""Plugin of The Littlest JupyterHub: two settings make its hub a mesh hub. See hub-config/tljh.

TLJH loads this module by the entry point group ``tljh``; its packages are imported here alone.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from traitlets.config import Config

    from jupyter_mesh_spawner.credential import Credential

__all__ = [
    "tljh_custom_jupyterhub_config",
    "tljh_extra_apt_packages",
    "tljh_extra_hub_pip_packages",
    "tljh_extra_user_pip_packages",
]

RUNTIME = Path("/run/jupyter-mesh")
"""Holds the folders with token files; in memory, and passed through by everybody."""

hookimpl = HookimplMarker("tljh")


@hookimpl
def tljh_extra_hub_pip_packages() -> list[str]:
    """What the environment of the hub gets."""
    return ["jupyter-mesh-spawner"]


@hookimpl
def tljh_extra_user_pip_packages() -> list[str]:
    """What the environment of the servers gets."""
    return ["jupyter-mesh[lab,mount]"]


@hookimpl
def tljh_extra_apt_packages() -> list[str]:
    """For ``jupyter mesh mount`` in a terminal."""
    return ["fuse3"]


@hookimpl
def tljh_custom_jupyterhub_config(c: Config) -> None:
    """Called with the configuration of the hub when TLJH has made its own; nothing without ``mesh.site``."""
    from tljh import configurer
    from tljh.config import STATE_DIR

    mesh = configurer.load_config().get("mesh") or {}
    if not mesh.get("site"):
        return
    configure(c, mesh, Path(STATE_DIR))


def configure(c: Config, mesh: dict[str, Any], state: Path, runtime: Path = RUNTIME) -> None:
    """Make the hub of a TLJH a mesh hub; ``state`` is where TLJH keeps what must stay."""
    from jupyter_mesh_spawner import apply_defaults

    apply_defaults(c)
    if "keys" not in c.CryptKeeper and not os.environ.get("JUPYTERHUB_CRYPT_KEY"):
        c.CryptKeeper.keys = [_kept_key(state / "mesh-crypt-key")]
    c.MeshAuthenticatorMixin.mesh_site = mesh["site"]
    c.MeshAuthenticatorMixin.mesh_gateway = mesh.get("gateway", "")
    if "firstuse" in str(c.JupyterHub.get("authenticator_class", "firstuse")):
        # What TLJH takes when nobody says anything.
        c.JupyterHub.authenticator_class = "mesh-cs3"
        if not c.Authenticator.get("allowed_users"):
            c.CS3Authenticator.allow_all = True
    c.JupyterHub.spawner_class = with_files(c.JupyterHub.spawner_class)
    # Each server has a mount namespace of its own, made by systemd.
    c.LocalTokenMixin.mesh_mount_mode = "none"
    c.LocalTokenMixin.mesh_runtime_dir = str(runtime)
    runtime.mkdir(mode=0o711, exist_ok=True)


def with_files(base: type[Any]) -> type[Any]:
    """The spawner of TLJH, which makes users of the system, with files of the site."""
    from tljh import user
    from tljh.normalize import generate_system_username

    from jupyter_mesh_spawner.local import LocalTokenMixin

    class MeshUserCreatingSpawner(LocalTokenMixin, base):
        """Servers of system users that are made when they are needed."""

        @property
        def mesh_account(self) -> str:
            """Name of the system user, as TLJH makes it."""
            name: str = generate_system_username(f"jupyter-{self.user.name}")
            return name

        def mesh_owner(self) -> tuple[int, int]:
            """The system user, who is there when the token file is made."""
            account = pwd.getpwnam(self.mesh_account)
            return account.pw_uid, account.pw_gid

        async def mesh_create(self, credential: Credential) -> None:
            """As ever, and the user of the system first: TLJH makes it later, when the server starts."""
            await asyncio.to_thread(user.ensure_user, self.mesh_account)
            await super().mesh_create(credential)

    return MeshUserCreatingSpawner


def _kept_key(file: Path) -> bytes:
    """Random bytes that stay the same from start to start, in a file that root alone can read."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(secrets.token_hex(32))
    return bytes.fromhex(file.read_text().strip())
