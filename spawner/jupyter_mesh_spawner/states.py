"""auth_state, read and saved so that a newer one is never lost to an older one."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyterhub.user import User

__all__ = ["STAMP", "AuthStates", "new_login", "same_login"]

STAMP = "mesh_login"
"""Our key in auth_state: which login it stems from, and how often it was saved here since."""

REMEMBERED = 600.0
"""Seconds in which whoever has read an older state has long put it back."""


class AuthStates:
    """Remembers what was saved last.

    JupyterHub itself saves auth_state now and then as it has read it a moment ago. A refresh token that was
    used up meanwhile would come back that way, and using it a second time ends the user's whole session at
    providers that rotate them.
    """

    def __init__(self) -> None:
        self._latest: OrderedDict[str, tuple[float, dict[str, Any]]] = OrderedDict()

    async def read(self, user: User) -> dict[str, Any]:
        """The user's auth_state, or the newer one of the same login that was saved here; {} without any."""
        found = dict(await user.get_auth_state() or {})
        if found and STAMP not in found:
            # From before there were stamps, or put there by an operator.
            found = new_login(found)
            await user.save_auth_state(dict(found))
        _, latest = self._latest.get(user.name, (0.0, {}))
        newer = same_login(latest, found) and latest[STAMP][1] > found[STAMP][1]
        return dict(latest) if newer else found

    async def save(self, user: User, state: Mapping[str, Any]) -> bool:
        """Save what was made of a state that ``read`` gave.

        False, and nothing is saved, when the user has logged in or out since: that counts more.
        """
        if not same_login(state, await user.get_auth_state() or {}):
            return False
        login, count = state[STAMP]
        saved = {**state, STAMP: [login, count + 1]}
        now = time.monotonic()
        self._latest[user.name] = (now, saved)
        self._latest.move_to_end(user.name)
        while next(iter(self._latest.values()))[0] < now - REMEMBERED:
            self._latest.popitem(last=False)
        await user.save_auth_state(dict(saved))
        return True

    async def forget(self, user: User) -> None:
        """Leave nothing of it, here and in the database."""
        self._latest.pop(user.name, None)
        await user.save_auth_state(None)


def new_login(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a login begins with."""
    return {**state, STAMP: [secrets.token_hex(8), 0]}


def same_login(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two states stem from one login."""
    return STAMP in one and STAMP in other and one[STAMP][0] == other[STAMP][0]
