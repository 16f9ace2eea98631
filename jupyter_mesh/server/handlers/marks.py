"""``<base>/api/mesh/marks``: what rows of files say of sharing, for all folders in one answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.models import GranteeKind, ShareState
from jupyter_mesh.server.handlers.sharing import SharingHandler
from jupyter_mesh.server.sharing import LOOK_EVERY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.models import Grantee, Link, Share

__all__ = ["MarksHandler"]


class MarksHandler(SharingHandler):
    """Counts and sites, without names of those who have access: those are told by ``access``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What is shared, with how many and whether by link; what was received, and from whom.

        As old as the last look at what others share may be, unless something was changed here since.
        """
        shares, links, received = await asyncio.gather(
            self.sharing.by_me(age=LOOK_EVERY),
            self.sharing.links(age=LOOK_EVERY),
            self.sharing.received(age=LOOK_EVERY),
        )
        places = await self.sharing.placed([*shares, *links])
        accepted = [
            each for each in received if each.state is ShareState.ACCEPTED and not each.is_hidden
        ]
        telling = await self.telling(each.owner for each in accepted)
        given = [
            {"path": telling.path(path), **mark}
            for path, mark in _given(shares, links, places).items()
        ]
        got = [
            {"path": telling.path(each.path), "from": telling.person(each.owner)}
            for each in accepted
        ]
        self.finish(
            {
                "given": [each for each in given if each["path"]],
                "received": [each for each in got if each["path"]],
            }
        )


def _given(
    shares: Sequence[Share], links: Sequence[Link], places: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By mesh path, how many people and groups have a thing, and whether a link leads to it."""
    who: defaultdict[str, set[Grantee]] = defaultdict(set)
    for share, path in zip(shares, places, strict=False):
        who[path].add(share.grantee)
    linked = set(places[len(shares) :])
    marks = {}
    for path in {*who, *linked}:
        groups = sum(each.kind is GranteeKind.GROUP for each in who[path])
        marks[path] = {
            "people": len(who[path]) - groups,
            "groups": groups,
            "byLink": path in linked,
        }
    return marks
