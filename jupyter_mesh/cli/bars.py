"""Progress of moved files, on standard error and only for people: nothing is drawn where no terminal is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from jupyter_mesh.cli.terminal import escaped
from jupyter_mesh.paths import name_of

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from jupyter_mesh.transfers.batches import Batch
    from jupyter_mesh.transfers.plans import Step

__all__ = ["Bars"]


class Bars:
    """A bar for all bytes, and one for each file that is just moved. A context manager; ``tell`` goes to a batch."""

    def __init__(self, title: str) -> None:
        self._title = escaped(title)
        self._progress: Progress | None = None
        self._whole: TaskID | None = None
        self._files: dict[Step, TaskID] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._progress = _progress()
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def say(self, sentence: str) -> None:
        """One line above the bars, or on standard error."""
        if self._progress is None:
            print(escaped(sentence), file=sys.stderr)
        else:
            self._progress.console.print(escaped(sentence), markup=False, highlight=False)

    def show(self, done: int, total: int | None) -> None:
        """How far all of it is, in bytes."""
        if self._progress is None:
            return
        if self._whole is None:
            self._whole = self._progress.add_task(self._title, total=total)
        self._progress.update(self._whole, completed=done, total=total)

    def tell(self, batch: Batch) -> None:
        """How far a batch is."""
        if self._progress is None:
            return
        self.show(batch.done, batch.total)
        if not batch.plan.is_tree:
            return
        for step in [step for step in self._files if step not in batch.active]:
            self._progress.remove_task(self._files.pop(step))
        for step, done in batch.active.items():
            if step not in self._files:
                name = escaped(name_of(step.name))
                self._files[step] = self._progress.add_task(f"  {name}", total=step.size)
            self._progress.update(self._files[step], completed=done)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    name = Column(max_width=32, no_wrap=True, overflow="ellipsis")
    return Progress(
        # Names are shown as they are: brackets in them are no colours.
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
