"""HubToken: the token file of a server that our spawners started, kept fresh through the hub."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import aiohttp

from jupyter_mesh.auth import FileToken, write_token_file
from jupyter_mesh.errors import (
    InvalidRequest,
    LoginEnded,
    MeshError,
    NotSupported,
    SiteError,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HUB_TOKEN_FILE", "HubToken"]

HUB_TOKEN_FILE = "MESH_HUB_TOKEN_FILE"  # noqa: S105  the name of a variable
"""Names a file with the token for the hub, for programs that must not have it in their environment."""

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is replaced; half its life when that is shorter."""

DEADLINE = 30.0
FIRST_PAUSE, LONGEST_PAUSE, PAUSE_WHILE_LOGGED_OUT = 1.0, 60.0, 5.0
LOOK_AGAIN = 60.0
"""Seconds after which the clock is looked at again: a laptop may have slept meanwhile."""

log = logging.getLogger(__name__)


class HubToken(FileToken):
    """Asks the hub for the next token before the one in the file ends, and at once when it is refused.

    Whoever makes one runs ``run()`` as a task of the server and cancels it at the end. Other processes, such
    as kernels, see the new token in the file. The token goes to no log and no other file.
    """

    def __init__(self, path: Path | str, *, api_url: str, api_token: str, user: str) -> None:
        super().__init__(path)
        self.problem: MeshError | None = None
        """Why the last request brought no token; None when all is well."""
        self._url = f"{api_url.rstrip('/')}/mesh/users/{quote(user, safe='')}/token"
        self._headers = {"Authorization": f"token {api_token}"}
        self._asking = asyncio.Lock()
        self._latest = ""
        self._due = 0.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """The one for this server; None outside a hub and in a server without storage.

        Reads the file of ``MESH_HUB_TOKEN_FILE`` where there is one. Raises InvalidRequest when it cannot be read.
        """
        try:
            where = environ.get(HUB_TOKEN_FILE, "")
            return cls(
                environ["MESH_TOKEN_FILE"],
                api_url=environ["JUPYTERHUB_API_URL"],
                api_token=_read(where) if where else environ["JUPYTERHUB_API_TOKEN"],
                user=environ["JUPYTERHUB_USER"],
            )
        except KeyError:
            return None

    async def token(self, *, refresh: bool = False) -> str:
        """What the file holds. The hub is asked first if there is none yet, or with ``refresh``: the site refused it."""
        if refresh:
            await self.refresh_now()
        elif isinstance(self.problem, LoginEnded):
            raise self.problem
        elif not self._latest and not await asyncio.to_thread(self.path.exists):
            # In a container its folder begins empty.
            await self._ask(force=False)
        return await super().token(refresh=refresh)

    async def refresh_now(self) -> None:
        """Have the hub get a new token although the one at hand looked good. One request for all who wait.

        Raises LoginEnded when the user must log in to the hub again, Unavailable when the hub does not answer.
        """
        await self._ask(force=True)

    async def run(self) -> None:
        """Keep the file fresh until cancelled. Failures are logged, and tried again ever more slowly."""
        pause = FIRST_PAUSE
        while True:
            if time.time() >= self._due:
                try:
                    await self._ask(force=False)
                    pause = FIRST_PAUSE
                except MeshError as error:
                    log.warning("No new storage token from the hub: %s", error)
                    self._due = time.time() + pause * random.uniform(0.5, 1.5)  # noqa: S311  spreads servers
                    # A user who logs in again comes back to this page and waits for us.
                    longest = (
                        PAUSE_WHILE_LOGGED_OUT if isinstance(error, LoginEnded) else LONGEST_PAUSE
                    )
                    pause = min(2 * pause, longest)
            await asyncio.sleep(min(max(0.0, self._due - time.time()), LOOK_AGAIN))

    async def _ask(self, *, force: bool) -> None:
        latest = self._latest
        async with self._asking:
            if self._latest != latest:
                # Somebody else's request has brought a new one while we waited.
                return
            try:
                token, expires = await self._fetch(force=force)
                await asyncio.to_thread(write_token_file, self.path, token)
            except MeshError as error:
                self.problem = error
                if isinstance(error, LoginEnded):
                    # Sites may go on to accept what the hub would not use any more, for a day.
                    await asyncio.to_thread(self.path.unlink, missing_ok=True)
                raise
            except OSError as error:
                self.problem = SiteError(
                    f"The token file {self.path} cannot be written: {error.strerror}."
                )
                raise self.problem from error
            self.problem = None
            self._latest = token
            left = expires - time.time()
            self._due = time.time() + max(FIRST_PAUSE, left - min(RENEW_BEFORE, left / 2))

    async def _fetch(self, *, force: bool) -> tuple[str, float]:
        away = "The hub does not answer, so your login cannot be renewed. It is tried again."
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE)) as session,
                session.get(
                    self._url, headers=self._headers, params={"force": "1"} if force else {}
                ) as reply,
            ):
                # The proxy of a hub that restarts answers with pages.
                body = (
                    await reply.json(content_type=None) if reply.status in (200, 401, 503) else {}
                )
                status = reply.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(away) from error
        if not isinstance(body, dict):
            body = {}
        token, expires = body.get("token"), body.get("expires")
        if status == 200 and isinstance(token, str) and isinstance(expires, int | float):
            return token, float(expires)
        if status == 401:
            raise LoginEnded(
                body.get("message") or "Your login has ended. Log in to the hub again."
            )
        if status in (403, 404):
            raise NotSupported(
                "The hub gives this server no storage token. "
                "Its operator should look at docs/hub.md, and you may have to restart your server."
            )
        raise Unavailable(body.get("message") or away)


def _read(file: str) -> str:
    path = Path(file)
    try:
        # Its group may: that of a Kubernetes Secret is the one of the pod.
        if path.stat().st_mode & 0o007:
            raise InvalidRequest(f"The token for the hub in {file} can be read by others.")
        return path.read_text().strip()
    except OSError as error:
        raise InvalidRequest(
            f"The token for the hub cannot be read in {file}: {error.strerror}."
        ) from error
