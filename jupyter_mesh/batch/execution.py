"""One execution of a notebook by papermill, in a thread, with word of every cell."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillException, PapermillExecutionError
from papermill.execute import execute_notebook
from traitlets.config import Config

from jupyter_mesh.errors import InvalidRequest, MeshError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nbformat import NotebookNode

__all__ = ["CellFailed", "Execution", "kernel_for", "notebook_from"]

ENGINE = "jupyter-mesh"
START_TIMEOUT = 120
"""Seconds for a kernel to start on a machine with much to do."""

ENCRYPTED = Config({"KernelManager": {"transport_encryption": "auto"}})
"""Between us and kernels that can, others on this machine read nothing along."""

AUTOSAVE_EVERY = 30
"""Seconds between two looks at the outputs of a cell that takes long."""


class CellFailed(MeshError):
    """Raised when a cell has failed; the notebook shows where."""


class Execution:
    """Executes a notebook once. ``saved`` gets it as JSON after every cell, ``moved`` the cells that are done.

    Both are called in the thread of ``run``; ``interrupt`` and ``kill`` may be called in any.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        *,
        source: str,
        parameters: Mapping[str, Any],
        kernel: tuple[str, str],
        folder: Path,
        saved: Callable[[bytes], None],
        moved: Callable[[int, int], None],
    ) -> None:
        self.notebook = notebook
        self.source = source
        self.saved = saved
        self.moved = moved
        self.is_stopped = False
        self.client: PapermillNotebookClient | None = None
        self._parameters = dict(parameters)
        self._kernel = kernel
        self._folder = folder

    def run(self) -> None:
        """Execute all cells; returns when its kernel has ended.

        Raises CellFailed for a cell that fails, and MeshError where the kernel dies or papermill cannot do it.
        Whatever it raises, the notebook as it is then has been saved.
        """
        # It would tell of parameters and files what we tell in our own words.
        logging.getLogger("papermill").setLevel(logging.CRITICAL)
        papermill_engines.register(ENGINE, _Engine)
        try:
            execute_notebook(
                self.notebook,
                None,
                parameters=self._parameters,
                engine_name=ENGINE,
                kernel_name=self._kernel[0],
                language=self._kernel[1],
                progress_bar=False,
                cwd=self._folder,
                execution=self,
            )
        except PapermillExecutionError as error:
            self.save()
            where = f"In [{error.exec_count}]" if error.exec_count else "A cell"
            raise CellFailed(f"{where} failed: {_short(error.ename, error.evalue)}") from error
        except _Stopped:
            return
        except PapermillException as error:
            raise MeshError(f"papermill cannot run this notebook: {error}") from error
        except RuntimeError as error:
            # What nbclient raises of a kernel that died or never started.
            raise MeshError(
                "The kernel ended before the notebook did. It may have been out of memory."
            ) from error

    def save(self) -> None:
        """Hand on the notebook as it is now."""
        self.saved(nbformat.writes(self.notebook).encode())

    def interrupt(self) -> None:
        """Stop after the cell of the moment, which is interrupted."""
        self.is_stopped = True
        self._send(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel."""
        self.is_stopped = True
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        manager = self.client.km if self.client is not None else None
        pid = getattr(getattr(manager, "provisioner", None), "pid", None)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), number)


class _Stopped(Exception):
    """Raised between two cells."""


class _Manager(NotebookExecutionManager):
    """Tells of the notebook in place of writing it to a path."""

    def __init__(self, notebook: NotebookNode, execution: Execution) -> None:
        super().__init__(notebook, progress_bar=False, autosave_cell_every=AUTOSAVE_EVERY)
        self._execution = execution
        execution.notebook = notebook
        # papermill has put the whole notebook there, since it was given no path.
        notebook.metadata.papermill["input_path"] = execution.source
        notebook.metadata.papermill["output_path"] = None

    def save(self, **kwargs: Any) -> None:
        self._execution.save()
        self.last_save_time = self.now()

    def cell_start(self, cell: NotebookNode, cell_index: int | None = None, **kwargs: Any) -> None:
        if self._execution.is_stopped:
            raise _Stopped("It was stopped.")
        codes = [each.cell_type == "code" for each in self.nb.cells]
        self._execution.moved(sum(codes[: cell_index or 0]), sum(codes))
        super().cell_start(cell, cell_index, **kwargs)

    def cell_complete(
        self, cell: NotebookNode, cell_index: int | None = None, **kwargs: Any
    ) -> None:
        super().cell_complete(cell, cell_index, **kwargs)
        codes = [each.cell_type == "code" for each in self.nb.cells]
        self._execution.moved(sum(codes[: (cell_index or 0) + 1]), sum(codes))

    def notebook_complete(self, **kwargs: Any) -> None:
        waiting = [
            cell for cell in self.nb.cells if cell.metadata.papermill["status"] == self.PENDING
        ]
        super().notebook_complete(**kwargs)
        if waiting:
            # papermill says of cells that never ran that they were completed.
            for cell in waiting:
                cell.metadata.papermill["status"] = self.PENDING
            self.save()


class _Engine(NBClientEngine):
    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, *, execution: Execution, **kwargs: Any
    ) -> NotebookNode:
        manager = _Manager(nb, execution)
        manager.notebook_start()
        try:
            execution.client = PapermillNotebookClient(
                manager,
                kernel_name=kernel_name,
                timeout=None,
                startup_timeout=START_TIMEOUT,
                log=logging.getLogger("papermill"),
                config=ENCRYPTED,
            )
            # What a kernel writes past its messages is of no use to anybody: of cells it is in the notebook.
            execution.client.execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            manager.notebook_complete()
        return nb


def notebook_from(content: bytes, name: str) -> NotebookNode:
    """The notebook in a file, in the format of today; raises InvalidRequest for what is none."""
    try:
        notebook: NotebookNode = nbformat.reads(content.decode(), as_version=4)
    except Exception as error:
        # nbformat lets every kind of error of a damaged notebook through.
        raise InvalidRequest(f'"{name}" is no notebook that can be read.') from error
    return notebook


def kernel_for(notebook: NotebookNode, chosen: str) -> tuple[str, str]:
    """Name and language of the kernel that was chosen, else of the notebook's own; raises InvalidRequest without it."""
    name = chosen or str(notebook.metadata.get("kernelspec", {}).get("name") or "python3")
    kernels = KernelSpecManager()
    known = sorted(kernels.find_kernel_specs())
    if name not in known:
        raise InvalidRequest(
            f'The kernel "{name}" is not installed here. '
            f"Installed: {', '.join(known) or 'none'}. Choose one of them."
        )
    return name, kernels.get_kernel_spec(name).language


def _short(name: str, value: str) -> str:
    line = value.strip().partition("\n")[0]
    return f"{name}: {line[:300]}" if line else name
