"""Calls of a CS3 gateway: one channel, one wrapper with deadline, retry and renewal of the token."""

from __future__ import annotations

import asyncio
import glob
import logging
import os
import random
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as gw_grpc
from cs3.rpc.v1beta1 import code_pb2

from jupyter_mesh import tracing
from jupyter_mesh._version import __version__
from jupyter_mesh.auth import TokenSource, expiry_of
from jupyter_mesh.cs3.failures import Refusal, error_of, sentence
from jupyter_mesh.cs3.meter import Meter
from jupyter_mesh.errors import (
    InvalidRequest,
    LoginEnded,
    MeshError,
    NotSupported,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.config import SiteSettings

    Explain = Callable[[Any, Refusal, MeshError, str], Awaitable[MeshError]]

__all__ = ["USER_AGENT", "Gateway", "OldForm"]

log = logging.getLogger(__name__)

USER_AGENT = f"jupyter-mesh/{__version__}"
TRIES_OF_READS = 2
PAUSE = 0.2
THREADS_END_WITHIN = 2.0
"""Seconds for which a fork waits for threads of gRPC to end, when all channels are closed."""

PROOF_LASTS = 30.0
"""Seconds for which a call that went well shows that the token is good."""

DEAD = ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT")
"""What WhoAmI answers for a bad token, depending on the site."""

OPTIONS = [
    # 10 000 entries of a folder are 5 MB: over gRPC's default limit of 4 MiB.
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.primary_user_agent", USER_AGENT),
    # The gateway is where the settings say, whatever proxy the environment names.
    ("grpc.enable_http_proxy", 0),
    # A site that is back is found again within two seconds.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Closing this client closes its connections and nobody else's.
    ("grpc.use_local_subchannel_pool", 1),
]


@dataclass(frozen=True, slots=True)
class OldForm:
    """A request as older sites read it, where today's message cannot be it any more."""

    body: bytes = field(repr=False)
    reply: Any
    """The class of the answer's message."""


class _Fork:
    """What a child must know of its parent: gRPC waits for ever in one whose parent had its threads running."""

    def __init__(self) -> None:
        self.connected: weakref.WeakSet[Gateway] = weakref.WeakSet()
        self.was_connected = False
        self._running = False
        self._of_parent: list[Any] = []
        os.register_at_fork(before=self._before, after_in_child=self._in_child)

    def _before(self) -> None:
        # After the last channel is closed, the threads take up to 50 ms to end (measured).
        give_up = time.monotonic() + THREADS_END_WITHIN
        while (running := _grpc_runs()) and not self.connected and time.monotonic() < give_up:
            time.sleep(0.005)
        self._running = running

    def _in_child(self) -> None:
        # Never let go of: the end of a channel here would shut the sockets that the parent still uses.
        self._of_parent += [gateway._channel for gateway in self.connected]
        self.was_connected = self.was_connected or self._running or len(self.connected) > 0


def _grpc_runs() -> bool:
    """True while this process has threads of gRPC; False where the system does not tell."""
    for name in glob.iglob("/proc/self/task/*/comm"):
        with suppress(OSError), open(name) as file:
            if file.read().startswith(("grpc_", "event_engine", "lifeguard")):
                return True
    return False


_fork = _Fork()


class Gateway:
    """The gateway of one site for one user. Built anywhere; lives in the loop of its first call.

    Whoever builds it awaits ``close()``.
    """

    def __init__(
        self, settings: SiteSettings, token: TokenSource, meter: Meter | None = None
    ) -> None:
        self.settings = settings
        self.site = settings.name
        self.tokens = token
        self.explain: Explain | None = None
        """Told of every refusal before it becomes an error; gives the error that is raised."""
        self._meter = meter or Meter()
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._opening = asyncio.Lock()
        self._proved: tuple[str, float] = ("", float("-inf"))

    async def close(self) -> None:
        """Close the channel; calls under way end as Unavailable. May be awaited twice."""
        channel, self._channel, self._stub = self._channel, None, None
        if channel is not None:
            self._meter.channels -= 1
            await channel.close(grace=None)
            _fork.connected.discard(self)

    async def call(
        self,
        name: str,
        request: Any,
        *,
        doing: str,
        repeat: bool = False,
        signed: bool = True,
        timeout: float | None = None,
    ) -> Any:
        """Make one call and return its reply, whose status is OK.

        ``doing`` completes the sentence "Could not …". With ``repeat`` the call changes nothing, and is made
        again when the site does not answer. A refusal that can also mean a dead token is believed only after
        WhoAmI has shown that the token lives; else the token is renewed once and the call made again. Raises
        the errors of ``jupyter_mesh.errors`` with the Refusal as cause; LoginEnded if no token is good.
        """
        timeout = self.settings.timeout if timeout is None else timeout
        token = await self.tokens.token() if signed else ""
        try:
            return await self._try(name, request, token, repeat, timeout)
        except Refusal as refusal:
            if not signed or not self._doubtful(refusal, token):
                raise await self._error(request, refusal, doing) from refusal
            renewed = await self._renew_if_dead(token, refusal, doing)
            if not renewed:
                raise await self._error(request, refusal, doing) from refusal
        try:
            return await self._try(name, request, renewed, repeat, timeout)
        except Refusal as refusal:
            raise await self._error(request, refusal, doing) from refusal

    async def _error(self, request: Any, refusal: Refusal, doing: str) -> MeshError:
        error = error_of(refusal, doing, self.site)
        return error if self.explain is None else await self.explain(request, refusal, error, doing)

    async def whoami(self) -> Any:
        """The CS3 user that the token speaks for; raises LoginEnded if no token is good."""
        token = await self.tokens.token()
        doing = "find out who you are"
        try:
            return await self._who(token)
        except Refusal as refusal:
            if refusal.code not in DEAD:
                raise error_of(refusal, doing, self.site) from refusal
        try:
            return await self._who(await self.renew(token))
        except Refusal as refusal:
            raise error_of(refusal, doing, self.site) from refusal

    async def _who(self, token: str) -> Any:
        """WhoAmI wants the token in the request as well."""
        request, timeout = gw.WhoAmIRequest(token=token), self.settings.timeout
        try:
            return (await self._try("WhoAmI", request, token, True, timeout)).user
        except Refusal as refusal:
            # The variables of its traceback would show the request.
            del request
            raise refusal.with_traceback(None)  # noqa: B904  it is the same

    async def renew(self, refused: str) -> str:
        """Another token than the one the site refused; raises LoginEnded if there is none."""
        token = await self.tokens.token()
        if token == refused:
            token = await self.tokens.token(refresh=True)
        if token == refused:
            raise LoginEnded(sentence(LoginEnded, "", self.site))
        return token

    def _doubtful(self, refusal: Refusal, token: str) -> bool:
        """True if a bad token could be behind this refusal: ``facts/opencloud.md`` §3.1."""
        if refusal.code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
            return True
        if refusal.code not in ("NOT_FOUND", "INTERNAL", "UNKNOWN"):
            return False
        if refusal.says("could not find space", "user not found in context", "token"):
            return True
        ends = expiry_of(token)
        proved, when = self._proved
        expired = ends is not None and ends <= datetime.now(UTC)
        return expired or proved != token or time.monotonic() - when > PROOF_LASTS

    async def _renew_if_dead(self, token: str, refusal: Refusal, doing: str) -> str:
        """A new token if this one is dead, "" if it lives."""
        try:
            await self._who(token)
            return ""
        except Refusal as answer:
            if answer.code not in DEAD:
                # Whether the token lives is unknown, so the first answer proves nothing either.
                raise Unavailable(sentence(Unavailable, doing, self.site)) from answer
        log.info("%s refused the token at %s; renewing it", self.site, refusal.call)
        return await self.renew(token)

    async def _try(self, name: str, request: Any, token: str, repeat: bool, timeout: float) -> Any:
        for tries_left in reversed(range(TRIES_OF_READS if repeat else 1)):
            try:
                return await self._once(name, request, token, timeout)
            except Refusal as refusal:
                if not tries_left or refusal.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    raise
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not secrecy
        raise AssertionError("the loop returns or raises")

    async def _once(self, name: str, request: Any, token: str, timeout: float) -> Any:
        started, result = time.monotonic(), "cancelled"
        try:
            with tracing.span(f"cs3 {name}"):
                reply = await self._ask(name, request, token, timeout)
            result = "ok"
            return reply
        except Refusal as refusal:
            result = refusal.code
            raise
        finally:
            self._meter.note(name, result, time.monotonic() - started)

    async def _ask(self, name: str, request: Any, token: str, timeout: float) -> Any:
        stub = self._stub or await self._open()
        signed = (("x-access-token", token),) if token else ()
        metadata = (*signed, *tracing.metadata())
        started = time.monotonic()
        try:
            ask = self._old_form(name, request) or getattr(stub, name)
            reply = await ask(request, metadata=metadata, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            log.debug("%s %s: gRPC %s", self.site, name, error.code().name)
            raise Refusal(name, error.code().name, error.details() or "", by_grpc=True) from None
        except grpc.aio.UsageError as error:
            # The channel was closed under the call.
            raise Refusal(name, "UNAVAILABLE", str(error), by_grpc=True) from None
        if reply is None:
            # grpc.aio gives None for a reply that it cannot decode: another dialect of CS3.
            raise Refusal(name, "UNDECODABLE", "the reply cannot be decoded")
        milliseconds = (time.monotonic() - started) * 1000
        code = reply.status.code
        if code != code_pb2.CODE_OK:
            code_name = _name_of(code)
            log.debug("%s %s: %s in %.0f ms", self.site, name, code_name, milliseconds)
            raise Refusal(name, code_name, reply.status.message, trace=reply.status.trace)
        log.debug("%s %s: OK in %.0f ms", self.site, name, milliseconds)
        if token:
            self._proved = (token, time.monotonic())
        return reply

    def _old_form(self, name: str, request: Any) -> Any:
        """How a request in an old form is sent; None for any other."""
        if not isinstance(request, OldForm) or self._channel is None:
            return None
        return self._channel.unary_unary(
            f"/cs3.gateway.v1beta1.GatewayAPI/{name}",
            request_serializer=attrgetter("body"),
            response_deserializer=request.reply.FromString,
        )

    async def _open(self) -> Any:
        async with self._opening:
            if _fork.was_connected:
                raise NotSupported(
                    "This process was forked while its parent was connected to a site, and gRPC does not work "
                    'in it. Start processes with "spawn" or "forkserver", or fork before the first use.'
                )
            if self._stub is None:
                if self.settings.plaintext:
                    self._channel = grpc.aio.insecure_channel(self.settings.target, OPTIONS)
                else:
                    roots = await _roots(self.settings)
                    credentials = grpc.ssl_channel_credentials(roots)
                    self._channel = grpc.aio.secure_channel(
                        self.settings.target, credentials, OPTIONS
                    )
                self._meter.channels += 1
                _fork.connected.add(self)
                self._stub = gw_grpc.GatewayAPIStub(self._channel)
            return self._stub


async def _roots(settings: SiteSettings) -> bytes | None:
    if settings.ca_file is None:
        return None
    try:
        return await asyncio.to_thread(settings.ca_file.read_bytes)
    except OSError as error:
        raise InvalidRequest(
            f"The file of trusted certificates {settings.ca_file} cannot be read. Check MESH_CA_FILE."
        ) from error


def _name_of(code: int) -> str:
    try:
        name: str = code_pb2.Code.Name(code)
    except ValueError:
        return "UNKNOWN"
    return name.removeprefix("CODE_")
