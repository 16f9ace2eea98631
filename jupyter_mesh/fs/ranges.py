"""Which bytes to ask for, when many parts of a file are wanted. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fsspec.utils import merge_offset_ranges

from jupyter_mesh.errors import InvalidRequest

__all__ = ["is_empty", "spans_of", "wanted_of"]

NEAR = 256 << 10
"""Bytes between two parts that come as quickly as an answer to another request, over a link of 100 Mbit/s."""

REQUESTS = 16
"""As many requests go out at once; more of them wait for one another."""

WORTH_IT = 4
"""Bytes that may come in vain for each one wanted, to have no more requests than go out at once."""

Wanted = tuple[str, int | None, int | None]


def wanted_of(paths: list[str], starts: Any, ends: Any) -> list[Wanted]:
    """The parts that ``cat_ranges`` was asked for: one start or end may count for all paths."""
    if not isinstance(paths, list):
        raise TypeError("paths must be a list.")
    firsts = list(starts) if isinstance(starts, Iterable) else [starts] * len(paths)
    lasts = list(ends) if isinstance(ends, Iterable) else [ends] * len(paths)
    if not len(firsts) == len(lasts) == len(paths):
        raise InvalidRequest("There must be as many starts and ends as paths.")
    return [
        (path, None if first is None else int(first), None if last is None else int(last))
        for path, first, last in zip(paths, firsts, lasts, strict=True)
    ]


def is_empty(start: int | None, end: int | None) -> bool:
    """True if a slice holds nothing, whatever it is taken of."""
    begin = start or 0
    return end is not None and end <= begin and (begin >= 0) == (end >= 0)


def spans_of(ranges: list[tuple[int, int]], max_gap: int | None = None) -> list[tuple[int, int]]:
    """Few ranges that hold all of ``ranges``, in their order in the file. Empty ones are left out.

    Without ``max_gap``, parts that are near one another are taken together; if that leaves more than go out at
    once, also those that are further apart, as long as it is worth it.
    """
    parts = sorted((start, stop) for start, stop in ranges if start < stop)
    if max_gap is None:
        max_gap = _worthwhile(parts)
    _, starts, stops = merge_offset_ranges(
        [""] * len(parts),
        [start for start, _ in parts],
        [stop for _, stop in parts],
        max_gap=max_gap,
    )
    return [(start, stop or 0) for start, stop in zip(starts, stops, strict=True)]


def _worthwhile(parts: list[tuple[int, int]]) -> int:
    """The gap up to which parts are taken together."""
    gaps: list[int] = []
    wanted = reached = 0
    for start, stop in parts:
        if gaps or reached:
            gaps.append(max(0, start - reached))
        reached = max(reached, stop)
        wanted += stop - start
    gaps.sort()
    if sum(gap > NEAR for gap in gaps) < REQUESTS:
        return NEAR
    enough = gaps[-REQUESTS]
    in_vain = sum(gap for gap in gaps if gap <= enough)
    return enough if in_vain <= WORTH_IT * wanted else NEAR
