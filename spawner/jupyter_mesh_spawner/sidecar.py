"""The side-car that mounts a user's files beside a server in a pod: what is added to the manifest, and no I/O.

::

    pod ├── mesh-mount (native side-car: root, privileged)       └── notebook (the user, no capability)
        │     /mesh          Bidirectional   ----- mesh-files -----  /mesh       HostToContainer, read-only
        │     /mesh/files    FUSE                                    /mesh/files the user's files
        │     /run/mesh      memory: its token                       /run/mesh   memory: the server's token
        │     /run/mesh-secrets  first token, narrow token of the hub
        │     /var/lib/mesh  what is not at the site yet

Both see the folder above the mount, and not the mount itself: one that is made again then shows up in the server
that runs. The server cannot write there, so that it puts nothing in the way of a program that is root.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "API_TOKEN",
    "CONTAINER",
    "FIRST_TOKEN",
    "HUB_TOKEN",
    "MOUNT",
    "TOKEN_FILE",
    "Sidecar",
    "add_token_folder",
    "keep_out_of_manifest",
    "secret_manifest",
]

CONTAINER = "mesh-mount"
API_TOKEN, FIRST_TOKEN, HUB_TOKEN = "api-token", "token", "hub-token"
"""Keys of the Secret: the server's token for the hub; the first token of the site, and the narrow token of the side-car."""

FILES = "/mesh"
MOUNT = f"{FILES}/files"
TOKEN_FOLDER, SECRETS = "/run/mesh", "/run/mesh-secrets"
TOKEN_FILE = f"{TOKEN_FOLDER}/token"
STATE = "/var/lib/mesh"
HEALTH = 9463
"""The port of the pod at which the kubelet asks how the mount is."""

MEMORY = {"medium": "Memory", "sizeLimit": "1Mi"}
APPENDED = ("env", "volumeMounts")
"""What an operator adds to the side-car beside ours; all else replaces ours."""


def keep_out_of_manifest(pod: Any, secret: str, token: str) -> None:
    """Have the server's token for the hub come from a Secret: whoever may look at pods must not become the user.

    The Secret is also a volume of the server, since the kubelet waits for volumes, and not for variables.
    """
    container = pod.spec.containers[0]
    for variable in container.env or []:
        if variable.value == token:
            variable.value = None
            variable.value_from = {"secretKeyRef": {"name": secret, "key": API_TOKEN}}
    _add_volume(pod, "mesh-api-token", {"secret": _items(secret, API_TOKEN)})
    _see(container, {"name": "mesh-api-token", "mountPath": SECRETS, "readOnly": True})


