"""Servers in Docker containers."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from dockerspawner import DockerSpawner
from jupyterhub.utils import maybe_future
from requests.exceptions import RequestException
from traitlets import Bool, Enum, Float, Unicode, default

from jupyter_mesh.errors import MeshError, NotSupported
from jupyter_mesh.paths import MOUNT
from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.metrics import count_mount
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from jupyter_mesh_spawner.mounter import Mounter, in_words
from jupyter_mesh_spawner.narrow import narrow_token, revoke_narrow

if TYPE_CHECKING:
    from dockerspawner import DockerSpawner as Base

    from jupyter_mesh_spawner.credential import Credential
else:
    Base = object

__all__ = ["MeshDockerMixin", "MeshDockerSpawner"]

MOUNTER, SERVER = "mounter", "container"
TOKENS = "/run/mesh"
READY = 30.0
"""Seconds that a server waits for its mount; it starts without one then."""
GONE = 30.0
"""Seconds that the engine may take to remove a container."""


class MeshDockerMixin(MeshSpawnerMixin, Base):
    """Gives a container the user's storage. Mix it in before DockerSpawner, or a class made of it.

    The server writes its token file itself, into memory. With the mode ``host`` a second container mounts the files
    of the site for it; a server whose mount fails runs without. The operator's volumes, mounts, capabilities and
    security options stay as they are: ours are added for each start.
    """

    mesh_mount_mode = Enum(
        ["none", "host"],
        "none",
        help=(
            "Whether the files of the site are also the folder mesh in the root folder of the server. With none they "
            "are not, and nothing needs any privilege: JupyterLab and cs3:// addresses work. With host a second "
            "container mounts them for each server: it runs as root with /dev/fuse and SYS_ADMIN, and the server "
            "itself needs no privilege. The folder mesh_host_folder must be a shared mount then, as every folder is "
            "where systemd runs."
        ),
    ).tag(config=True)
    mesh_mount_grace = Float(
        20.0,
        help=(
            "Seconds that the end of a server waits for files that were written in the mount and are not at the "
            "site yet. What is left then is told in the log, stays in a volume, and is uploaded when the user's "
            "server starts again."
        ),
    ).tag(config=True)
    mesh_mounter_image = Unicode(
        help=(
            "Image of the container that mounts, with jupyter-mesh[mount] and fuse3 in it. Left empty, the image "
            "that is configured for servers; never one that a user has chosen."
        )
    ).tag(config=True)
    mesh_host_folder = Unicode(
        "/srv/mesh",
        help=(
            "Folder on the machine of the Docker engine below which the files of users are mounted. The engine "
            "makes it. Ordinary accounts of that machine should have no way into it."
        ),
    ).tag(config=True)
    mesh_server_account = Unicode(
        "1000:100",
        help=(
            "User and group id that servers run under in their containers: the files in the mount are theirs."
        ),
    ).tag(config=True)
    remove = Bool(
        True,
        help=(
            "Whether containers are deleted when servers stop. Unlike other Docker spawners this one does so "
            "unless told otherwise: a container that is started again has the environment of its first start."
        ),
    ).tag(config=True)

    # Traits of DockerSpawner, which is not typed.
    extra_host_config: Any
    volumes: dict[str, Any]

    _mesh_mounter: Mounter | None = None
    """The one that is planned for this start, or runs; None without, and after a restart of the hub."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Asked for now: later it would be what the user has chosen.
        self.mesh_mounter_image  # noqa: B018

    @default("mesh_mounter_image")
    def _image_of_servers(self) -> str:
        image: str = self.image
        return image

    async def mesh_create(self, credential: Credential) -> None:
        """Add memory for the token, and the folder where the files will be. Nothing is made yet."""
        self.mesh_token_file = f"{TOKENS}/token"
        if not isinstance(self.extra_host_config, _WithMemory):
            self.extra_host_config = _WithMemory(self.extra_host_config)
        self._mesh_forget_mount()
        if self.mesh_mount_mode == "host" and "MESH_MOUNT" not in self.environment:
            try:
                await self._mesh_plan_mount()
            except (MeshError, APIError) as error:
                self._mesh_without(error)

    async def mesh_started(self) -> None:
        """Mount while Jupyter starts; but never wait for it too long."""
        if self._mesh_mounter is None:
            return
        self.mesh_step("Mounting your files")
        try:
            await self._mesh_mount(self._mesh_mounter)
            await self._mesh_mounter.ready(self.docker, min(READY, self.start_timeout / 2))
        except (MeshError, APIError) as error:
            # The folder stays with the server: the mounter goes on trying, and may fill it later.
            self._mesh_tell(error)
        else:
            count_mount("host", made=True)
            self.log.info("The files of %s are mounted", self._log_name)

    async def mesh_remove(self, name: str, value: Any) -> None:
        """Remove the server's container, then what mounts for it, after it has uploaded what waits."""
        if name == SERVER:
            await self._mesh_remove_container(value)
        if name == MOUNTER:
            mounter = Mounter.from_note(value)
            try:
                said = await mounter.end(self.docker, self.mesh_mount_grace)
            finally:
                revoke_narrow(self.user, _token_of(mounter))
            if said:
                self.log.warning("Unmounting the files of %s: %s", self._log_name, said)
            self._mesh_forget_mount()

    async def create_object(self) -> Any:
        """Note the container before it is made; what the engine refuses with the mount's folder is made without."""
        if self.remove:
            self.mesh_note(SERVER, self.object_name)
        try:
            return await super().create_object()
        except APIError as error:
            if self._mesh_mounter is None:
                raise
            self._mesh_without(error)
            return await super().create_object()

    async def start_object(self) -> Any:
        """Start the container; a folder that cannot be given to it is no reason not to."""
        try:
            return await super().start_object()
        except APIError as error:
            if self._mesh_mounter is None:
                raise
            self._mesh_without(error)
            await self._mesh_remove_container(self.object_name)
            self.object_id = (await super().create_object())[self.object_id_key]
            return await super().start_object()

    async def poll(self) -> Any:
        """As ever; a mounter that somebody has ended or removed is started again."""
        status = await super().poll()
        if status is None and MOUNTER in self._mesh_notes and not self.pending:
            mounter = Mounter.from_note(self._mesh_notes[MOUNTER])
            try:
                runs = await mounter.runs(self.docker)
                if runs is None:
                    await self._mesh_mount(mounter)
                elif not runs:
                    await self.docker("start", mounter.name)
                if not runs:
                    self.log.warning("The mounter of %s had ended: started again", self._log_name)
            except (MeshError, APIError) as error:
                # The next look tries again; the server itself is well.
                self.log.warning("The mounter of %s does not start: %s", self._log_name, error)
        return status

    async def _mesh_plan_mount(self) -> None:
        """Give the server the folder where its files will be. Nothing may be mounted there before it runs."""
        seen = f"{await self._mesh_root()}/{MOUNT}"
        taken = {*self.volume_mount_points, *(mount["Target"] for mount in self.mount_binds)}
        if seen in taken:
            raise NotSupported(f"Something else is mounted on {seen} (DockerSpawner.volumes).")
        if not self.remove:
            raise NotSupported("Containers that are kept cannot have it (DockerSpawner.remove).")
        await self.pull_image(self.mesh_mounter_image)
        name = f"{self.object_name}.mesh"
        mounter = Mounter(
            name=name,
            base=self.mesh_host_folder.rstrip("/"),
            # Whatever an earlier one left behind, this one is empty.
            folder=f"{self.object_name}.{secrets.token_hex(8)}",
            cache=f"{name}-cache",
            image=self.mesh_mounter_image,
            fresh=await self._mesh_is_new(f"{name}-cache"),
        )
        self.mesh_note(MOUNTER, mounter.note())
        self._mesh_mounter, self.mesh_mount = mounter, seen
        self.volumes = {**self.volumes, **mounter.binds(seen)}

    async def _mesh_root(self) -> str:
        """The root folder of the server in its container."""
        root: str = self.format_volume_name(str(self.notebook_dir), self)
        if root.startswith("/"):
            return root.rstrip("/")
        image = await self.docker("inspect_image", self.image)
        home = str(image["Config"].get("WorkingDir") or "/").rstrip("/")
        return f"{home}/{root.removeprefix('~').strip('/')}".rstrip("/")

    async def _mesh_is_new(self, volume: str) -> bool:
        try:
            await self.docker("inspect_volume", volume)
        except NotFound:
            return True
        return False

    async def _mesh_mount(self, mounter: Mounter) -> None:
        """Make the container that mounts, with a token of its own."""
        # One that was removed by somebody had one, too.
        revoke_narrow(self.user, _token_of(mounter))
        token = narrow_token(self.user, _token_of(mounter))
        options = ["--owner", self.mesh_server_account, "--grace", f"{self.mesh_mount_grace:g}"]
        server = await self.docker("inspect_container", self.object_name)
        await mounter.make(self.docker, server, self.get_env(), token, options)

    def _mesh_forget_mount(self) -> None:
        if self._mesh_mounter is not None:
            ours = self._mesh_mounter.binds(self.mesh_mount)
            self.volumes = {name: how for name, how in self.volumes.items() if name not in ours}
        self._mesh_mounter, self.mesh_mount = None, ""

    def _mesh_without(self, error: Exception) -> None:
        """The server starts without a mount, and its user reads why. What was noted goes at its end."""
        self._mesh_forget_mount()
        self._mesh_tell(error)

    def _mesh_tell(self, error: Exception) -> None:
        why = in_words(error, self.mesh_host_folder) if isinstance(error, APIError) else error
        count_mount("host", made=False)
        self.log.warning("%s runs without a mount. %s", self._log_name, why, exc_info=error)
        self.mesh_steps.remark(
            f"Your files are not mounted, so there is no folder mesh in terminals and kernels. {why}"
        )

    async def _mesh_remove_container(self, name: str) -> None:
        """Remove it and wait until it is gone: the engine may be removing it already."""
        end = time.monotonic() + GONE
        while True:
            try:
                await self.docker("remove_container", name, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 409 or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.05)

    def _mesh_failure(self, error: Exception) -> SpawnException:
        absent = isinstance(error, NotFound) and "manifest" in str(error.explanation)
        if absent or isinstance(error, ImageNotFound):
            reason = "mesh_no_image"
            sentence = (
                f"The image {self.image} of your server cannot be found. Choose another environment, or tell the "
                "operator of this hub."
            )
        elif isinstance(error, RequestException) or type(error) is DockerException:
            reason = "mesh_no_engine"
            sentence = "The Docker engine of this hub does not answer, so no server can start. Tell its operator."
        else:
            return super()._mesh_failure(error)
        self.log.error("%s cannot start", self._log_name, exc_info=error)
        return SpawnException(sentence, reason=reason, status_code=503)


class MeshDockerSpawner(MeshDockerMixin, DockerSpawner):
    """Starts each server in a container of its own, with the user's storage."""


class _WithMemory:
    """The operator's ``extra_host_config``, whatever it is, and a folder in memory for the token file."""

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs

    async def __call__(self, spawner: Any) -> dict[str, Any]:
        theirs = self._theirs(spawner) if callable(self._theirs) else self._theirs
        config = dict(await maybe_future(theirs) or {})
        tmpfs = config.get("tmpfs") or {}
        if not isinstance(tmpfs, dict):
            tmpfs = dict(entry.partition(":")[::2] for entry in tmpfs)
        # Everybody in the container may write there, as in /tmp; the file is its owner's alone.
        config["tmpfs"] = {TOKENS: "size=1m,mode=1777", **tmpfs}
        return config


def _token_of(mounter: Mounter) -> str:
    """The note of its token for the hub, in the user's list of tokens."""
    return f"Mount of {mounter.name}"
