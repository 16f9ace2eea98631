"""What all moves of files share: where they note how far they are, and how long they wait for a site."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.failures import refusal_of
from jupyter_mesh.errors import (
    DeadlineExceeded,
    Locked,
    MeshError,
    NotFound,
    SiteError,
    Unavailable,
)
from jupyter_mesh.transfers.notes import Notes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Patience", "Say", "Terms"]

Say = Callable[[str], None]
"""Told in one sentence what a user may want to know of a move that goes on all the same."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


def _nothing(sentence: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How files are moved."""

    notes: Notes = field(default_factory=Notes)
    memory: Path | None = None
    """Folder where it is remembered what was the same last; the one of the user by default."""
    transfer: str = ""
    """Id of the transfer in the journal that the moves belong to."""
    patience: float = 60.0
    """Seconds without a further byte after which a site that does not answer is given up."""
    say: Say = _nothing


class Patience:
    """How long one move goes on trying: as long as something arrives, and a while longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._best = -1
        self._since = time.monotonic()
        self._pause = FIRST_PAUSE

    async def wait(self, error: MeshError, reached: int) -> None:
        """Wait before the next try; raises ``error`` if it is none that passes, or lasts for too long."""
        if reached > self._best:
            self._best, self._since, self._pause = reached, time.monotonic(), FIRST_PAUSE
        if not _passes(error) or time.monotonic() - self._since > self._seconds:
            raise error
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def _passes(error: MeshError) -> bool:
    if isinstance(error, (Unavailable, DeadlineExceeded)):
        return True
    refusal = refusal_of(error)
    # At the data gateway these are the end of a connection that was cut, a site that is just starting, or one
    # that has lost an upload.
    return (
        isinstance(error, (Locked, NotFound, SiteError))
        and refusal is not None
        and refusal.call in ("PATCH", "HEAD")
        and refusal.code in ("LOCKED", "INTERNAL", "NOT_FOUND")
    ) or (refusal is not None and refusal.call == "GET" and refusal.code == "DATA_LOSS")
