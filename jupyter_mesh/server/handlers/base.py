"""MeshHandler: what every handler of ours shares: login, and one form of error."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.web import HTTPError

from jupyter_mesh.errors import InvalidRequest, MeshError, NotFound

if TYPE_CHECKING:
    from jupyter_mesh.server.app import MeshExtension

__all__ = ["MeshHandler", "UnknownHandler"]


class MeshHandler(ExtensionHandlerMixin, APIHandler):
    """Base of the REST handlers. A MeshError raised by a verb becomes its status and its sentence.

    Every error is answered as ``{"message", "reason", "trace"}``; any other exception is our own mistake
    and says so, with its traceback in the log alone.
    """

    auth_resource = "contents"
    """Whoever may read contents may use the mesh through this server."""

    @property
    def mesh(self) -> MeshExtension:
        """The extension that made this handler."""
        return cast("MeshExtension", self.extensionapp)

    async def prepare(self) -> None:  # type: ignore[override]  # as jupyter-server has it
        """Who asks is there, and may want to know what others do."""
        await super().prepare()
        if self.current_user is not None:
            self.mesh.seen()

    def set_default_headers(self) -> None:
        """No answer of ours is kept by a browser or a proxy, errors included."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def body(self, **fields: Any) -> list[Any]:
        """The named fields of the JSON object that was sent, each of the type given for it.

        Raises InvalidRequest for anything else; a field that may be missing has a type such as ``str | None``.
        """
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("The request is not valid JSON.") from error
        for name, kind in fields.items():
            if not isinstance(body, dict) or not isinstance(body.get(name), kind):
                raise InvalidRequest(f'The request needs a valid "{name}".')
        return [body.get(name) for name in fields]

    def log_exception(self, *exc_info: Any) -> None:
        """Log what an operator can act on: our mistakes with a traceback, the rest in one line."""
        error = exc_info[1]
        if isinstance(error, MeshError):
            self.log.warning("%s %s: %s", self.request.method, self.request.path, error)
        else:
            super().log_exception(*exc_info)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with JSON: the sentence of our own errors, a plain reason for all others."""
        error = kwargs.get("exc_info", (None, None))[1]
        message, trace = (
            "Something went wrong in jupyter-mesh. The log of the server has details.",
            "",
        )
        if isinstance(error, MeshError):
            status_code, message, trace = error.status, str(error), error.trace
        elif isinstance(error, HTTPError):
            message = error.get_message() or ""
        reason = HTTPStatus(status_code).phrase
        self.set_status(status_code)
        self.set_header("Content-Type", "application/json")
        answer = {"message": message or reason, "reason": reason, "trace": trace}
        self.finish(json.dumps(answer | self.details(error)))

    def details(self, error: BaseException | None) -> dict[str, Any]:
        """What an answer about ``error`` has beside its sentence."""
        return {}


class UnknownHandler(MeshHandler):
    """What is asked for at an address that is none of ours, in the form of all other errors."""

    async def prepare(self) -> None:  # type: ignore[override]  # as the base class does
        """Nothing is there, whatever is asked."""
        await super().prepare()
        raise NotFound("There is nothing at this address.")
