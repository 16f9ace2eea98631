"""Servers as pods of a Kubernetes cluster."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from traitlets import Dict, Enum, Float, Unicode, default

from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.metrics import count_mount
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from jupyter_mesh_spawner.narrow import narrow_token, revoke_narrow
from jupyter_mesh_spawner.pods import is_mounted
from jupyter_mesh_spawner.podwatch import PodWatchMixin
from jupyter_mesh_spawner.sidecar import (
    API_TOKEN,
    FIRST_TOKEN,
    HUB_TOKEN,
    MOUNT,
    TOKEN_FILE,
    Sidecar,
    add_token_folder,
    keep_out_of_manifest,
    secret_manifest,
)

if TYPE_CHECKING:
    from jupyter_mesh_spawner.credential import Credential

__all__ = ["MeshKubeMixin", "MeshKubeSpawner"]

SECRET, NARROW = "secret", "token of the side-car"
MOUNTED_WITHIN = 60.0
"""Seconds that a server that runs waits for its mount, at most half of ``start_timeout``."""
FOR_SIDECAR = ("JUPYTERHUB_API_URL", "JUPYTERHUB_USER")


class MeshKubeMixin(MeshSpawnerMixin, PodWatchMixin):
    """Gives a server in a pod the user's storage token and, with a side-car, the files as a folder.

    Mix it in before KubeSpawner or a class of yours on top of it. The hooks and traits of KubeSpawner stay yours:
    ``modify_pod_hook`` sees the pod with all that is ours in it. No token is in the manifest of the pod: they come in
    a Secret that is collected with the pod. The hub needs no more rights than the chart of JupyterHub gives it.
    """

    mesh_mount_mode = Enum(
        ["none", "sidecar"],
        "none",
        help=(
            "Whether the files of the site are also a folder in the pod. With none they are in JupyterLab and by "
            "cs3:// addresses, which needs no privilege. With sidecar a privileged container beside the server mounts "
            "them, and the server itself has no capability; namespaces whose Pod Security is baseline or restricted "
            "do not allow that container."
        ),
    ).tag(config=True)
    mesh_sidecar_image = Unicode(
        help=(
            "Image of the side-car, with jupyter-mesh[mount] and fuse3 in it. It runs as root with all privileges, so "
            "it must be one of yours, and never one that users choose."
        )
    ).tag(config=True)
    mesh_sidecar = Dict(
        help=(
            "What else the container of the side-car says, as in the manifest of a pod: resources, imagePullPolicy. "
            "Its env and volumeMounts come after ours; everything else replaces ours."
        )
    ).tag(config=True)
    mesh_mount_grace = Float(
        30.0,
        help=(
            "Seconds that the end of a server waits for files that were written in the mount and are not at the "
            "site yet."
        ),
    ).tag(config=True)
    mesh_cache_volume: Dict[str, Any] = Dict(
        {"emptyDir": {}},
        help=(
            "Source of the volume in which the side-car keeps what is not at the site yet. The default goes with the "
            "pod; a claim of its own for each user survives a lost machine. Never a volume that the user can write."
        ),
    ).tag(config=True)

    _mesh_secret: dict[str, str] | None = None
    """What the Secret of this start is to hold, until it is made."""
    _mesh_secret_name = ""

    @default("delete_grace_period")
    def _time_for_uploads(self) -> int:
        usual: int = KubeSpawner.delete_grace_period.default_value
        return int(self.mesh_mount_grace) + 15 if self.mesh_mount_mode == "sidecar" else usual

    async def mesh_create(self, credential: Credential) -> None:
        """Choose the name of the Secret and make the token of the side-car; the rest is made with the pod."""
        self._mesh_secret_name = f"mesh-{secrets.token_hex(8)}"
        self._mesh_secret = {API_TOKEN: self.api_token}
        self.mesh_token_file, self.mesh_mount = TOKEN_FILE, ""
        if self.mesh_mount_mode == "sidecar":
            if not self.mesh_sidecar_image:
                raise SpawnException(
                    "This hub cannot mount your files. Tell its operator to set mesh_sidecar_image.",
                    reason="mesh_not_configured",
                    status_code=500,
                )
            self.mesh_mount = MOUNT
            note = f"mount of {self._log_name} ({self._mesh_secret_name})"
            self.mesh_note(NARROW, note)
            self._mesh_secret |= {
                FIRST_TOKEN: credential.token,
                HUB_TOKEN: narrow_token(self.user, note),
            }

    async def get_pod_manifest(self) -> Any:
        """That of KubeSpawner, with what is ours."""
        pod = await super().get_pod_manifest()
        if self._mesh_secret_name:
            keep_out_of_manifest(pod, self._mesh_secret_name, self.api_token)
            add_token_folder(pod)
            if self.mesh_mount:
                self._mesh_sidecar().add_to(pod)
        return pod

    def _mesh_sidecar(self) -> Sidecar:
        environment: dict[str, Any] = self.get_env()
        known = {
            name: value
            for name, value in environment.items()
            if isinstance(value, str) and (name in FOR_SIDECAR or name.startswith("MESH_"))
        }
        known.pop("MESH_MOUNT", None)
        return Sidecar(
            image=self.mesh_sidecar_image,
            secret=self._mesh_secret_name,
            environment=known,
            grace=self.mesh_mount_grace,
            cache=self.mesh_cache_volume,
            extra=self.mesh_sidecar,
        )

    async def mesh_pod_created(self, pod: dict[str, Any]) -> None:
        """Make the Secret, which the pod waits for and owns."""
        await super().mesh_pod_created(pod)
        if self._mesh_secret is None:
            return
        facts = pod["metadata"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": facts["name"], "uid": facts["uid"]}
        self.mesh_note(SECRET, {"name": self._mesh_secret_name, "namespace": facts["namespace"]})
        manifest = secret_manifest(self._mesh_secret_name, owner, self._mesh_secret)
        async with asyncio.timeout(self.k8s_api_request_retry_timeout):
            await self.api.create_namespaced_secret(facts["namespace"], manifest)

    async def mesh_started(self) -> None:
        """Wait for the mount, so that kernels that start at once find their folders."""
        await super().mesh_started()
        self._mesh_secret = None
        if not self.mesh_mount:
            return
        if not self._mesh_is_mounted():
            self.mesh_step("Mounting your files")
        try:
            async with asyncio.timeout(min(MOUNTED_WITHIN, self.start_timeout / 2)):
                while not self._mesh_is_mounted():  # noqa: ASYNC110 - the reflector tells nobody
                    await asyncio.sleep(0.1)
            count_mount("sidecar", made=True)
        except TimeoutError as error:
            count_mount("sidecar", made=False)
            raise SpawnException(
                "Your files were not mounted in time. Try again in a few minutes.",
                reason="mesh_mount_slow",
                status_code=503,
            ) from error

    def _mesh_is_mounted(self) -> bool:
        pod = self.mesh_pod()
        if pod is None:
            return False
        self.mesh_check_pod(pod)
        return is_mounted(pod)

    async def mesh_remove(self, name: str, value: Any) -> None:
        """Delete the Secret, which the cluster would do too, and the token of the side-car."""
        if name == SECRET:
            self._mesh_secret = None
            async with asyncio.timeout(self.k8s_api_request_retry_timeout):
                await self._mesh_delete_secret(value["name"], value["namespace"])
        if name == NARROW:
            revoke_narrow(self.user, value)

    async def _mesh_delete_secret(self, name: str, namespace: str) -> None:
        try:
            await self.api.delete_namespaced_secret(name, namespace)
        except ApiException as error:
            if error.status != 404:
                raise

    async def stop(self, now: bool = False) -> None:
        """Stop the server; with a mount never so fast that what waits for its upload is lost."""
        await super().stop(now and NARROW not in self._mesh_notes)


class MeshKubeSpawner(MeshKubeMixin, KubeSpawner):
    """Starts servers as pods."""
