"""What real sites do to naive clients, as interceptors and middlewares for a node.

Each trap imitates one measured behaviour (``facts/opencloud.md`` §3, ``facts/cs3.md`` §10 and §19) and notes
in ``fell`` what would have been destroyed. Hand them to ``run_node``.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import grpc
from aiohttp import web
from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.rpc.v1beta1 import code_pb2, status_pb2
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from jupyter_mesh.models import ResourceId

__all__ = [
    "DeadToken",
    "DestroyingDelete",
    "EmptyingUpload",
    "Fails",
    "Garbles",
    "Hangs",
    "HidesTops",
    "KeepsNothing",
    "NoConditions",
    "OtherDataHost",
    "Processing",
    "SharedFolder",
    "Trap",
    "breaks_patches",
    "drops_reply",
    "no_ranges",
    "refuses",
    "stores_no_chunks",
]

SERVICE = gw.DESCRIPTOR.services_by_name["GatewayAPI"]
SHARE_ID = "trap-share"
OCM_STORAGE = "89f37a33-b858-45fa-8890-a1f2b27d90e1"

Ask = Callable[[], Awaitable[Any]]


def refusal(name: str, code: str, text: str) -> Any:
    """The reply of the RPC ``name`` with another status than OK."""
    reply: Any = GetMessageClass(SERVICE.methods_by_name[name].output_type)()
    reply.status.CopyFrom(status_pb2.Status(code=code_pb2.Code.Value(f"CODE_{code}"), message=text))
    return reply


class Trap(grpc.aio.ServerInterceptor):
    """Stands between the client and the node; subclasses change what is asked or answered."""

    def __init__(self) -> None:
        self.fell: list[str] = []
        """What a client was caught with; empty for a careful one."""

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """The reply to an RPC; ``ask`` gets the true one for the (changed) request."""
        return await ask()

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Called by grpc for every RPC."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        name = handler_call_details.method.rpartition("/")[2]
        metadata = dict(handler_call_details.invocation_metadata)

        async def behave(request: Any, context: Any) -> Any:
            try:
                return await self.answer(
                    name,
                    request,
                    metadata.get("x-access-token", ""),
                    lambda: handler.unary_unary(request, context),
                )
            except grpc.RpcError as error:
                await context.abort(*error.args)

        return grpc.unary_unary_rpc_method_handler(
            behave, handler.request_deserializer, self.serializer(handler.response_serializer, name)
        )

    def serializer(self, serialize: Any, name: str) -> Any:
        """How the reply of ``name`` becomes bytes."""
        return serialize


class DeadToken(Trap):
    """Refuses tokens as sites do: as ``opencloud``, as ``reva``, or as a file that is not there (``mute``)."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.dead: set[str] = set()

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """OK for tokens that live."""
        if token not in self.dead or name == "Authenticate":
            return await ask()
        if name == "WhoAmI":
            return refusal(name, "UNAUTHENTICATED", "token invalid")
        if self.style == "reva":
            raise grpc.RpcError(
                grpc.StatusCode.PERMISSION_DENIED, "auth: core access token is invalid"
            )
        if self.style == "mute":
            return refusal(name, "NOT_FOUND", "not found")
        if name in ("Stat", "ListContainer"):
            return refusal(name, "NOT_FOUND", "gateway could not find space for ref")
        if name == "ListStorageSpaces":
            return refusal(name, "INTERNAL", "error listing spaces: user not found in context")
        return refusal(name, "PERMISSION_DENIED", "permission denied")


class DestroyingDelete(Trap):
    """Notes every Delete and Move of a root, and every Move into itself: both cost people their files."""

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """INTERNAL after the harm is done, as OpenCloud answers."""
        if name == "Delete" and _is_root(request.ref):
            self.fell.append("Delete of a root")
            return refusal(name, "INTERNAL", "the space is gone")
        if name == "Move":
            source, target = request.source, request.destination
            if _is_root(source):
                self.fell.append("Move of a root")
            if source.resource_id == target.resource_id and f"{target.path}/".startswith(
                f"{source.path}/"
            ):
                self.fell.append("Move into itself")
        return await ask()


def _is_root(ref: Any) -> bool:
    if not ref.resource_id.opaque_id:
        return ref.path.strip("/") in ("", "home", "projects")
    inside = ref.path.removeprefix(".").strip("/")
    return not inside and ref.resource_id.opaque_id == ref.resource_id.space_id


