"""The If header of WebDAV (RFC 4918 §10.4): lists of locks and etags, of which one has to be true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.webdav.addresses import path_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Conditions"]

TOKEN = re.compile(r"\s*(?:<([^>]*)>|(\()|(\))|\[([^\]]*)\]|(Not\b))", re.IGNORECASE)
LONGEST = 8192


@dataclass(frozen=True, slots=True)
class _Condition:
    negated: bool
    lock: str = ""
    etag: str = ""


class Conditions:
    """A parsed If header. An empty one is true."""

    def __init__(self, header: str, path: str, prefix: str = "") -> None:
        self._lists: list[tuple[str, list[_Condition]]] = []
        self.tokens: set[str] = set()
        """Locks that the client says it holds."""
        if len(header) > LONGEST:
            raise InvalidRequest("The If header is too long.")
        current: list[_Condition] | None = None
        resource, negated, at = path, False, 0
        text = header.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise InvalidRequest("The If header cannot be read.")
            at = found.end()
            angle, opens, closes, etag, negates = found.groups()
            if current is None:
                if angle is not None:
                    resource = path_of(angle, prefix)
                elif opens:
                    current, negated = [], False
                else:
                    raise InvalidRequest("The If header cannot be read.")
            elif closes:
                self._lists.append((resource, current))
                current = None
            elif negates:
                negated = True
            elif angle is not None or etag is not None:
                current.append(_Condition(negated, angle or "", (etag or "").removeprefix("W/")))
                if angle:
                    self.tokens.add(angle)
                negated = False
            else:
                raise InvalidRequest("The If header cannot be read.")
        if current is not None or (text and not self._lists):
            raise InvalidRequest("The If header cannot be read.")

    async def hold(
        self,
        locks_on: Callable[[str], set[str]],
        etag_of: Callable[[str], Awaitable[str]],
    ) -> bool:
        """True if one of the lists is; ``etag_of`` tells an etag as HTTP writes it, "" of nothing."""
        for resource, conditions in self._lists:
            for condition in conditions:
                if condition.lock:
                    true = condition.lock in locks_on(resource)
                else:
                    true = condition.etag == await etag_of(resource)
                if true is condition.negated:
                    break
            else:
                return True
        return not self._lists
