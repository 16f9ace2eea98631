"""SiteWatch: how the site is, asked with a deadline and remembered for a moment."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import LoginEnded, MeshError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Quota, User

__all__ = ["SiteState", "SiteStatus", "SiteWatch"]

T = TypeVar("T")

DEADLINE = 3.0
"""Seconds in which the site must have told who the user is."""

PATIENCE, PAUSE = 2.2, 0.2
"""Seconds for which a site that was away is tried again, and between two tries."""

EXTRA = 1.0
"""Seconds that what is nice to know may come later than the user."""

FRESH_FOR = 5.0
"""Seconds for which an answer serves everybody who did not ask for a new one."""

log = logging.getLogger(__name__)


class SiteState(StrEnum):
    """How a site is, as far as a user is concerned."""

    ONLINE = "online"
    OFFLINE = "offline"
    SIGNED_OUT = "signed-out"
    NOT_CONFIGURED = "not-configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """One answer: the state, since when, and what is known with it."""

    state: SiteState
    since: datetime
    message: str = ""
    """One sentence for the user, "" if all is well."""
    trace: str = ""
    user: User | None = None
    quota: Quota | None = None
    features: dict[str, bool] = field(default_factory=dict)
    """By name of a ``Feature``; what was never tried is not in it."""


class SiteWatch:
    """Asks one site how it is. The client belongs to the caller; None if no site is configured."""

    def __init__(self, client: MeshClient | None, *, problem: MeshError | None = None) -> None:
        self.client = client
        self.problem = problem
        """Why there is no client."""
        self._status: SiteStatus | None = None
        self._asked = -FRESH_FOR
        self._asking: asyncio.Task[SiteStatus] | None = None

    async def status(self, *, fresh: bool = False) -> SiteStatus:
        """The state of the site, within ``DEADLINE`` seconds and without raising MeshError.

        An answer of the last seconds will do unless ``fresh`` is set. All who wait share one request.
        """
        if self.client is None:
            return self._remember(SiteState.NOT_CONFIGURED, error=self.problem)
        if self._status is not None and not fresh and time.monotonic() - self._asked < FRESH_FOR:
            return self._status
        if self._asking is None:
            patient = fresh and self._state is SiteState.OFFLINE
            self._asking = asyncio.create_task(self._ask(self.client, patient=patient))
            self._asking.add_done_callback(self._done)
        # Whoever goes away must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Give up a request that is under way. The client stays open."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    def _done(self, task: asyncio.Task[SiteStatus]) -> None:
        self._asking = None

    @property
    def _state(self) -> SiteState | None:
        return None if self._status is None else self._status.state

    async def _ask(self, client: MeshClient, *, patient: bool) -> SiteStatus:
        quota = asyncio.create_task(_or_nothing(client.quota(), client.site))
        features = asyncio.create_task(_or_nothing(_features(client), client.site))
        try:
            async with asyncio.timeout(DEADLINE):
                user = await _whoami(client, patient=patient)
            # A site that is slow to count must not look as if it were away.
            await asyncio.wait({quota, features}, timeout=EXTRA)
            status = self._remember(
                SiteState.ONLINE,
                user=user,
                quota=quota.result() if quota.done() else None,
                features=features.result() if features.done() else None,
            )
        except LoginEnded as error:
            status = self._remember(SiteState.SIGNED_OUT, error=error)
        except MeshError as error:
            if self._state is not SiteState.OFFLINE:
                # Once, not at every look of every tab.
                log.warning("%s (%s)", error, error.__cause__)
            status = self._remember(SiteState.OFFLINE, error=error)
        except TimeoutError:
            late = Unavailable(f"{client.site} gave no answer within {DEADLINE:.0f} seconds.")
            status = self._remember(SiteState.OFFLINE, error=late)
        finally:
            quota.cancel()
            features.cancel()
        self._asked = time.monotonic()
        return status

    def _remember(
        self,
        state: SiteState,
        *,
        error: MeshError | None = None,
        user: User | None = None,
        quota: Quota | None = None,
        features: dict[str, bool] | None = None,
    ) -> SiteStatus:
        """Keep the status; the state counts from its first sight, who the user is from the last."""
        last = self._status
        self._status = SiteStatus(
            state=state,
            since=last.since if last is not None and last.state is state else datetime.now(UTC),
            message=str(error) if error is not None else "",
            trace=error.trace if error is not None else "",
            user=user or (last.user if last is not None else None),
            quota=quota,
            features=features or {},
        )
        return self._status


async def _whoami(client: MeshClient, *, patient: bool) -> User:
    """Who the user is. Patient, it outlasts the pause that a channel makes after it failed to connect,
    so that "Try now" finds a site that has just come back."""
    end = time.monotonic() + (PATIENCE if patient else 0)
    while True:
        try:
            return await client.whoami()
        except Unavailable:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(PAUSE)


async def _features(client: MeshClient) -> dict[str, bool]:
    """What the site has shown so far that it can or cannot do."""
    flavour = await client.flavour()
    tried = {feature.name.lower(): flavour.can(feature) for feature in Feature}
    return {name: able for name, able in tried.items() if able is not None}


async def _or_nothing(call: Awaitable[T], site: str) -> T | None:
    """What is nice to know must not fail: None and a line in the log instead."""
    try:
        return await call
    except MeshError as error:
        log.debug("%s did not tell everything: %s", site, error)
        return None
