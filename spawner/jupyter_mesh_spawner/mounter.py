"""The container beside a server that mounts the user's files for it: privileged, running our program alone.

::

    engine's machine   FOLDER, in a shared mount
    mounter            FOLDER on /mesh, rshared: it mounts on /mesh/files          root, /dev/fuse, SYS_ADMIN
    server             FOLDER/files on ~/mesh, rslave: it sees what is mounted     the user, no privilege
                       FOLDER/.files.control on ~/.mesh.control: it asks the program that mounts

The server's folder must be given to it before anything is mounted there: then a mount that dies can be taken away
and made again under a running server. What is not uploaded yet lies in a volume, which goes when it is empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tarfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from docker.errors import APIError, ImageNotFound, NotFound

from jupyter_mesh.errors import DeadlineExceeded, NotSupported, Unavailable
from jupyter_mesh.mount.folder import shared_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Engine = Callable[..., Awaitable[Any]]
    """Calls a method of docker's client by its name, without blocking the loop."""

__all__ = ["Mounter", "in_words"]

POINT = "/mesh/files"
STATE = "/var/lib/jupyter-mesh"
DEVICE = "/dev/fuse"
HUB_TOKEN = "mesh-hub-token"  # noqa: S105  the name of a file
PASSED = ("JUPYTERHUB_API_URL", "JUPYTERHUB_USER")
OURS = ("MESH_MOUNT", "MESH_TOKEN_FILE")
NETWORK = ("NetworkMode", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts")
"""What the mounter has in common with the server, by the names of the engine."""
PRIVILEGE = {
    "CapDrop": ["ALL"],
    # Read-only folders are mounts inside, and what is above them is the user's alone; so is the control socket.
    "CapAdd": ["SYS_ADMIN", "DAC_READ_SEARCH", "CHOWN"],
    # The profile that engines use by default forbids every mount.
    "SecurityOpt": ["no-new-privileges", "apparmor=unconfined"],
}

LOOK_EVERY, LOOK_AT_LEAST_EVERY = 0.1, 0.5
ENDING = 20.0
"""Seconds that the program may take to end, on top of the time for uploads."""
SWEEPING = 30.0
SAID = 1000
"""Characters of what went wrong that are told."""
READY = f"is mounted on {POINT}."
FAILED, LEFT = "jupyter mesh mount: ", "Not at the site yet: "
"""How the program begins what it has to say of itself."""
UNSHARED = "not a shared"
"""What the engine says of a folder whose mounts nobody else sees."""

SWEEP = """
while fusermount3 -u -z -q "$0/files"; do :; done
test ! -d "$0" || { rm -f "$0"/.files.control/*; rmdir "$0/files" "$0/.files.control" 2>/dev/null; rmdir "$0"; }
"""


@dataclass(frozen=True, slots=True)
class Mounter:
    """What must be known of one to make it, and to take it away after a restart of the hub."""

    name: str
    """Of the container."""
    base: str
    """The folder for all servers, on the engine's machine."""
    folder: str
    """Name of this server's folder in it; nothing else ever has it."""
    cache: str
    """Name of the volume for what is not uploaded yet; the next server of its kind goes on with it."""
    image: str
    fresh: bool
    """True if there was no such volume before."""

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> Self:
        """What ``note`` has told."""
        return cls(**note)

    def note(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def binds(self, seen: str) -> dict[str, dict[str, str]]:
        """What to give to the server so that it has its files in the folder ``seen``; as volumes of DockerSpawner."""
        control = str(shared_folder(Path(POINT)).relative_to("/mesh"))
        whole = f"{self.base}/{self.folder}"
        return {
            f"{whole}/files": {"bind": seen, "mode": "rw", "propagation": "rslave"},
            f"{whole}/{control}": {"bind": str(shared_folder(Path(seen))), "mode": "ro"},
        }

    async def make(
        self,
        engine: Engine,
        server: Mapping[str, Any],
        environment: Mapping[str, str],
        token: str,
        options: list[str],
    ) -> None:
        """Make and start the container; ``server`` is what the engine says of the one it is for.

        ``token`` is for the hub, and may do nothing but get storage tokens. Raises APIError.
        """
        config = {
            **{key: server["HostConfig"].get(key) for key in NETWORK},
            **PRIVILEGE,
            "Binds": [f"{self.base}/{self.folder}:/mesh:rshared", f"{self.cache}:{STATE}"],
            "Tmpfs": {"/run/mesh": "size=1m,mode=0700"},
            "Devices": [
                {
                    "PathOnHost": DEVICE,
                    "PathInContainer": DEVICE,
                    "CgroupPermissions": "rwm",
                }
            ],
            # A program that was killed, and a site that was away: it mounts again.
            "RestartPolicy": {"Name": "on-failure"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        }
        passed = {
            name: value
            for name, value in environment.items()
            if name in PASSED or (name.startswith("MESH_") and name not in OURS)
        }
        await self._create(
            engine,
            self.name,
            config,
            entrypoint=["jupyter-mesh", "mount", POINT, *options],
            environment={
                **passed,
                "MESH_TOKEN_FILE": "/run/mesh/token",
                "MESH_HUB_TOKEN_FILE": f"/etc/{HUB_TOKEN}",
                "XDG_STATE_HOME": STATE,
            },
        )
        await engine("put_archive", self.name, "/etc", _archive(HUB_TOKEN, token))
        await engine("start", self.name)

    async def ready(self, engine: Engine, within: float) -> None:
        """Wait until the files are there.

        Raises Unavailable with the program's own sentence when it fails, DeadlineExceeded when it takes longer. It
        goes on trying by itself in both cases.
        """
        end = time.monotonic() + within
        pause = LOOK_EVERY
        while True:
            printed, said = await self._said(engine)
            if READY in printed:
                return
            state = await self._state(engine)
            if state is None or not state["Running"] or state["Restarting"]:
                raise Unavailable(said or "The program that mounts them has ended.")
            if time.monotonic() > end:
                raise DeadlineExceeded(f"They were not there within {within:.0f} s.")
            await asyncio.sleep(pause)
            # One thread asks the engine for all who start.
            pause = min(1.5 * pause, LOOK_AT_LEAST_EVERY)

    async def runs(self, engine: Engine) -> bool | None:
        """False when it has ended and nobody starts it again, None when there is none."""
        state = await self._state(engine)
        return None if state is None else bool(state["Running"] or state["Restarting"])

    async def end(self, engine: Engine, grace: float) -> str:
        """Upload what waits for at most ``grace`` seconds, unmount, and remove all; returns what is left.

        Whatever state the mount is in, nothing of it stays on the engine's machine, but what is not at the site yet.
        """
        clean, said = await self._stop(engine, grace)
        await self._sweep(engine)
        if clean:
            await self._remove_cache(engine)
        return "" if clean else said

    async def _stop(self, engine: Engine, grace: float) -> tuple[bool, str]:
        """End and remove the container; True if nothing waits in the volume, and what it said."""
        if await self._state(engine) is None:
            return self.fresh, "The container that mounted them was removed by somebody else."
        # It may have ended, or just be starting again.
        with contextlib.suppress(APIError):
            await engine("kill", self.name, "SIGTERM")
        state = await self._until_ended(engine, grace + ENDING)
        printed, said = await self._said(engine)
        await _remove(engine, self.name)
        uploaded = state is not None and not state["Running"] and state["ExitCode"] == 0
        never_there = self.fresh and READY not in printed
        return uploaded or never_there, said

    async def _until_ended(self, engine: Engine, within: float) -> dict[str, Any] | None:
        end = time.monotonic() + within
        while state := await self._state(engine):
            if not state["Running"] or time.monotonic() > end:
                return state
            await asyncio.sleep(LOOK_EVERY)
        return None

    async def _sweep(self, engine: Engine) -> None:
        """Take away what is still mounted on the engine's machine, and the folder; the hub need not be there."""
        try:
            await self._sweep_in(engine, "rshared")
        except APIError as error:
            if UNSHARED not in str(error.explanation):
                raise
            # Then nothing can be mounted there.
            await self._sweep_in(engine, "rprivate")

    async def _sweep_in(self, engine: Engine, propagation: str) -> None:
        name = f"{self.name}.sweep"
        config = {
            **PRIVILEGE,
            "Binds": [f"{self.base}:/mesh:{propagation}"],
            "NetworkMode": "none",
        }
        command = ["sh", "-c", SWEEP, f"/mesh/{self.folder}"]
        await _remove(engine, name)
        await self._create(engine, name, config, entrypoint=command)
        try:
            await engine("start", name)
            end = time.monotonic() + SWEEPING
            while (state := (await engine("inspect_container", name))["State"])["Running"]:
                if time.monotonic() > end:
                    raise DeadlineExceeded(
                        f"{self.base}/{self.folder} was not unmounted in {SWEEPING:.0f} s."
                    )
                await asyncio.sleep(LOOK_EVERY)
            if state["ExitCode"]:
                said = (await engine("logs", name)).decode(errors="replace").strip()
                raise Unavailable(f"{self.base}/{self.folder} stays: {said or 'it is in use'}.")
        finally:
            await _remove(engine, name)

    async def _remove_cache(self, engine: Engine) -> None:
        end = time.monotonic() + ENDING
        while True:
            try:
                await engine("remove_volume", self.cache)
            except NotFound:
                return
            except APIError:
                # "in use" for a moment after its container has gone.
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(LOOK_EVERY)
            else:
                return

    async def _create(self, engine: Engine, name: str, config: Any, **more: Any) -> None:
        await engine(
            "create_container",
            self.image,
            name=name,
            host_config=config,
            user="0:0",
            working_dir="/",
            stop_signal="SIGTERM",
            healthcheck={"test": ["NONE"]},
            labels={"jupyter-mesh.mounter": self.name},
            **more,
        )

    async def _state(self, engine: Engine) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = (await engine("inspect_container", self.name))["State"]
        except NotFound:
            return None
        return state

    async def _said(self, engine: Engine) -> tuple[str, str]:
        """All that it printed, and what it said last of what went wrong."""
        try:
            printed = (await engine("logs", self.name)).decode(errors="replace")
        except NotFound:
            return "", ""
        # Lines with a time are its log.
        lines = [" ".join(line.split()) for line in printed.splitlines() if not line[:4].isdigit()]
        text = " ".join(line for line in lines if READY not in line)
        start = max(text.rfind(word) for word in (FAILED, LEFT))
        return printed, text[max(start, 0) :].removeprefix(FAILED)[:SAID]


async def _remove(engine: Engine, name: str) -> None:
    with contextlib.suppress(NotFound):
        await engine("remove_container", name, force=True, v=True)


def _archive(name: str, text: str) -> bytes:
    """One file that root alone can read."""
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def in_words(error: APIError, base: str) -> NotSupported:
    """Why the engine does not mount, in a sentence that says what to do."""
    told = str(error.explanation or error)
    if UNSHARED in told:
        return NotSupported(
            f"{base} is not a shared mount of the engine's machine. Make it one as root: "
            f"mount --bind {base} {base} && mount --make-rshared {base}."
        )
    if "custom device" in told:
        return NotSupported(
            f"The engine's machine has no {DEVICE}. Load the module there as root: modprobe fuse."
        )
    if isinstance(error, ImageNotFound):
        return NotSupported("The image of the mounter cannot be found (mesh_mounter_image).")
    if "executable file not found" in told:
        return NotSupported(
            'The image of the mounter has no program to mount with. Put "jupyter-mesh[mount]" and fuse3 into it.'
        )
    return NotSupported(f"The engine says: {told.strip().rstrip('.')}.")
