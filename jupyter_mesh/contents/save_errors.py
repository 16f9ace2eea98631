"""SaveErrors: which documents could not be saved last time, and why."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tornado.web import HTTPError

from jupyter_mesh.contents.models import clean
from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from jupyter_mesh.contents.models import Model

__all__ = ["SaveError", "SaveErrors", "notes_errors"]

LIMIT = 256
"""Documents at most whose errors are kept: more than anybody has open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveError:
    """Why the last save of a document failed."""

    path: str
    """API path of the document."""
    status: int
    """HTTP status of the failure, which tells a conflict (412) from a site that is away (503)."""
    message: str
    """One sentence for the user."""
    since: datetime
    """When saving failed first, with no success in between."""


class SaveErrors:
    """The last error of each document, by API path, until a save succeeds. Bounded.

    Who saves in a request hears of a failure at once; who saves by way of a server's own room does not, so
    everybody who listens is told of each change: with the error, or with None once the document is saved.
    """

    def __init__(self) -> None:
        self._errors: OrderedDict[str, SaveError] = OrderedDict()
        self._listeners: list[Callable[[str, SaveError | None], None]] = []

    def listen(self, listener: Callable[[str, SaveError | None], None]) -> None:
        """Call ``listener(path, error or None)`` at every change from now on."""
        self._listeners.append(listener)

    def get(self, path: str) -> SaveError | None:
        """The error of a document; None if its last save went well, or there was none."""
        return self._errors.get(path)

    def failed(self, path: str, error: MeshError | HTTPError) -> SaveError:
        """The document could not be saved."""
        if isinstance(error, MeshError):
            status, message = error.status, str(error)
        else:
            status, message = error.status_code, error.log_message or error.reason or ""
        before = self._errors.pop(path, None)
        since = before.since if before else datetime.now(UTC)
        now = SaveError(path=path, status=status, message=message, since=since)
        self._errors[path] = now
        if len(self._errors) > LIMIT:
            self._errors.popitem(last=False)
        if before != now:
            self._tell(path, now)
        return now

    def saved(self, path: str) -> None:
        """The document is stored."""
        if self._errors.pop(path, None) is not None:
            self._tell(path, None)

    def moved(self, old: str, new: str) -> None:
        """A document, or a folder with documents, has another path now; its text is as unsaved as before."""
        for path in self._below(old):
            error = self._errors.pop(path)
            self._tell(path, None)
            here = new + path[len(old) :]
            self._errors[here] = replace(error, path=here)
            self._tell(here, self._errors[here])

    def forget(self, path: str) -> None:
        """A document, or a folder with documents, was deleted."""
        for each in self._below(path):
            self.saved(each)

    def _below(self, path: str) -> list[str]:
        return [each for each in self._errors if is_within(each, path)]

    def _tell(self, path: str, error: SaveError | None) -> None:
        for listener in self._listeners:
            listener(path, error)


class Saver(Protocol):
    """A contents manager that keeps the errors of its saves."""

    save_errors: SaveErrors


S = TypeVar("S", bound=Saver)


def notes_errors(
    save: Callable[[S, Model, str], Awaitable[Model]],
) -> Callable[[S, Model, str], Coroutine[Any, Any, Model]]:
    """Have ``save`` of a manager tell its ``save_errors`` how it went. Folders and pieces of uploads are no documents."""

    @wraps(save)
    async def noting(manager: S, model: Model, path: str) -> Model:
        if model.get("type") == "directory" or model.get("chunk") is not None:
            return await save(manager, model, path)
        try:
            saved = await save(manager, model, path)
        except (MeshError, HTTPError) as error:
            manager.save_errors.failed(clean(path), error)
            raise
        manager.save_errors.saved(clean(path))
        return saved

    return noting
