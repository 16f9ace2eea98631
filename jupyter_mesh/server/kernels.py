"""Kernels of documents of the mesh start in the mounted folder of their document, whatever their language."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from jupyter_server.services.sessions.sessionmanager import ModelName, SessionManager
from traitlets import default

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import parent_of, to_url

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from jupyter_mesh.server.app import MeshExtension
    from jupyter_mesh.server.mounted import MountedFolders

__all__ = ["FolderKernel", "FolderKernels", "FolderSessions", "start_kernels_in_folders"]


def start_kernels_in_folders(server: ServerApp) -> None:
    """Give a server our manager of sessions and, where it has a mount, of kernels. Call it before they are made.

    Managers that its configuration names, and those of a gateway with the kernels elsewhere, stay.
    """
    if GatewayClient.instance(parent=server).gateway_enabled:
        return
    if not server.trait_has_value("session_manager_class"):
        server.session_manager_class = FolderSessions
    if os.environ.get("MESH_MOUNT") and not server.trait_has_value("kernel_manager_class"):
        server.kernel_manager_class = FolderKernels


class FolderKernel(ServerKernelManager):
    """One kernel. Whether its folder is there is looked at each time before its process starts.

    The stock class has the operating system find out, which would stop the server for as long as a mount
    hangs, and refuses to start again a kernel whose mount has gone.
    """

    async def _async_pre_start_kernel(self, **kw: Any) -> tuple[list[str], dict[str, Any]]:
        # What is remembered for a restart is the folder of the document: it may be back by then.
        command, launch = await super()._async_pre_start_kernel(**kw)
        kernels = self.parent
        if isinstance(kernels, FolderKernels):
            launch["cwd"] = await kernels.folder_or_root(launch.get("cwd"))
        return command, launch


class FolderKernels(AsyncMappingKernelManager):
    """The kernels of a server with a mount."""

    @default("kernel_manager_class")
    def _one_of_ours(self) -> str:
        return f"{__name__}.{FolderKernel.__name__}"

    def cwd_for_path(self, path: str, **kwargs: Any) -> str:
        """The folder of this machine for a folder of the API; the disk is not asked for one of the mesh."""
        folders = self._folders
        where = folders.where(path) if folders else None
        if where is None:
            where = super().cwd_for_path(path, **kwargs)  # type: ignore[no-untyped-call]
        return where

    async def folder_or_root(self, where: str | None) -> str | None:
        """``where``, or the root of the server for a folder of the mount that is not there or does not answer."""
        folders = self._folders
        if folders is None or not folders.holds(where) or await folders.is_folder(where or ""):
            return where
        self.log.warning(
            "%s is not mounted or does not answer: a kernel starts in %s instead. "
            "Paths of its files are cs3:// addresses meanwhile.",
            where,
            self.root_dir,
        )
        return str(self.root_dir)

    @property
    def _folders(self) -> MountedFolders | None:
        return _folders_of(self.parent)


class FolderSessions(SessionManager):
    """The sessions of a server with files of the mesh."""

    def get_kernel_env(self, path: str | None, name: ModelName | None = None) -> dict[str, str]:
        """As ever, and for a document of the mesh MESH_FOLDER: the address of its folder, for ``here()``.

        In a mount JPY_SESSION_NAME is the document there, and the disk is not asked for it.
        """
        folders = _folders_of(self.parent)
        where = folders.where(parent_of(path.strip("/"))) if folders and path else None
        environment: dict[str, str]
        if where is None or name is None:
            environment = super().get_kernel_env(path, name)
        else:
            environment = {**os.environ, "JPY_SESSION_NAME": os.path.join(where, name)}
        url = _url_of(self.parent, parent_of(path.strip("/"))) if path else ""
        if url:
            environment["MESH_FOLDER"] = url
        else:
            # A server started from a notebook has that of its own kernel.
            environment.pop("MESH_FOLDER", None)
        return environment


def _url_of(server: Any, folder: str) -> str:
    """The ``cs3://`` address of a folder of the API; "" for one that is not of the mesh."""
    app = _extension_of(server)
    client = app.watch.client if app is not None else None
    if app is None or client is None:
        return ""
    try:
        return to_url(client.site, app.files.mesh_path(folder))
    except MeshError:
        return ""


def _folders_of(server: Any) -> MountedFolders | None:
    """The folders of a server; one object for all, since it remembers what hangs."""
    app = _extension_of(server)
    return app.mounted if app is not None else None


def _extension_of(server: Any) -> MeshExtension | None:
    extensions = getattr(server, "extension_manager", None)
    for app in extensions.extension_apps.get("jupyter_mesh", ()) if extensions else ():
        found: MeshExtension = app
        return found
    return None