class SharedFolder(Trap):
    """Pretends that a folder was received as the share ``name``; a Delete of its mount reaches the owner."""

    def __init__(self, name: str = "data") -> None:
        super().__init__()
        self.name = name
        self.shared: ResourceId | None = None
        self.answers: list[str] = []
        """States the receiver has answered the share with."""

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """The share is listed until it was rejected."""
        if self.shared is None:
            return await ask()
        if name == "Delete" and self._is_mount(request.ref):
            self.fell.append("Delete of the owner's folder")
        if name == "UpdateReceivedShare":
            self.answers.append(shares.ShareState.Name(request.share.state))
            return sharing.UpdateReceivedShareResponse(status=_ok())
        listed = [] if "SHARE_STATE_REJECTED" in self.answers else [self._share()]
        if name == "ListReceivedShares":
            return sharing.ListReceivedSharesResponse(status=_ok(), shares=listed)
        if name == "ListExistingReceivedShares":
            raise grpc.RpcError(grpc.StatusCode.UNKNOWN, "not supported")
        return await ask()

    def _is_mount(self, ref: Any) -> bool:
        assert self.shared is not None
        return ref.resource_id.opaque_id == self.shared.opaque and not ref.path.strip("./")

    def _share(self) -> Any:
        assert self.shared is not None
        return shares.ReceivedShare(
            share=shares.Share(
                id=shares.ShareId(opaque_id=SHARE_ID),
                resource_id=rs.ResourceId(
                    storage_id=self.shared.storage,
                    space_id=self.shared.space,
                    opaque_id=self.shared.opaque,
                ),
            ),
            state=shares.SHARE_STATE_ACCEPTED,
            mount_point=rs.Reference(path=f"./{self.name}"),
        )


class HidesTops(Trap):
    """Tells another id of the top of what another site shares than of its space, as OpenCloud does.

    A Delete of either deletes the folder at the other site.
    """

    TOP = base64.urlsafe_b64encode(b"/").decode()

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """Takes both ids, and tells the other one."""
        ref = getattr(request, "source", None) or getattr(request, "ref", None)
        if isinstance(ref, rs.Reference):
            id = ref.resource_id
            if id.opaque_id == self.TOP:
                id.opaque_id = id.space_id
            is_top = id.storage_id == OCM_STORAGE and id.opaque_id == id.space_id
            if name in ("Delete", "Move") and is_top and not ref.path.strip("./"):
                self.fell.append(f"{name} of a folder at another site")
        reply = await ask()
        if name == "Stat" and reply.info.id.storage_id == OCM_STORAGE:
            told = reply.info.id
            if told.opaque_id == told.space_id:
                told.opaque_id = self.TOP
        return reply


class EmptyingUpload(Trap):
    """Believes the announced length: without one, or with a wrong one, the old content is lost at once."""

    def __init__(self) -> None:
        super().__init__()
        self.announced: list[int] = []

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """Notes uploads without a length."""
        if name == "InitiateFileUpload":
            length = request.opaque.map["Upload-Length"].value.decode()
            if not length.isdigit():
                self.fell.append("an upload without its length")
            else:
                self.announced.append(int(length))
        return await ask()


class KeepsNothing(Trap):
    """Tells neither checksums nor names in Stat, refuses ids without ".", and has no locks."""

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """Less than the true reply."""
        if name in ("SetLock", "GetLock", "RefreshLock", "Unlock"):
            return refusal(name, "UNIMPLEMENTED", "not supported")
        ref = getattr(request, "ref", None)
        if isinstance(ref, rs.Reference) and ref.resource_id.opaque_id and not ref.path:
            self.fell.append(f"{name} of an id without a dot")
        reply = await ask()
        if name == "Stat":
            for part in ("checksum", "name"):
                reply.info.ClearField(part)
        return reply


class NoConditions(Trap):
    """Ignores ``if_match`` and ``if_not_exist``, as sites of paths do."""

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """As if no condition had been asked for."""
        if name == "InitiateFileUpload":
            request.ClearField("if_match")
            request.ClearField("if_not_exist")
        return await ask()


