"""The servers that the hub starts: which spawner, whether it can mount, whether its servers reach the hub."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mesh.cli.checks import Finding
from jupyter_mesh.mount.possible import why_not
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin

if TYPE_CHECKING:
    from jupyter_mesh_spawner.doctor.settings import HubSettings

__all__ = ["servers"]

LOCAL = ("LocalProcessSpawner", "SimpleLocalProcessSpawner")
DOCKER, KUBERNETES = "DockerSpawner", "KubeSpawner"


async def servers(settings: HubSettings) -> list[Finding]:
    """What can be said before a server is started."""
    name = settings.spawner.__name__
    if not issubclass(settings.spawner, MeshSpawnerMixin):
        text = (
            f"{name} starts servers without files of the site. Set JupyterHub.spawner_class to "
            '"mesh-local", "mesh-docker" or "mesh-kube", or put one of our mixins before your own class.'
        )
        return [Finding("spawner", False, text)]
    found = [Finding("spawner", True, name)]
    if settings.spawns(*LOCAL):
        found.append(_installed())
    if settings.spawns(DOCKER):
        found.append(await asyncio.to_thread(_engine))
    if settings.spawns(DOCKER, KUBERNETES):
        found.append(_address(settings))
    return [*found, await _mount(settings)]


def _installed() -> Finding:
    """Local servers run what is installed beside the hub."""
    missing = [name for name in ("jupyterlab", "jupyter-server") if not _has(name)]
    if missing:
        text = f"{' and '.join(missing)} is missing where servers run. Run: pip install 'jupyter-mesh[lab]'"
        return Finding("servers", None, text)
    return Finding("servers", True, "JupyterLab and jupyter-mesh are installed beside the hub")


def _has(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _engine() -> Finding:
    import docker  # type: ignore[import-untyped,unused-ignore]  # no types there

    try:
        client = docker.from_env(timeout=10)
        with_version = client.version().get("Version", "")
    except docker.errors.DockerException as error:
        text = (
            f"The Docker engine does not answer ({type(error).__name__}). Does it run, may the hub's account "
            "use its socket, is DOCKER_HOST right?"
        )
        return Finding("engine", False, text)
    return Finding("engine", True, f"Docker {with_version}")


def _address(settings: HubSettings) -> Finding:
    """Servers in containers must reach the hub at an address that is not this machine's own."""
    app: Any = settings.app
    hub = app.config.get("JupyterHub", {})
    told = str(hub.get("hub_connect_url", "") or hub.get("hub_connect_ip", ""))
    if told or settings.of_spawner("hub_connect_url"):
        return Finding("hub address", True, told or str(settings.of_spawner("hub_connect_url")))
    bound = str(hub.get("hub_bind_url", "") or hub.get("hub_ip", "127.0.0.1"))
    host = bound.split("//")[-1].partition("/")[0].rpartition(":")[0] or bound
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if loopback:
        text = (
            f"Servers in containers cannot reach the hub at {host}. Set JupyterHub.hub_bind_url to an address "
            "that they reach, for Docker that of its bridge: http://172.17.0.1:8081"
        )
        return Finding("hub address", False, text)
    return Finding("hub address", True, bound)


async def _mount(settings: HubSettings) -> Finding:
    mode = settings.of_spawner("mesh_mount_mode")
    if mode in (None, "none"):
        return Finding(
            "mount", None, "Servers have no mount: JupyterLab and cs3:// addresses alone."
        )
    if mode == "sidecar":
        return Finding("mount", True, "a side-car in each pod; it needs privileged containers")
    if settings.spawns(DOCKER):
        return await asyncio.to_thread(_propagation, settings)
    if problem := await why_not():
        return Finding("mount", mode == "auto" and None, f"Servers run without a mount. {problem}")
    return Finding("mount", True, "this machine can mount")


def _propagation(settings: HubSettings) -> Finding:
    """With Docker, mounts are made below a folder of the host that must be shared with containers."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        text = "/dev/fuse is not there or cannot be used, and nothing can be mounted without it. Run: modprobe fuse"
        return Finding("mount", False, text)
    folder = str(settings.of_spawner("mesh_host_folder") or "")
    if not folder or not Path(folder).exists():
        return Finding(
            "mount",
            None,
            "/dev/fuse is there; the folder for mounts is made with the first server.",
        )
    if not _is_shared(folder):
        text = (
            f"What is mounted below {folder} is not seen in containers. Run at each boot, before the hub: "
            f"mount --bind {folder} {folder} && mount --make-rshared {folder}"
        )
        return Finding("mount", False, text)
    return Finding("mount", True, f"/dev/fuse is there, and {folder} is shared with containers")


def _is_shared(folder: str) -> bool:
    """Whether the mount that holds a folder passes mounts on."""
    best, shared = "", False
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point = fields[4].encode().decode("unicode_escape")
        if f"{folder}/".startswith(f"{point.rstrip('/')}/") and len(point) >= len(best):
            best, shared = point, any(each.startswith("shared:") for each in fields[6:])
    return shared
