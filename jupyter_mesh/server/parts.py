"""Long lists are told in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeVar

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["AT_MOST", "Part", "part_of"]

T = TypeVar("T")

AT_MOST = 500
"""Items of one part."""

LOOKS_BACK = 3
"""Items by which a cursor remembers its place: the next part follows on the last of them that is still there."""

CURSOR = re.compile(r"(\d{1,9})((?:-[0-9a-f]{12}){1,3})")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Some items of a list in their order."""

    items: Sequence[T]
    next: str | None
    """The cursor of the part that follows; None if nothing does."""
    total: int


def part_of(items: Sequence[T], limit: str, cursor: str, id_of: Callable[[T], str]) -> Part[T]:
    """At most ``limit`` items ("" for as many as there may be) after ``cursor``.

    An item that stays where it is comes in exactly one part, also when others come and go in between: a cursor
    names what was told last, and no secret. Raises InvalidRequest for a limit or cursor of no such list.
    """
    if limit and not (limit.isascii() and limit.isdigit() and 0 < int(limit[:9]) <= AT_MOST):
        raise InvalidRequest(f'The "limit" is a number from 1 to {AT_MOST}.')
    start = _after(cursor, items, id_of) if cursor else 0
    stop = start + int(limit or AT_MOST)
    if stop >= len(items):
        return Part(items[start:], None, len(items))
    marks = (_mark(id_of(item)) for item in items[max(start, stop - LOOKS_BACK) : stop])
    return Part(items[start:stop], "-".join([str(stop), *marks]), len(items))


def _after(cursor: str, items: Sequence[T], id_of: Callable[[T], str]) -> int:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidRequest(
            'The "cursor" is none that this list has given. Read it from its beginning.'
        )
    place = min(int(match[1]), len(items))
    marks = match[2].split("-")[1:]
    # Nearly always it is where it was.
    found = {mark: place - n for n, mark in enumerate(reversed(marks))}
    for mark in reversed(marks):
        at = found[mark] - 1
        if 0 <= at < len(items) and _mark(id_of(items[at])) == mark:
            return at + 1
        for index, item in enumerate(items):
            if _mark(id_of(item)) == mark:
                return index + 1
    return place


def _mark(id: str) -> str:
    return blake2b(id.encode(), digest_size=6).hexdigest()
