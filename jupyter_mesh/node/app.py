"""A site in one process: start it, use its two addresses, stop it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Self

import grpc
from aiohttp import web
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs

from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.node.data import data_app
from jupyter_mesh.node.flavours import FLAVOURS
from jupyter_mesh.node.gateway import Gateway
from jupyter_mesh.node.gateway_people import search_handlers
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.node.site import Site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from aiohttp.typedefs import Middleware

    from jupyter_mesh.node.bearer import BearerSettings

__all__ = ["Node"]

_GRACE = 1.0
"""Seconds that running calls get when the node stops."""

_IDLE = 75.0
"""Seconds within which the head of a request must have come: whoever sends it letter by letter is cut off."""

_MAX_MESSAGE = 64 << 20


class Node:
    """An embedded site. ``await start()`` and ``await stop()``, or use it as an async context manager.

    Parameters
    ----------
    name : str
        The name of the site; it is the identity provider in the ids of its users.
    data : Path
        The data folder. One node at a time may use it.
    host : str
        Loopback by default. Any other address needs ``tls`` or ``allow_remote``.
    gateway_port, http_port : int
        0 takes a free port.
    flavour : str
        "spaces" answers as OpenCloud, "paths" as cs3org Reva.
    token_life, transfer_life : float
        Seconds for which an access token is good, and within which a transfer must begin.
    machine_key : str
        Opens the login ``machine`` for whoever knows it; "" keeps it shut.
    bearer : BearerSettings, optional
        Opens the login ``bearer`` for tokens of this OpenID Connect provider.
    tls : tuple of Path, optional
        Certificate chain and key, for both servers.
    federation : FederationSettings, optional
        Its place in the mesh: public URL, title, trusted sites.
    interceptors, middlewares
        Run around each RPC and each HTTP request; tests count and disturb with them.

    ``start()`` raises MeshError with one sentence when a port is taken or the folder cannot be used.
    """

    def __init__(
        self,
        *,
        name: str,
        data: Path,
        host: str = "127.0.0.1",
        gateway_port: int = 0,
        http_port: int = 0,
        flavour: str = "spaces",
        token_life: float = 86400,
        transfer_life: float = 6000,
        machine_key: str = "",
        bearer: BearerSettings | None = None,
        tls: tuple[Path, Path] | None = None,
        allow_remote: bool = False,
        federation: FederationSettings | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        if flavour not in FLAVOURS:
            raise InvalidRequest(f'"{flavour}" is not a kind of site: use {" or ".join(FLAVOURS)}.')
        if not (_is_loopback(host) or tls or allow_remote):
            raise InvalidRequest(
                f"{host} can be reached from other machines, which would read passwords on the way. Give a certificate "
                "and key, or say --allow-remote if a proxy or a private network protects it."
            )
        self.name = name
        self.data = data.absolute()
        self._host = host
        self._ports = (gateway_port, http_port)
        self._open = partial(
            Site,
            name=name,
            data=self.data,
            flavour=FLAVOURS[flavour],
            token_life=token_life,
            transfer_life=transfer_life,
            machine_key=machine_key,
            bearer=bearer,
            federation=federation or FederationSettings(),
        )
        self._tls = tls
        self._interceptors = list(interceptors)
        self._middlewares = list(middlewares)
        self._site: Site | None = None
        self._server: grpc.aio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._gateway = self._url = ""

    @property
    def gateway(self) -> str:
        """Host and port of the CS3 gateway; "" before the start."""
        return self._gateway

    @property
    def url(self) -> str:
        """Address of the data gateway; "" before the start."""
        return self._url

    @property
    def public_url(self) -> str:
        """Under which other sites reach this one; "" before the start."""
        return self._site.federation.origin if self._site is not None else ""

    @property
    def domain(self) -> str:
        """What this site is called by others; "" before the start."""
        return self._site.federation.domain if self._site is not None else ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the site and answer on both ports when this returns."""
        try:
            self._site = site = await asyncio.to_thread(self._open)
            await self._start_http(site)
            await self._start_gateway(site)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish running calls for a moment, then close everything. May be repeated."""
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        site, self._site = self._site, None
        if server is not None:
            await server.stop(_GRACE)
        if runner is not None:
            await runner.cleanup()
        if site is not None:
            await site.mounts.close()
            await site.federation.close()
            await asyncio.to_thread(site.close)

    async def _start_http(self, site: Site) -> None:
        self._runner = web.AppRunner(
            data_app(site, self._middlewares),
            access_log=None,
            shutdown_timeout=_GRACE,
            keepalive_timeout=_IDLE,
        )
        await self._runner.setup()
        context = None
        if self._tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                await asyncio.to_thread(context.load_cert_chain, *self._tls)
            except OSError as error:
                raise MeshError(
                    f"The certificate {self._tls[0]} with its key cannot be used ({error.strerror or error})."
                ) from error
        port = self._ports[1]
        try:
            await web.TCPSite(self._runner, self._host, port, ssl_context=context).start()
        except OSError as error:
            raise _taken(self._host, port, "--http-port") from error
        scheme = "https" if context else "http"
        site.federation.listening(self._runner.addresses[0][1], tls=context is not None)
        self._url = site.url = f"{scheme}://{_bracketed(self._host)}:{self._runner.addresses[0][1]}"

    async def _start_gateway(self, site: Site) -> None:
        # so_reuseport would let a second node take the same port and half of the calls.
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", _MAX_MESSAGE),
            ("grpc.max_send_message_length", _MAX_MESSAGE),
        ]
        self._server = grpc.aio.server(interceptors=self._interceptors, options=options)
        rpcs = Gateway(site)
        # The first that knows a method serves it.
        self._server.add_generic_rpc_handlers((search_handlers(rpcs, old=site.flavour.spaces),))
        stubs.add_GatewayAPIServicer_to_server(rpcs, self._server)
        address = f"{_bracketed(self._host)}:{self._ports[0]}"
        try:
            # gRPC would say the same in its own words, on standard error.
            _probe(self._host, self._ports[0])
            if self._tls is None:
                port = self._server.add_insecure_port(address)
            else:
                chain, key = await asyncio.to_thread(
                    lambda tls: (tls[0].read_bytes(), tls[1].read_bytes()), self._tls
                )
                port = self._server.add_secure_port(
                    address, grpc.ssl_server_credentials([(key, chain)])
                )
        except (OSError, RuntimeError) as error:
            raise _taken(self._host, self._ports[0], "--gateway-port") from error
        await self._server.start()
        self._gateway = f"{_bracketed(self._host)}:{port}"


def _probe(host: str, port: int) -> None:
    """Raise OSError when a port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _taken(host: str, port: int, option: str) -> MeshError:
    return MeshError(
        f"Port {port} on {host} cannot be used: another program has it, or it is not allowed. Choose another with {option}."
    )
