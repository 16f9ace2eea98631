"""``jupyter mesh run``: a notebook executed without a browser."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from jupyter_mesh.cli.addresses import ANY_PATH, Address, is_mesh
from jupyter_mesh.cli.sessions import run as within
from jupyter_mesh.cli.terminal import AS_JSON, complain, escaped, print_json, shown

if TYPE_CHECKING:
    from rich.progress import TaskID

    from jupyter_mesh.batch import Progress, Result
    from jupyter_mesh.batch.places import Place
    from jupyter_mesh.cli.sessions import Session

STOPPED = 130


@click.command
@click.argument("notebook", type=ANY_PATH)
@click.option(
    "-p",
    "--parameter",
    "parameters",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help='What a name in the cell with the tag "parameters" is to be; may be repeated. A number, true, false, '
    "null, a list or an object as in JSON, and anything else as text.",
)
@click.option(
    "-o",
    "--output",
    type=ANY_PATH,
    default="",
    metavar="PATH",
    help="Where the result goes: a folder, or the name of a file that is not there yet "
    '(default: "NAME (run TIME).ipynb" beside the notebook).',
)
@click.option(
    "--kernel", default="", metavar="NAME", help="Kernel to run it with (default: its own)."
)
@AS_JSON
def run(
    notebook: str,
    parameters: tuple[tuple[str, str], ...],
    output: str,
    kernel: str,
    as_json: bool,
) -> int:
    """Run NOTEBOOK with other parameters and without a browser; prints where the result is.

    NOTEBOOK is in the mesh or, as a local path, on this machine. It stays as it is. The result is made before
    the first cell runs, never over something that is there, and is saved as it grows: also when a cell fails
    (exit code 1) and when it is stopped by Ctrl-C or SIGTERM (130). The kernel starts in the folder of the
    notebook where that is mounted, else in an empty one that is deleted afterwards.

    Needs papermill: pip install "jupyter-mesh[batch]".

    \b
    With --json: an object
      state("done" "failed" "cancelled") output message(null or a sentence) seconds

    \b
    Examples:
      jupyter mesh run home/analysis/fit.ipynb -p station north -p year 2026
      jupyter mesh run cs3://alpine/projects/lofar/fit.ipynb -o projects/lofar/runs
      jupyter mesh run ./fit.ipynb -p files '["a.csv", "b.csv"]' -o ./fit-ab.ipynb
    """
    code = 0

    async def work(session: Session) -> None:
        nonlocal code
        code = await _run(session, notebook, parameters, output, kernel, as_json)

    return within("run", work) or code


async def _run(
    session: Session,
    notebook: str,
    parameters: tuple[tuple[str, str], ...],
    output: str,
    kernel: str,
    as_json: bool,
) -> int:
    from jupyter_mesh.batch import Task, run_notebook
    from jupyter_mesh.batch.parameters import value_of

    task = Task(
        notebook=await _place(session, notebook),
        output=await _place(session, output) if output else None,
        parameters={name: value_of(value) for name, value in parameters},
        kernel=kernel,
    )
    running = asyncio.current_task()
    if running is not None:
        # As Ctrl-C does: who ends a job of a cluster sends it. Only the main thread is told of signals.
        with suppress(ValueError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with _Bar(task.notebook.name) as bar:
        result = await run_notebook(task, bar.tell)
    _tell(result, as_json)
    return {"done": 0, "failed": 1, "cancelled": STOPPED}[result.state]


async def _place(session: Session, text: str) -> Place:
    from jupyter_mesh.batch.places import LocalPlace, MeshPlace

    if not is_mesh(text):
        return LocalPlace(await asyncio.to_thread(Path(text).absolute))
    address = Address.parse(text)
    return MeshPlace(await session.client(address.site), address.path)


def _tell(result: Result, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "state": result.state,
                "output": str(result.output),
                "message": result.message or None,
                "seconds": round(result.seconds, 3),
            }
        )
        return
    print(shown(str(result.output)))
    if result.state == "failed":
        complain("run", result.message)
    elif result.state == "cancelled":
        complain("run", "It was stopped. What it did until then is saved.")


class _Bar:
    """A bar over the cells, where a terminal is."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._shown = sys.stderr.isatty()
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID = self._bar.add_task(escaped(title), total=None)

    def __enter__(self) -> Self:
        if self._shown:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._shown:
            self._bar.stop()

    def tell(self, progress: Progress) -> None:
        self._bar.update(self._task, completed=progress.done, total=progress.total)
