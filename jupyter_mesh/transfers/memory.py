"""What two folders were when they were made the same last: so that a change of either is known for what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self

from jupyter_mesh.transfers.disk import state_folder, write_private
from jupyter_mesh.transfers.notes import key_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Memory"]


class Memory:
    """By path below both: the identities of the file here and of the file in the mesh when they were the same.

    ``up`` says which of them is the source: this machine's, or else that of the mesh.
    """

    def __init__(self, path: Path, pairs: dict[str, tuple[str, str]], *, up: bool) -> None:
        self._path = path
        self._pairs = pairs
        self._order = 1 if up else -1
        self._changed = False

    @classmethod
    def load(cls, folder: Path | None, *names: str, up: bool) -> Self:
        """What is remembered of the two folders that ``names`` tell. Asks the disk."""
        path = (folder or state_folder("sync")) / f"{key_of(*names)}.json"
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            pairs = {str(name): (str(pair[0]), str(pair[1])) for name, pair in facts.items()}
        except (OSError, ValueError, AttributeError, IndexError, TypeError):
            pairs = {}
        return cls(path, pairs, up=up)

    def save(self) -> None:
        """Write it down, if anything has changed. Asks the disk."""
        if self._changed:
            self._changed = False
            write_private(self._path, json.dumps(self._pairs.copy()))

    def knows(self, name: str, source: str, target: str) -> bool:
        """True if both are still what they were."""
        return self._pairs.get(name) == self._pair(source, target)

    def had(self, name: str) -> str:
        """The identity of the target's file then; "" if it is not remembered."""
        return self._pairs.get(name, ("", ""))[:: self._order][1]

    def remember(self, name: str, source: str, target: str) -> None:
        """Both are the same now."""
        self._pairs[name] = self._pair(source, target)
        self._changed = True

    def forget(self, name: str) -> None:
        """It is gone, with what was below it."""
        gone = [each for each in self._pairs if each == name or each.startswith(f"{name}/")]
        for each in gone:
            del self._pairs[each]
        self._changed = self._changed or bool(gone)

    def _pair(self, source: str, target: str) -> tuple[str, str]:
        return (source, target) if self._order == 1 else (target, source)
