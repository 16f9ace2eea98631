"""Whether shares of other sites still open, and why one does not.

Real sites list for ever what the other side has ended, and say the same of it as of much else (``facts/ocm.md`` §22).
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs

from jupyter_mesh.cs3.failures import sentence
from jupyter_mesh.cs3.grants import has_ended
from jupyter_mesh.cs3.ocm import may_open, received_of
from jupyter_mesh.cs3.presence import answers
from jupyter_mesh.errors import (
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    Unavailable,
    Withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.cs3.failures import Refusal
    from jupyter_mesh.cs3.gateway import Gateway
    from jupyter_mesh.cs3.invitations import Invitations
    from jupyter_mesh.cs3.remote import RemoteShares
    from jupyter_mesh.models import ReceivedShare

__all__ = ["DOUBTFUL", "JUST_NOW", "LOOKED_LASTS", "LOOKS_AT_ONCE", "Endings"]

JUST_NOW = 2.0
"""Seconds within which two questions for the same list are one."""

LOOKED_LASTS, GONE_LASTS = 30.0, 300.0
"""Seconds for which a share is believed to be open, and to be gone, after somebody looked."""

LOOKS = 16
"""Shares that are looked at after one listing."""

LOOKS_AT_ONCE = 4

DOUBTFUL = ("INTERNAL", "NOT_FOUND", "UNKNOWN", "PERMISSION_DENIED", "UNAUTHENTICATED", "ABORTED")
"""What sites say of a share that has ended, and of much else."""

PASSING = ("INTERNAL", "UNKNOWN", "ABORTED")
"""Those of them that may be true of a moment only."""

A_MOMENT = 0.5

LACKING = (
    "GetLock",
    "GetQuota",
    "ListFileVersions",
    "ListRecycle",
    "Move",
    "RefreshLock",
    "RestoreFileVersion",
    "SetArbitraryMetadata",
    "SetLock",
    "TouchFile",
    "Unlock",
    "UnsetArbitraryMetadata",
)
"""What some sites cannot do in shares of others, and fail with INTERNAL."""

CHANGING = (
    "CreateContainer",
    "Delete",
    "InitiateFileUpload",
    "Move",
    "SetArbitraryMetadata",
    "TouchFile",
)


_looks_again: ContextVar[bool] = ContextVar("looks_again", default=False)
"""True while a refusal is being checked."""


class Endings:
    """What is known of the ends of shares: from looks in the background, and from what the site refuses.

    Whoever builds it awaits ``close()``.
    """

    def __init__(self, gateway: Gateway, shares: RemoteShares) -> None:
        self.people: Invitations | None = None
        """Knows the names of people at other sites, and with which sites the own one deals."""
        self._gateway = gateway
        self._shares = shares
        self._looked: dict[str, tuple[float, bool]] = {}
        self._looking: asyncio.Task[None] | None = None
        gateway.explain = self.explain

    async def close(self) -> None:
        """End looking at shares. May be awaited twice."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.wait([looking])

    def is_withdrawn(self, share: str) -> bool:
        """True if the share did not open when somebody looked last."""
        _, is_there = self._looked.get(share, (0.0, True))
        return not is_there

    async def must_not_have_ended(self, share: str) -> None:
        """Raise Withdrawn for a share that was open once and that the other side has ended, by itself or by time."""
        message = self._shares.known(share)
        is_listed = any(
            one.id.opaque_id == share for one in await self._shares.listed(age=JUST_NOW)
        )
        if message is None:
            return
        if has_ended(received_of(message, "").expires):
            raise Withdrawn(f'The time for which "{message.name}" was shared with you is over.')
        if self.is_withdrawn(share) or not is_listed:
            raise Withdrawn(await self._farewell(message))

    def was_gone(self, message: Any) -> bool:
        """True for a share that was gone when somebody looked, too long ago to believe it."""
        when, is_there = self._looked.get(message.id.opaque_id, (0.0, True))
        return not is_there and time.monotonic() - when > GONE_LASTS

    def look_later(self, messages: list[Any]) -> None:
        """Look at shares in the background; what has ended is not listed the next time."""
        now = time.monotonic()
        waiting = [
            message
            for message in messages
            if now - self._looked.get(message.id.opaque_id, (float("-inf"), True))[0] > LOOKED_LASTS
        ]
        if waiting and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self.look_at(waiting[:LOOKS]))

    async def looked(self, within: float) -> bool:
        """Wait for the looks that go on, at most ``within`` seconds; False if there are none, or no time is left."""
        looking = self._looking
        if looking is None or looking.done() or within <= 0:
            return False
        await asyncio.wait([looking], timeout=within)
        return True

    async def look_at(self, messages: Iterable[Any]) -> None:
        """Look at these; whatever fails has had its turn."""
        gate = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(share: str) -> None:
            request = provider.StatRequest(ref=self._shares.ref(share))
            async with gate:
                began, is_there = time.monotonic(), True
                try:
                    await self._gateway.call("Stat", request, doing="look at a share")
                except MeshError:
                    # A failure that says anything is noted where it is explained.
                    is_there = not self.is_withdrawn(share)
            # It may have ended since, and somebody may know that already.
            if self._looked.get(share, (began, True))[0] <= began:
                self._looked[share] = (began, is_there)

        await asyncio.gather(*(look(message.id.opaque_id) for message in messages))

    async def explain(
        self, request: Any, refusal: Refusal, error: MeshError, doing: str
    ) -> MeshError:
        """What a refusal in a share of another site was really about: it has ended, or the other site is away,
        or it may not be changed, or this cannot be done there. The error as it is for anything else."""
        ref = _ref_of(request)
        share = self._shares.share_of(ref) if ref is not None else ""
        if not share or refusal.code not in DOUBTFUL:
            return error
        root = self._shares.ref(share)
        if refusal.call == "Stat" and ref == root:
            if _looks_again.get():
                return error
            if refusal.code in PASSING and await self._opens_after_all(root, doing):
                return error
            return await self._ended(share, error)
        try:
            reply = await self._gateway.call(
                "Stat", provider.StatRequest(ref=root), doing=doing, repeat=True
            )
        except (Withdrawn, Unavailable) as ended:
            return ended
        except MeshError:
            return error
        self._looked[share] = (time.monotonic(), True)
        if refusal.code == "NOT_FOUND":
            return error
        if refusal.call in CHANGING and not reply.info.permission_set.initiate_file_upload:
            return NotAllowed(sentence(NotAllowed, doing, self._gateway.site), trace=error.trace)
        if refusal.call == "Delete" and await self._is_missing(ref, doing):
            return NotFound(sentence(NotFound, doing, self._gateway.site), trace=error.trace)
        if refusal.call in LACKING and refusal.code in ("INTERNAL", "UNKNOWN"):
            return NotSupported(
                sentence(NotSupported, doing, self._gateway.site), trace=error.trace
            )
        return error

    async def _is_missing(self, ref: Any, doing: str) -> bool:
        try:
            await self._gateway.call("Stat", provider.StatRequest(ref=ref), doing=doing)
        except NotFound:
            return True
        except MeshError:
            pass
        return False

    async def _opens_after_all(self, root: Any, doing: str) -> bool:
        """True if the root of a share opens a moment later: some sites say the same of a share that has ended and
        of one that they cannot reach just now."""
        token = _looks_again.set(True)
        try:
            await asyncio.sleep(A_MOMENT)
            await self._gateway.call("Stat", provider.StatRequest(ref=root), doing=doing)
        except MeshError:
            return False
        finally:
            _looks_again.reset(token)
        return True

    async def _ended(self, share: str, error: MeshError) -> MeshError:
        """Why the root of a share does not open."""
        try:
            messages = await self._shares.listed(age=JUST_NOW)
        except MeshError:
            return error
        message = next((one for one in messages if one.id.opaque_id == share), None)
        known = self._shares.known(share)
        if message is None and known is not None:
            # Our node lists what has ended no longer.
            return Withdrawn(await self._farewell(known), trace=error.trace)
        if message is None or not may_open(message):
            return error
        told = await self._read(message)
        try:
            if self.people is None or not await self.people.deals_with(told.site):
                return error  # No other site is asked anything.
        except MeshError:
            return error
        if not await answers(told.site):
            return Unavailable(
                f'{told.site} does not answer. "{told.name}" cannot be opened now. Try again later.',
                trace=error.trace,
            )
        self._looked[share] = (time.monotonic(), False)
        return Withdrawn(await self._farewell(message), trace=error.trace)

    async def _read(self, message: Any) -> ReceivedShare:
        return received_of(message, await self.people.domain() if self.people else "")

    async def _farewell(self, message: Any) -> str:
        told = await self._read(message)
        who = await self.people.name_of_contact(told.sender) if self.people else ""
        return f'{who or told.sender.username} stopped sharing "{told.name}".'


def _ref_of(request: Any) -> Any | None:
    """Where a request leads; None for one that is not about files."""
    for field in ("ref", "source", "destination"):
        found = getattr(request, field, None)
        if isinstance(found, rs.Reference):
            return found
    return None
