"""MeshSpawnerMixin: what a spawner does so that a server starts with the user's files, and leaves nothing."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets import Unicode, default

from jupyter_mesh.errors import LoginEnded, MeshError
from jupyter_mesh.tracing import VARIABLE
from jupyter_mesh_spawner import audit
from jupyter_mesh_spawner.choosing import MeshChoicesMixin
from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.starts import Start
from jupyter_mesh_spawner.steps import Steps, merged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh_spawner.credential import Credential

__all__ = ["MeshSpawnerMixin"]


class MeshSpawnerMixin(MeshChoicesMixin):
    """Gives a server the user's storage token in a file. Mix it in before a Spawner.

    A subclass creates what a server needs in ``mesh_create`` and removes it in ``mesh_remove``. Each thing is
    written down in the hub's database before it is made (``mesh_note``), and is removed exactly once, however
    the server ends: stopped, killed, never started, or while the hub was down. The hooks of Spawner stay free
    for the operator.
    """

    mesh_site = Unicode(
        help="Name of the site whose files the server gets. Left empty, the authenticator's."
    ).tag(config=True)
    mesh_gateway = Unicode(
        help="Address of the site's CS3 gateway as servers reach it. Left empty, the authenticator's."
    ).tag(config=True)
    mesh_contents_manager = Unicode(
        "jupyter_mesh.contents.CompositeContentsManager",
        help=(
            "Contents manager of the user's server: by default local files at the top and the site under mesh. "
            "Left empty, the server keeps the one that its own configuration says. Say it here and not in args: "
            "a server refuses to start with the same setting twice."
        ),
    ).tag(config=True)

    mesh_token_file = ""
    """Path of the token file as the server sees it; set by ``mesh_create``."""
    mesh_mount = ""
    """Folder where the server sees the files of the site; "" without a mount."""

    _mesh_watched: Start | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # load_state may have run already, within the constructor of Spawner.
        self.__dict__.setdefault("_mesh_notes", {})

    @default("mesh_site")
    def _authenticators_site(self) -> str:
        return getattr(self.authenticator, "mesh_site", "")

    @default("mesh_gateway")
    def _authenticators_gateway(self) -> str:
        return getattr(self.authenticator, "mesh_gateway", "")

    @default("default_url")
    def _open_lab(self) -> str:
        return "/lab"

    async def mesh_create(self, credential: Credential) -> None:
        """Make what the server needs, and set ``mesh_token_file``. Call ``mesh_note`` before each step."""
        raise NotImplementedError

    async def mesh_started(self) -> None:
        """Called when the server runs, before anybody is sent there. What it raises ends the server."""

    async def mesh_remove(self, name: str, value: Any) -> None:
        """Remove one noted thing, whether it was made, half made or is gone already."""
        raise NotImplementedError

    def mesh_step(self, text: str) -> None:
        """Tell the user who waits what is being done from now on: "Mounting your files"."""
        self.mesh_steps.begin(text)
        if self._mesh_watched is not None:
            self._mesh_watched.step(text)

    def mesh_note(self, name: str, value: Any) -> None:
        """Remember over a restart of the hub that ``name`` is about to be made; ``value`` is JSON."""
        self._mesh_notes[name] = value
        self._mesh_save()

    async def mesh_release(self) -> None:
        """Remove all that is noted, last first. What cannot be removed stays noted for the next try."""
        if not self._mesh_notes:
            # Nothing to write down, either: each time stops the hub for a moment.
            return
        for name, value in reversed(list(self._mesh_notes.items())):
            try:
                await self.mesh_remove(name, value)
            except Exception:
                # Whatever the cause, the other things must still go and the server must still end.
                self.log.exception("%s of %s could not be removed", name, self._log_name)
            else:
                self._mesh_notes.pop(name, None)
        self._mesh_save()

    def _mesh_save(self) -> None:
        # The hub saves after start() only: one that dies before would forget what we made.
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    def load_state(self, state: dict[str, Any]) -> None:
        """Called when the hub meets a server of its former life."""
        super().load_state(state)
        self._mesh_notes = dict(state.get("mesh") or {})

    def get_state(self) -> dict[str, Any]:
        """Called often: no side effects. There is no clear_state: it runs before our release."""
        state: dict[str, Any] = super().get_state()
        if self._mesh_notes:
            state["mesh"] = dict(self._mesh_notes)
        return state

    def get_env(self) -> dict[str, str]:
        """Names and addresses for the server; the operator's ``environment`` wins. Never a secret."""
        env: dict[str, str] = super().get_env()
        env.setdefault("MESH_SITE", self.mesh_site)
        env.setdefault("MESH_GATEWAY", self.mesh_gateway)
        env.setdefault("MESH_TOKEN_FILE", self.mesh_token_file)
        if self.mesh_mount:
            env.setdefault("MESH_MOUNT", self.mesh_mount)
        if self._mesh_watched is not None:
            env.setdefault(VARIABLE, self._mesh_watched.traceparent)
        return env

    def get_args(self) -> list[str]:
        """Ours, then the operator's."""
        args: list[str] = list(super().get_args())
        if self.mesh_contents_manager:
            args.insert(0, f"--ServerApp.contents_manager_class={self.mesh_contents_manager}")
        return args

    async def start(self) -> Any:
        """Start the server with a token at hand; raises SpawnException with one sentence when there is none."""
        watched = self._mesh_watched = Start(self)
        try:
            with watched.within():
                address = await self._mesh_start()
        except BaseException as error:
            watched.end(error)
            raise
        watched.end()
        return address

    async def _mesh_start(self) -> Any:
        if self.mesh_steps.steps:
            # The start before has failed, and the hub has kept this object.
            self.mesh_steps = Steps()
        try:
            await self.mesh_release()
            self.mesh_take_options()
            self.mesh_step(f"Signing in to {self.mesh_site}")
            credential = await self._mesh_credential()
            await self.mesh_place()
            await self.mesh_create(credential)
            self.mesh_step("Starting Jupyter")
            address = await maybe_future(super().start())
            await self.mesh_started()
            return address
        except BaseException as error:
            # Also CancelledError: start_timeout cancels us.
            await self.mesh_release()
            if isinstance(error, HTTPError) or not isinstance(error, Exception):
                raise
            raise self._mesh_failure(error) from error
        finally:
            self.mesh_steps.end()

    async def run_post_stop_hook(self) -> None:
        """Release here and not in stop(): a server that died by itself is never stopped."""
        made = bool(self._mesh_notes)
        try:
            await self.mesh_release()
            if made:
                outcome = "failed" if self._mesh_notes else "done"
                audit.record(
                    self.user.settings,
                    self.user.name,
                    "end",
                    outcome,
                    server=self.name,
                    site=self.mesh_site,
                )
        finally:
            await maybe_future(super().run_post_stop_hook())

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What users read while they wait: our steps, and what the spawner itself has to say."""
        async for event in merged(self.mesh_steps.events(), super().progress()):
            if event.get("message") != "Spawning server...":
                # All that Spawner says by itself; ours say more.
                yield event

    def _mesh_failure(self, error: Exception) -> SpawnException:
        """What the user reads of an error that has no sentence for users; the log gets its cause."""
        step = self.mesh_steps.current
        done = f'"{step.text}" failed' if step else "Your server could not be started"
        self.log.error("%s for %s", done, self._log_name, exc_info=error)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return SpawnException(
                "The disk of this hub is full, so your server cannot be started. "
                "Tell the operator of this hub.",
                reason="mesh_disk_full",
                status_code=507,
            )
        return SpawnException(
            f"{done}. Try again; if it happens again, tell the operator of this hub.",
            reason="mesh_step_failed",
            status_code=500,
        )

    async def _mesh_credential(self) -> Credential:
        get = getattr(self.authenticator, "mesh_credential", None)
        if get is None:
            raise SpawnException(
                "This hub logs users in without their storage, so their files cannot be opened. "
                "Tell its operator to use an authenticator of jupyter-mesh.",
                reason="mesh_no_login",
                status_code=500,
            )
        try:
            credential: Credential = await get(self.user)
        except LoginEnded as error:
            raise SpawnException(str(error), reason="mesh_no_token", status_code=403) from error
        except MeshError as error:
            # The site, or who logs users in there: the sentence says which of them does not answer.
            raise SpawnException(str(error), reason="mesh_site_down", status_code=503) from error
        return credential