def add_token_folder(pod: Any) -> None:
    """Give the server a folder in memory for the token of the site, which it fetches and renews itself."""
    _add_volume(pod, "mesh-token", {"emptyDir": MEMORY})
    _see(pod.spec.containers[0], {"name": "mesh-token", "mountPath": TOKEN_FOLDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What makes one side-car differ from another."""

    image: str
    secret: str
    """Name of the Secret with ``FIRST_TOKEN`` and ``HUB_TOKEN``."""
    environment: dict[str, str]
    """Names and addresses for the program."""
    grace: float
    """Seconds that the end of the pod waits for uploads."""
    cache: dict[str, Any]
    """The source of the volume that keeps what is not at the site yet."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What the operator says of the container."""

    def add_to(self, pod: Any) -> None:
        """Add the side-car, and take every capability from the server; what the operator says of these stays."""
        server = pod.spec.containers[0]
        pod.spec.init_containers = [self.container(_owner(pod)), *(pod.spec.init_containers or [])]
        _add_volume(pod, "mesh-files", {"emptyDir": {}})
        _add_volume(pod, "mesh-cache", self.cache)
        _add_volume(pod, "mesh-mount-token", {"emptyDir": MEMORY})
        _add_volume(pod, "mesh-secrets", {"secret": _items(self.secret, FIRST_TOKEN, HUB_TOKEN)})
        seen = {"name": "mesh-files", "mountPath": FILES, "readOnly": True}
        _see(server, seen | {"mountPropagation": "HostToContainer"})
        rights = dict(server.security_context or {})
        if not rights.get("privileged"):
            rights.setdefault("capabilities", {"drop": ["ALL"]})
        server.security_context = rights
        if pod.spec.termination_grace_period_seconds is None:
            pod.spec.termination_grace_period_seconds = self.whole_grace

    @property
    def whole_grace(self) -> int:
        """Seconds that the end of the pod may take: the server's own, the uploads, the unmounting."""
        return int(self.grace) + 15

    def container(self, owner: tuple[int, int]) -> dict[str, Any]:
        """The container, for files of this user and group id."""
        environment = {
            **self.environment,
            "MESH_TOKEN_FILE": TOKEN_FILE,
            "MESH_FIRST_TOKEN_FILE": f"{SECRETS}/{FIRST_TOKEN}",
            "MESH_HUB_TOKEN_FILE": f"{SECRETS}/{HUB_TOKEN}",
            "XDG_STATE_HOME": STATE,
        }
        ask = {"httpGet": {"path": "/", "port": HEALTH}, "timeoutSeconds": 4}
        container: dict[str, Any] = {
            "name": CONTAINER,
            "image": self.image,
            "restartPolicy": "Always",
            "command": ["jupyter-mesh", "mount"],
            "args": [
                *(MOUNT, "--owner", "{}:{}".format(*owner)),
                *("--grace", f"{self.grace:g}", "--health", str(HEALTH)),
            ],
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            # Bidirectional is for privileged containers alone.
            "securityContext": {"privileged": True, "runAsUser": 0, "runAsGroup": 0}
            | {"runAsNonRoot": False},
            "volumeMounts": [
                {"name": "mesh-files", "mountPath": FILES, "mountPropagation": "Bidirectional"},
                {"name": "mesh-mount-token", "mountPath": TOKEN_FOLDER},
                {"name": "mesh-secrets", "mountPath": SECRETS, "readOnly": True},
                {"name": "mesh-cache", "mountPath": STATE},
            ],
            # No startup probe: the server starts meanwhile, and the hub waits for both.
            "readinessProbe": ask | {"periodSeconds": 1},
            # A program that hangs does not hear that it should end.
            "livenessProbe": ask
            | {"initialDelaySeconds": 30, "periodSeconds": 5, "failureThreshold": 3}
            | {"terminationGracePeriodSeconds": 5},
            # Its last words are for people.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "20m", "memory": "160Mi"},
                "limits": {"memory": "1Gi"},
            },
        }
        for name, value in self.extra.items():
            container[name] = [*container[name], *value] if name in APPENDED else value
        return container


def secret_manifest(name: str, owner: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    """A Secret that is collected with its owner, the pod."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "stringData": data,
    }


def _owner(pod: Any) -> tuple[int, int]:
    """User and group id of the server; those of the Jupyter images where nobody says them."""
    own, whole = pod.spec.containers[0].security_context or {}, pod.spec.security_context or {}
    user = own.get("runAsUser", whole.get("runAsUser", 1000))
    group = own.get("runAsGroup", whole.get("runAsGroup", whole.get("fsGroup", 100)))
    return int(user), int(group)


def _items(secret: str, *keys: str) -> dict[str, Any]:
    return {
        "secretName": secret,
        "defaultMode": 0o400,
        "items": [{"key": key, "path": key} for key in keys],
    }


def _add_volume(pod: Any, name: str, source: dict[str, Any]) -> None:
    pod.spec.volumes = [*(pod.spec.volumes or []), {"name": name, **source}]


def _see(container: Any, mount: dict[str, Any]) -> None:
    container.volume_mounts = [*(container.volume_mounts or []), mount]
