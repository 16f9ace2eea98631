"""PodWatchMixin: a pod that is starting is watched, so that one that fails ends the start at once, and says why."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubernetes_asyncio.client import ApiException
from traitlets.config import Configurable

from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.pods import AGAIN, GONE, Trouble, trouble_of, words_for

if TYPE_CHECKING:
    # What it is mixed into; at run time the mixin brings its own traits alone.
    from collections.abc import AsyncIterator, Awaitable

    from kubespawner import KubeSpawner as Base
else:
    Base = Configurable

__all__ = ["PodWatchMixin"]

START = "mesh-start"
"""Annotation that tells the pod of this start from one of the same name before it."""

LOOK_EVERY = 0.05
"""Seconds between two looks at what the hub already knows of the pod: no request is made."""
AWAY_FOR = 10.0
"""Seconds without its pod after which a start has failed; while a request is repeated there may be none."""


class PodWatchMixin(Base):
    """Ends a start at once when its pod cannot become a server. Mix it in before KubeSpawner.

    KubeSpawner alone waits for ``start_timeout`` whatever happens to the pod, and takes the hooks of the operator to
    get at it; these stay free here.
    """

    _mesh_nonce = ""

    async def mesh_pod_created(self, pod: dict[str, Any]) -> None:
        """Called once for each pod that a start makes, as soon as it has a uid. What it raises ends the start."""

    def mesh_pod(self) -> dict[str, Any] | None:
        """The pod of this start as the cluster told it last; None while there is none."""
        reflector = self.pod_reflector
        pod = reflector.pods.get(f"{self.namespace}/{self.pod_name}") if reflector else None
        if pod is None:
            return None
        annotations = pod["metadata"].get("annotations") or {}
        return pod if self._mesh_nonce and annotations.get(START) == self._mesh_nonce else None

    async def get_pod_manifest(self) -> Any:
        """That of KubeSpawner, with the name of this start."""
        pod = await super().get_pod_manifest()
        pod.metadata.annotations = {**(pod.metadata.annotations or {}), START: self._mesh_nonce}
        return pod

    async def start(self) -> Any:
        """Start, and raise SpawnException as soon as it is known that the pod will not become a server.

        It ends when the server listens: one that runs may end a moment later, and the hub would wait for it all of
        ``http_timeout``.
        """
        self._mesh_nonce = secrets.token_hex(8)
        starting = asyncio.ensure_future(self._mesh_listening(super().start()))
        watching = asyncio.create_task(self._mesh_watch())
        try:
            await asyncio.wait({starting, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                await watching
            return await starting
        except ApiException as error:
            raise _refused(error).failure() from error
        except SpawnException:
            # Hubs leave a pod alone that has failed before any of its containers ran.
            await _ended(starting)
            await self._mesh_take_away()
            raise
        finally:
            await _ended(starting)
            await _ended(watching)

    async def _mesh_listening(self, starting: Awaitable[Any]) -> Any:
        """The address of the server, when it takes connections there or has not for as long as the hub waits."""
        address = await starting
        url = urlsplit(address if isinstance(address, str) else "//{}:{}".format(*address))
        port = url.port or (443 if url.scheme == "https" else 80)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.http_timeout):
                await _connect(url.hostname or "", port)
        return address

    async def poll(self) -> int | None:
        """None while the server runs. A start that a hub which is gone has left half done is over.

        KubeSpawner takes its pod for a server, and the hub would wait for it before it does anything else.
        """
        status: int | None = await super().poll()
        if status is None and not self._mesh_nonce:
            pod = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}") or {}
            if (pod.get("status") or {}).get("phase") == "Pending":
                self.log.warning("%s was starting when the hub ended: not any more", self._log_name)
                await self._mesh_take_away()
                return 1
        return status

    async def _mesh_take_away(self) -> None:
        try:
            await self.stop(now=True)
        except Exception:
            # Why the start has failed is what counts; the next start takes away what is left.
            self.log.exception("The pod of %s could not be deleted", self._log_name)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The events of the pod in words for people; those that say nothing to them are left out."""
        told = ""
        async for event in super().progress():
            if raw := event.get("raw_event"):
                words = words_for(raw)
                if not words or words == told:
                    continue
                told = words
                event = {**event, "message": words}
            yield event

    async def _mesh_watch(self) -> None:
        """Never returns; raises SpawnException when the pod fails."""
        uid, seen = "", 0.0
        while True:
            pod = self.mesh_pod()
            if pod is not None:
                seen = time.monotonic()
                if pod["metadata"]["uid"] != uid:
                    uid = pod["metadata"]["uid"]
                    await self.mesh_pod_created(pod)
                self.mesh_check_pod(pod)
            elif uid and time.monotonic() - seen > AWAY_FOR:
                raise GONE.failure()
            await asyncio.sleep(LOOK_EVERY)

    def mesh_check_pod(self, pod: dict[str, Any]) -> None:
        """Raise SpawnException for a pod that will not become a server."""
        if trouble := trouble_of(pod):
            raise trouble.failure()


async def _connect(host: str, port: int) -> None:
    """Try until it works."""
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(LOOK_EVERY)


async def _ended(task: asyncio.Future[Any]) -> None:
    task.cancel()
    # What it was about to raise is told already.
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


def _refused(error: ApiException) -> Trouble:
    """What it means that the API of the cluster refuses a request of the hub."""
    try:
        said = str(json.loads(error.body or "")["message"])
    except (ValueError, TypeError, KeyError):
        said = str(error.reason)
    if "exceeded quota" in said:
        return Trouble(
            "mesh_no_room", f"The cluster has no room left for your server. {AGAIN}", said, 503
        )
    if "PodSecurity" in said:
        return Trouble(
            "mesh_pod_refused",
            "The cluster does not allow servers with mounted files here. Tell the operator of this hub.",
            said,
        )
    return Trouble(
        "mesh_pod_refused",
        f"The cluster refused to start your server. {AGAIN}",
        f"{error.status}: {said}",
    )