class Processing(Trap):
    """Works on every upload for as many Stats as ``stats``: reads fail and deletes come too early."""

    def __init__(self, stats: int = 2) -> None:
        super().__init__()
        self.stats = stats
        self.left = 0

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """The true reply, marked as processing."""
        if name == "Delete" and self.left:
            return refusal(name, "TOO_EARLY", "processing")
        reply = await ask()
        if name == "Stat" and self.left and reply.info.type == rs.RESOURCE_TYPE_FILE:
            self.left -= 1
            reply.info.opaque.map["status"].decoder = "plain"
            reply.info.opaque.map["status"].value = b"processing"
        return reply

    @property
    def middleware(self) -> Middleware:
        """The data gateway's side of it."""

        @web.middleware
        async def process(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method == "GET" and self.left:
                return web.Response(status=500)
            reply = await handler(request)
            if request.method in ("PUT", "PATCH") and reply.status < 300:
                self.left = self.stats
            return reply

        return process


class Fails(Trap):
    """Fails the next calls of some names, then works: ``fails.next["Stat"] = [("UNAVAILABLE", "")]``.

    A code in lower case fails by gRPC instead of by status, and None lets a call through.
    """

    def __init__(self) -> None:
        super().__init__()
        self.next: dict[str, list[tuple[str, str] | None]] = {}

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """The failures of this name first."""
        waiting = self.next.get(name)
        if waiting and (failure := waiting.pop(0)) is not None:
            code, text = failure
            if code.islower():
                raise grpc.RpcError(grpc.StatusCode[code.upper()], text)
            return refusal(name, code, text)
        return await ask()


class Hangs(Trap):
    """Answers some RPCs only when the node stops."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self.names = names

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """Nothing, for these."""
        if name in self.names:
            await asyncio.Event().wait()
        return await ask()


class Garbles(Trap):
    """Speaks another dialect: replies of some RPCs cannot be decoded."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self.names = names

    def serializer(self, serialize: Any, name: str) -> Any:
        """Bytes that are no message."""
        return (lambda _: b"\xff\xff\xff") if name in self.names else serialize


class OtherDataHost(Trap):
    """Announces transfers at an address that is not the site's: the token must not go there."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def answer(self, name: str, request: Any, token: str, ask: Ask) -> Any:
        """The true reply with another address."""
        reply = await ask()
        if isinstance(reply, gw.InitiateFileUploadResponse):
            for offer in reply.protocols:
                offer.upload_endpoint = self.url
        if isinstance(reply, gw.InitiateFileDownloadResponse):
            for offer in reply.protocols:
                offer.download_endpoint = self.url
        return reply


def refuses(statuses: Mapping[str, list[int]]) -> Middleware:
    """A data gateway that answers the next requests of a method with these statuses."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if waiting := statuses.get(request.method):
            async for _ in request.content.iter_any():
                pass  # A reply before the end of the body would look like a broken connection.
            return web.Response(status=waiting.pop(0))
        return await handler(request)

    return refuse


@web.middleware
async def no_ranges(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A data gateway over a storage that cannot seek."""
    if "Range" in request.headers:
        return web.Response(status=416, headers={"Accept-Ranges": "bytes"})
    return await handler(request)


@web.middleware
async def stores_no_chunks(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A data gateway that takes chunked encoding for its own old protocol and stores nothing."""
    if request.method == "PUT" and request.content_length is None:
        return web.Response(status=206)
    return await handler(request)


def breaks_patches(times: int, after: int) -> Middleware:
    """A data gateway whose connection breaks in a PATCH, ``times`` times, ``after`` bytes into it."""
    left = times

    @web.middleware
    async def break_off(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal left
        if request.method != "PATCH" or not left:
            return await handler(request)
        left -= 1
        serving = asyncio.ensure_future(handler(request))
        # aiohttp has no event for it.
        while request.content.total_bytes < after and not serving.done():  # noqa: ASYNC110  aiohttp tells no event
            await asyncio.sleep(0.001)
        _cut_off(request)
        return await serving

    return break_off


def drops_reply(method: str, times: int = 1) -> Middleware:
    """A data gateway that does what it was asked and is cut off before it can say so."""
    left = times

    @web.middleware
    async def drop(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal left
        reply = await handler(request)
        if request.method == method and left:
            left -= 1
            _cut_off(request)
        return reply

    return drop


def _cut_off(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.abort()


def _ok() -> Any:
    return status_pb2.Status(code=code_pb2.CODE_OK)
