"""One place where an error of the mesh becomes an answer of the contents REST."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from tornado.web import HTTPError

from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from tornado.http1connection import HTTP1Connection
    from tornado.web import RequestHandler

__all__ = ["Refusal", "answers", "break_off"]

P = ParamSpec("P")
R = TypeVar("R")


class Refusal(HTTPError):
    """An HTTPError whose sentence reaches the user as it was written, "%" included.

    Jupyter shows ``log_message``, which tornado escapes for log formats: "100%" would read "100%%".
    """

    @property
    def log_message(self) -> str | None:
        """The sentence for the user."""
        return self.get_message()


def break_off(handler: RequestHandler) -> None:
    """Cut the connection of an answer that failed in the middle: a proper end would make it look whole."""
    cast("HTTP1Connection", handler.request.connection).stream.close()


def refusal(error: MeshError) -> Refusal:
    """The HTTP answer to ``error``: its status and its sentence."""
    return Refusal(error.status, str(error))


def answers(method: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Have an async method of a manager raise HTTPError where it would raise MeshError.

    Causes of 5xx go to the manager's log. A TypeError becomes 500 as well: the contents handler takes one
    for a manager too old to know ``require_hash`` and would call ``get`` again, hiding the cause.
    """

    @wraps(method)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> R:
        log = args[0].log  # type: ignore[attr-defined]  # of a manager
        try:
            return await method(*args, **kwargs)
        except MeshError as error:
            if error.status >= 500:
                log.warning("%s", error, exc_info=error.__cause__ or error)
            raise refusal(error) from error
        except TypeError as error:
            log.exception("Our own mistake in %s", method.__qualname__)
            raise Refusal(
                500, "Something went wrong in jupyter-mesh. The log has details."
            ) from error

    return answering
