"""What a pod and its events say, in words for people: why it will not become a server, and what it is doing.

Pure: the manifests are the dictionaries of the Kubernetes API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.sidecar import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AGAIN", "GONE", "Trouble", "is_mounted", "trouble_of", "words_for"]

SERVER = "notebook"
"""What KubeSpawner calls the container of the server."""

NO_IMAGE = {
    *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"),
    *("InvalidImageName", "ImageInspectError"),
}
NOT_MADE = {
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    "StartError",
}
AGAIN = "Try again; if it happens again, tell the operator of this hub."
SAID = "jupyter mesh mount: "
"""How the program of the mount begins what it says to people."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod will not become a server."""

    reason: str
    sentence: str
    """For the user."""
    cause: str = ""
    """For the log."""
    status: int = 500

    def failure(self) -> SpawnException:
        """As an exception that ends the start."""
        return SpawnException(
            self.sentence,
            reason=self.reason,
            log_message=f"{self.sentence} {self.cause}".strip(),
            status_code=self.status,
        )


GONE = Trouble("mesh_pod_gone", f"The cluster has taken your server away while it started. {AGAIN}")


def trouble_of(pod: dict[str, Any]) -> Trouble | None:
    """Why a pod that is starting will not become a server; None while it may. One that waits for room may."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return GONE
    for container in _containers(status):
        if trouble := _trouble_in(container):
            return trouble
    if status.get("phase") in ("Failed", "Succeeded"):
        why = status.get("reason") or status.get("phase")
        return Trouble(
            "mesh_pod_failed",
            f"The cluster has ended your server while it started ({why}). {AGAIN}",
            status.get("message") or "",
        )
    return None


def _containers(status: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(kind) or []


def _trouble_in(container: dict[str, Any]) -> Trouble | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    why, cause = waiting.get("reason", ""), waiting.get("message") or ""
    if why in NO_IMAGE:
        return _no_image(container, f"{why}: {cause}")
    if why in NOT_MADE:
        return Trouble(
            "mesh_pod_refused",
            f"The cluster cannot start your server ({why}). Tell the operator of this hub.",
            cause,
        )
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if not ended or container["name"] not in (SERVER, CONTAINER):
        # Other containers that have ended: init containers do, and those of the operator are the operator's.
        return None
    return _ended(container, ended)


def _no_image(container: dict[str, Any], cause: str) -> Trouble:
    image = container.get("image", "")
    if container["name"] == SERVER:
        sentence = f"The cluster cannot get the environment {image}. Choose another one, or tell the operator of this hub."
    else:
        sentence = f"The cluster cannot get {image}, which your server needs. Tell the operator of this hub."
    return Trouble("mesh_no_image", sentence, cause)


def _ended(container: dict[str, Any], ended: dict[str, Any]) -> Trouble:
    code, why = ended.get("exitCode"), ended.get("reason", "")
    said = (ended.get("message") or "").strip()
    cause = f"{container['name']} ended with {code} ({why}): {said}"
    if container["name"] == CONTAINER:
        told = [line for line in said.splitlines() if line.startswith(SAID)]
        because = told[-1].removeprefix(SAID) if told else AGAIN
        if why == "OOMKilled":
            because = (
                "The program that mounts them needs more memory. Tell the operator of this hub."
            )
        return Trouble("mesh_mount_failed", f"Your files cannot be mounted. {because}", cause)
    if why == "OOMKilled":
        sentence = (
            "Your server needs more memory than it may have, and was ended. Choose a larger one, "
            "or tell the operator of this hub."
        )
        return Trouble("mesh_out_of_memory", sentence, cause)
    return Trouble(
        "mesh_server_ended",
        f"Your server ended while it started (exit code {code}). {AGAIN}",
        cause,
    )


def is_mounted(pod: dict[str, Any]) -> bool:
    """True when the kubelet has seen that the side-car's mount can be used."""
    found = (pod.get("status") or {}).get("initContainerStatuses") or []
    return any(each["name"] == CONTAINER and each.get("ready") for each in found)


def words_for(event: dict[str, Any]) -> str:
    """What an event of a pod means to somebody who waits; "" for those that mean nothing to them."""
    what = event.get("reason", "")
    mount = CONTAINER in ((event.get("involvedObject") or {}).get("fieldPath") or "")
    if what == "FailedScheduling":
        return "Waiting for a machine with enough room"
    if what == "TriggeredScaleUp":
        return "Another machine is being started, which takes some minutes"
    if what == "Scheduled":
        return "A machine has been found"
    if what == "Pulling":
        return "Fetching the environment, which takes some minutes the first time on a machine"
    if what == "Started":
        return "The program that mounts your files has started" if mount else "Jupyter has started"
    if what in ("FailedMount", "FailedAttachVolume") and "mesh-" not in event.get("message", ""):
        # A pod is there a moment before its Secret.
        return "Waiting for your disk"
    return ""
