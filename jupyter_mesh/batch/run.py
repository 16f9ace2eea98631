"""One run: read the notebook, make the output, execute, save as it goes."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mesh.batch.parameters import check_names, parameters_of
from jupyter_mesh.batch.saving import Saver, create
from jupyter_mesh.errors import AlreadyExists, InvalidRequest, MeshError, NotSupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_mesh.batch.execution import Execution
    from jupyter_mesh.batch.places import Place

__all__ = ["NEEDED", "Progress", "Result", "Task", "run_notebook"]

NEEDED = 'Running notebooks needs papermill: pip install "jupyter-mesh[batch]".'

GRACE = 10.0
"""Seconds that a cell may take to end when it is interrupted; then its kernel is killed."""

FOR_KERNELS = ("MESH_FOLDER", "JPY_SESSION_NAME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to run."""

    notebook: Place
    output: Place | None = None
    """Where the result goes: a file that is not there yet, or a folder; None for beside the notebook."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kernel: str = ""
    """Name of the kernel; "" for the notebook's own."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    output: Place
    done: int
    """Cells with code that have run."""
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run. Whatever the state is, ``output`` shows how far it came."""

    state: Literal["done", "failed", "cancelled"]
    output: Place
    message: str = ""
    """Why it failed, one sentence."""
    seconds: float = 0.0


async def run_notebook(task: Task, tell: Callable[[Progress], None]) -> Result:
    """Run a notebook; ``tell`` is called on the loop whenever a cell has run.

    The output is made before anything is executed, and is never one that was there. To cancel the task that
    awaits this interrupts the cell, saves what there is and gives a Result all the same. The process belongs
    to the run: its working directory and environment are changed for the kernel.

    Raises InvalidRequest for a parameter or a kernel that is not there and for what is no notebook,
    NotSupported without papermill, and what keeps the notebook from being read or the output from being saved.
    """
    try:
        from jupyter_mesh.batch.execution import Execution, kernel_for, notebook_from
    except ModuleNotFoundError as error:
        raise NotSupported(NEEDED) from error
    started = time.monotonic()
    content = await task.notebook.read()
    notebook = await asyncio.to_thread(notebook_from, content, task.notebook.name)
    _check(task, notebook)
    kernel = await asyncio.to_thread(kernel_for, notebook, task.kernel)
    output = await _output(task, content)
    saver = Saver(output)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        folder = await task.notebook.working_folder()
        for name in FOR_KERNELS:
            os.environ.pop(name, None)
        os.environ.update(task.notebook.environment(folder))
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesh-run-")))

        def saved(state: bytes) -> None:
            loop.call_soon_threadsafe(saver.put, state)

        def moved(done: int, total: int) -> None:
            loop.call_soon_threadsafe(lambda: tell(Progress(saver.place, done, total)))

        execution = Execution(
            notebook,
            source=str(task.notebook),
            parameters=task.parameters,
            kernel=kernel,
            folder=folder,
            saved=saved,
            moved=moved,
        )
        state: Literal["done", "failed", "cancelled"] = "done"
        message = ""
        try:
            await _to_its_end(execution)
        except MeshError as error:
            state, message = "failed", str(error)
        if execution.is_stopped:
            state, message = "cancelled", ""
        await saver.finish()
    return Result(
        state=state, output=saver.place, message=message, seconds=time.monotonic() - started
    )


def _check(task: Task, notebook: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for a parameter that would change nothing."""
    check_names(task.parameters)
    known = parameters_of(notebook)
    if known is None:
        return
    names = [parameter.name for parameter in known]
    for name in task.parameters:
        if name not in names:
            raise InvalidRequest(
                f'"{task.notebook.name}" has no parameter "{name}". It has: {", ".join(names) or "none"}.'
            )


async def _output(task: Task, content: bytes) -> Place:
    """Make the output, with the notebook as it is: what can be refused is refused before hours of work."""
    stem = task.notebook.name.removesuffix(".ipynb")
    own = f"{stem} (run {datetime.now():%Y-%m-%d %H.%M.%S}).ipynb"
    if task.output is None:
        return await create(task.notebook.beside(own), content)
    if await task.output.is_folder():
        return await create(task.output.below(own), content)
    if not task.output.name.endswith(".ipynb"):
        raise InvalidRequest(f'The output is a notebook: call it "{task.output.name}.ipynb".')
    try:
        await task.output.create(content)
    except AlreadyExists as error:
        raise AlreadyExists(
            f"There is already something at {task.output}. Choose another name for the output."
        ) from error
    return task.output


async def _to_its_end(execution: Execution) -> None:
    """Execute in a thread. Who is cancelled meanwhile stops the notebook, and waits until it has stopped."""
    running = asyncio.ensure_future(asyncio.to_thread(execution.run))
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            execution.interrupt()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running}, timeout=GRACE)
            execution.kill()
    running.result()
