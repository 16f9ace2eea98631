"""How one RPC is served: token, worker thread, and refusals as the status codes of the flavour."""

from __future__ import annotations

import functools
import logging
import secrets
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc
from cs3.rpc.v1beta1 import code_pb2, status_pb2

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.address import Caller
from jupyter_mesh.node.attempts import source_of
from jupyter_mesh.node.refusal import Reason, Refused, refusal_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.node.site import Site

__all__ = ["Rpcs", "answers", "answers_async"]

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]
_THROUGH_LINKS = {
    "Stat",
    "ListContainer",
    "CreateContainer",
    "TouchFile",
    "Delete",
    "Move",
    "InitiateFileUpload",
    "InitiateFileDownload",
    "GetPath",
}
"""What the token of a public link opens; the rest answers as to a token that is none."""

OK = status_pb2.Status(code=code_pb2.CODE_OK)


class Rpcs:
    """What every group of RPCs has: the site that it serves."""

    site: Site


def answers(
    reply: Callable[..., Any], *, token: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Make an RPC of a method ``(self, caller, request) -> reply message`` that runs in the worker thread.

    Refusals become a reply of the type ``reply`` with a status. Without ``token`` anybody may call it, and
    ``caller`` is None.
    """

    def wrap(body: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(body)
        async def rpc(self: Rpcs, request: Any, context: Context) -> Any:
            def work() -> Any:
                caller = _caller(self.site, context, body.__name__) if token else None
                return body(self, caller, request)

            return await _serve(
                self.site, body.__name__, reply, lambda: self.site.run(work), context
            )

        return rpc

    return wrap


def answers_async(
    reply: Callable[..., Any], *, token: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """As ``answers``, for a coroutine method that enters the worker thread by itself.

    Without ``token`` it gets the source of the call in place of the caller.
    """

    def wrap(body: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(body)
        async def rpc(self: Rpcs, request: Any, context: Context) -> Any:
            async def work() -> Any:
                caller = (
                    await self.site.run(lambda: _caller(self.site, context, body.__name__))
                    if token
                    else source_of(unquote(context.peer().partition(":")[2].rpartition(":")[0]))
                )
                return await body(self, caller, request)

            return await _serve(self.site, body.__name__, reply, work, context)

        return rpc

    return wrap


class _NoEntryError(Exception):
    """Raised for a call without a usable token: the answer is a gRPC error, not a status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def _caller(site: Site, context: Context, name: str) -> Caller:
    token = next(
        (value for key, value in context.invocation_metadata() or () if key == "x-access-token"), ""
    )
    if not token:
        raise _NoEntryError(grpc.StatusCode.UNAUTHENTICATED, "auth: core access token not found")
    try:
        caller = Caller(*site.user_of(str(token)))
    except Refused:
        raise _NoEntryError(*site.flavour.bad_token) from None
    if caller.link and name not in _THROUGH_LINKS:
        raise _NoEntryError(*site.flavour.bad_token)
    return caller


async def _serve(
    site: Site,
    name: str,
    reply: Callable[..., Any],
    work: Callable[[], Awaitable[Any]],
    context: Context,
) -> Any:
    try:
        answer = await work()
    except _NoEntryError as error:
        await context.abort(error.code, error.details)
    except Refused as error:
        return await _refuse(site, name, reply, error, context)
    except MeshError as error:
        return await _refuse(site, name, reply, Refused(Reason.MISSING, str(error)), context)
    except (OSError, sqlite3.Error) as error:
        log.exception("%s failed", name)
        return await _refuse(site, name, reply, refusal_from(error), context)
    except (
        Exception
    ):  # A bug of ours must reach the client as a status, and the log with its cause.
        trace = secrets.token_hex(8)
        log.exception("%s failed (trace %s)", name, trace)
        return reply(
            status=_status(
                code_pb2.CODE_INTERNAL, "The site failed inside; its log says why.", trace
            )
        )
    answer.status.CopyFrom(OK)
    return answer


async def _refuse(
    site: Site, name: str, reply: Callable[..., Any], refused: Refused, context: Context
) -> Any:
    code = site.flavour.code(name, refused.reason)
    if isinstance(code, grpc.StatusCode):
        await context.abort(code, str(refused))
    return reply(status=_status(code, str(refused)))


def _status(code: int, message: str, trace: str = "") -> status_pb2.Status:
    return status_pb2.Status(code=code, message=message, trace=trace or secrets.token_hex(8))
