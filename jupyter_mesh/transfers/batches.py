"""A plan carried out: several files at a time, and one that fails stops no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.errors import (
    AlreadyExists,
    Busy,
    Conflict,
    DeadlineExceeded,
    LoginEnded,
    MeshError,
    NotFound,
    TransferFailed,
    Unavailable,
)
from jupyter_mesh.paths import join
from jupyter_mesh.several import each
from jupyter_mesh.transfers.disk import local_error
from jupyter_mesh.transfers.fetching import Stamp, download, identity_of, stamp_of
from jupyter_mesh.transfers.plans import Action, Verb
from jupyter_mesh.transfers.sending import upload
from jupyter_mesh.transfers.surveys import AT_ONCE, is_below, survey_mesh
from jupyter_mesh.transfers.terms import Terms

if TYPE_CHECKING:
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.transfers.plans import Plan, Step

__all__ = ["Batch", "Tell"]

Tell = Callable[["Batch"], None]
"""Called whenever something about a batch has changed: whoever draws it looks at what it shows."""

SAVE_EVERY = 5.0
"""Seconds after which it is written down which files are done."""

FATAL = (LoginEnded, Unavailable, DeadlineExceeded)
"""What befalls every further file as well."""


class Batch:
    """One plan on its way. Everything public may be looked at, in the loop, while it runs."""

    def __init__(
        self,
        client: MeshClient,
        plan: Plan,
        *,
        terms: Terms | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.plan = plan
        self.total = plan.total
        """Bytes of all files."""
        self.done = 0
        """Bytes that have arrived."""
        self.finished = 0
        """Steps that have ended well."""
        self.active: dict[Step, int] = {}
        """Files that are just moved, and how far they are."""
        self.failures: list[tuple[Step, MeshError]] = []
        self._client = client
        self._job = plan.job
        self._terms = terms or Terms()
        self._tell = tell or (lambda _: None)
        self._lost: set[str] = set()
        """Folders that could not be made: nothing goes into them, or past them."""
        self._saved = time.monotonic()

    async def run(self) -> None:
        """Do all steps: folders, then files, then what is to be deleted.

        Raises what went wrong at the end, when everything else is done: the one failure of a single file, or
        TransferFailed, Conflict or AlreadyExists that names the first of several. A site that is gone and a login that has
        ended stop it at once. When it is cancelled, what is under way can go on in another batch.
        """
        steps = {step.name: step for step in self.plan.steps}
        by_action = {
            action: [step.name for step in self.plan.steps if step.action is action]
            for action in Action
        }

        async def step(name: str) -> None:
            await self._step(steps[name])

        try:
            for _, level in groupby(sorted(by_action[Action.FOLDER], key=_depth), key=_depth):
                await each(step, list(level), AT_ONCE)
            await each(step, [*by_action[Action.NEW], *by_action[Action.CHANGED]], AT_ONCE)
            for name in sorted(by_action[Action.DELETE], key=_depth, reverse=True):
                await step(name)
        finally:
            await asyncio.shield(self._save())
        self._conclude()

    def _conclude(self) -> None:
        plan = self.plan
        if not plan.is_tree:
            if self.failures:
                raise self.failures[0][1]
            if plan.conflicts:
                raise self._in_the_way()(plan.conflicts[0].why)
            return
        if self.failures:
            error = self.failures[0][1]
            count = len(self.failures)
            raise TransferFailed(
                f"{count} of {len(plan.steps)} files and folders could not be moved. {error}"
                if count > 1
                else str(error)
            ) from error
        if plan.conflicts:
            count = len(plan.conflicts)
            raise self._in_the_way()(
                f"{count} file{'s' * (count > 1)} of the target stayed as they are. {plan.conflicts[0].why}"
            )

    def _in_the_way(self) -> type[MeshError]:
        return Conflict if self._job.verb.is_sync else AlreadyExists

    async def _step(self, step: Step) -> None:
        if is_below(step.name, self._lost):
            return
        try:
            match step.action:
                case Action.FOLDER:
                    await self._make_folder(step)
                case Action.DELETE:
                    await self._delete(step)
                case _:
                    await self._move(step)
        except MeshError as error:
            self.failures.append((step, error))
            # A file that is still processed says nothing about the others.
            if isinstance(error, FATAL) and not isinstance(error, Busy):
                raise
            if step.action is Action.FOLDER:
                self._lost.add(step.name)
        else:
            self.finished += 1
        self._tell(self)

    async def _move(self, step: Step) -> None:
        def progress(done: int, _: int | None) -> None:
            self.done += done - self.active[step]
            self.active[step] = done
            self._tell(self)

        self.active[step] = 0
        try:
            await self._carry(step, progress)
        except BaseException:
            self.done -= self.active[step]
            raise
        finally:
            del self.active[step]
        if time.monotonic() - self._saved > SAVE_EVERY:
            await self._save()

    async def _carry(self, step: Step, progress: Callable[[int, int | None], None]) -> None:
        job, name = self._job, step.name
        if job.verb is Verb.COPY:
            await self._client.copy(
                join(job.source, name), join(job.target, name), progress=progress
            )
            return
        if job.verb.is_up:
            local, path = Path(job.source, name), join(job.target, name)
            before = _local_identity(await asyncio.to_thread(_look, local))
            replace = await self._replaces(step, path)
            resource = await upload(
                self._client, local, path, replace=replace, progress=progress, terms=self._terms
            )
            self._remember(name, before, identity_of(resource))
            return
        local, path = Path(job.target, name), join(job.source, name)
        if name:
            await asyncio.to_thread(_refuse_links, Path(job.target), local.parent)
        expected: bool | Stamp = False
        if step.before is not None:
            size, _, mtime = step.before.identity.partition("-")
            expected = int(size), int(mtime)
        resource = await download(
            self._client, path, local, replace=expected, progress=progress, terms=self._terms
        )
        after = _local_identity(await asyncio.to_thread(_look, local))
        self._remember(name, identity_of(resource), after)

    async def _replaces(self, step: Step, path: str) -> bool | str:
        """What the upload may overwrite: what the plan saw, and nothing else."""
        if step.before is None:
            return False
        there = await self._client.stat(path)
        if identity_of(there) != step.before.identity:
            raise Conflict(
                f"{path} was changed at {self._client.site} meanwhile. Nothing was overwritten."
            )
        # Sites without etags (OCM mounts) keep no conditions either.
        return there.etag or True

    async def _make_folder(self, step: Step) -> None:
        job = self._job
        if job.verb.is_up:
            await self._client.mkdir(
                join(job.target, step.name), parents=not step.name, exist_ok=True
            )
            return
        folder = Path(job.target, step.name)
        try:
            await asyncio.to_thread(_make_folder, folder)
        except OSError as error:
            raise local_error(error, f"make the folder {folder}", folder) from error

    async def _delete(self, step: Step) -> None:
        job, before = self._job, step.before
        if job.verb.is_up:
            path = join(job.target, step.name)
            with suppress(NotFound):
                there = await self._client.stat(path)
                if before is None or (
                    not before.is_directory and identity_of(there) != before.identity
                ):
                    raise self._kept(path)
                if before.is_directory and await self._has_more(path, step.name):
                    raise self._kept(path)
                await self._client.delete(path)
        else:
            local = Path(job.target, step.name)
            try:
                await asyncio.to_thread(_remove, local, before.identity if before else "")
            except FileNotFoundError:
                pass
            except OSError as error:
                if isinstance(error, MeshError):
                    raise
                raise local_error(error, f"delete {local}", local) from error
        if self.plan.memory is not None:
            self.plan.memory.forget(step.name)

    async def _has_more(self, path: str, name: str) -> bool:
        """True if a folder of the mesh, or one below it, holds what the plan has not seen as it is now."""
        found = await survey_mesh(self._client, path)
        seen = self.plan.gone
        return not found.whole or any(
            seen.get(join(name, below)) != item.identity for below, item in found.items.items()
        )

    def _kept(self, path: str) -> Conflict:
        return Conflict(f"{path} was changed at {self._client.site} meanwhile: it is not deleted.")

    def _remember(self, name: str, source: str, target: str) -> None:
        if self.plan.memory is not None:
            self.plan.memory.remember(name, source, target)

    async def _save(self) -> None:
        self._saved = time.monotonic()
        if self.plan.memory is not None:
            with suppress(OSError):
                await asyncio.to_thread(self.plan.memory.save)


def _depth(name: str) -> int:
    return name.count("/") + bool(name)


def _look(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None  # The move tells why.


def _local_identity(stamp: Stamp | None) -> str:
    return f"{stamp[0]}-{stamp[1]}" if stamp else ""


def _make_folder(folder: Path) -> None:
    # A link of this name would lead what goes into it elsewhere.
    if folder.is_symlink() or not folder.is_dir():
        folder.mkdir()


def _refuse_links(top: Path, folder: Path) -> None:
    """Raise Conflict if the way down from ``top`` has become a link since the plan was made."""
    while folder != top:
        if folder.is_symlink():
            raise Conflict(f"{folder} is a link by now. Nothing is saved through it.")
        folder = folder.parent


def _remove(path: Path, identity: str) -> None:
    if not identity:
        path.rmdir()
        return
    if _local_identity(stamp_of(path.lstat())) != identity:
        raise Conflict(f"{path} was changed meanwhile: it is not deleted.")
    path.unlink()
