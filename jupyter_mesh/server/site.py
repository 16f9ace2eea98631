"""SiteWatch: how the site is, asked with a deadline and remembered for a moment."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from jupyter_mesh.errors import LoginEnded, MeshError, Unavailable

if TYPE_CHECKING:
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Quota, User

__all__ = ["SiteState", "SiteStatus", "SiteWatch"]

DEADLINE = 3.0
"""Seconds in which the site must have told who the user is."""

QUOTA_DEADLINE = 1.0
"""Seconds that the quota may come later than the user."""

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


class SiteWatch:
    """Asks one site how it is. The client belongs to the caller; None if no site is configured."""

    def __init__(self, client: MeshClient | None, *, problem: MeshError | None = None) -> None:
        self.client = client
        self._problem = problem
        self._status: SiteStatus | None = None
        self._asked = -FRESH_FOR
        self._asking: asyncio.Task[SiteStatus] | None = None

    async def status(self, *, fresh: bool = False) -> SiteStatus:
        """The state of the site, within ``DEADLINE`` seconds and without raising MeshError.

        An answer of the last seconds will do unless ``fresh`` is set. All who wait share one request.
        """
        if self.client is None:
            return self._remember(SiteState.NOT_CONFIGURED, error=self._problem)
        if self._status is not None and not fresh and time.monotonic() - self._asked < FRESH_FOR:
            return self._status
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(self.client))
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

    async def _ask(self, client: MeshClient) -> SiteStatus:
        quota = asyncio.create_task(self._quota(client))
        try:
            async with asyncio.timeout(DEADLINE) as deadline:
                user = await client.whoami()
                deadline.reschedule(None)
            # A site that is slow to count must not look as if it were away.
            await asyncio.wait({quota}, timeout=QUOTA_DEADLINE)
            known = quota.result() if quota.done() else None
            status = self._remember(SiteState.ONLINE, user=user, quota=known)
        except LoginEnded as error:
            status = self._remember(SiteState.SIGNED_OUT, error=error)
        except MeshError as error:
            log.warning("The site %s: %s", client.site, error, exc_info=error.__cause__)
            status = self._remember(SiteState.OFFLINE, error=error)
        except TimeoutError:
            late = Unavailable(f"{client.site} gave no answer within {DEADLINE:.0f} seconds.")
            status = self._remember(SiteState.OFFLINE, error=late)
        finally:
            quota.cancel()
        self._asked = time.monotonic()
        return status

    async def _quota(self, client: MeshClient) -> Quota | None:
        try:
            return await client.quota()
        except MeshError as error:
            log.debug("No quota from %s: %s", client.site, error)
            return None

    def _remember(
        self,
        state: SiteState,
        *,
        error: MeshError | None = None,
        user: User | None = None,
        quota: Quota | None = None,
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
        )
        return self._status
