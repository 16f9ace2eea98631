"""Which bytes to ask for, when many parts of a file are wanted. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from jupyter_mesh.errors import InvalidRequest

__all__ = ["is_empty", "spans_of", "wanted_of"]

NEAR = 256 << 10
"""Bytes between two parts that come as quickly as an answer to another request, over a link of 100 Mbit/s."""

REQUESTS = 8
"""Requests for one file that are no burden; each more costs as much as some hundred kilobytes."""

WORTH_IT = 5
"""Bytes that may come in vain for each one wanted, to have no more requests than that."""

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

    Without ``max_gap``, parts that are near one another are taken together; if that leaves many requests, so are
    those that are further apart, as long as it is worth it.
    """
    spans: list[tuple[int, int]] = []
    for start, stop in sorted(one for one in ranges if one[0] < one[1]):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(stop, spans[-1][1])
        else:
            spans.append((start, stop))
    gaps = [later[0] - span[1] for span, later in pairwise(spans)]
    apart = {at for at, gap in enumerate(gaps) if gap > (NEAR if max_gap is None else max_gap)}
    if max_gap is None and len(apart) >= REQUESTS:
        widest = set(sorted(apart, key=gaps.__getitem__)[1 - REQUESTS :])
        in_vain = sum(gap for at, gap in enumerate(gaps) if at not in widest)
        if in_vain <= WORTH_IT * sum(stop - start for start, stop in spans):
            apart = widest
    merged: list[tuple[int, int]] = []
    for at, (start, stop) in enumerate(spans):
        if at and at - 1 not in apart:
            merged[-1] = merged[-1][0], stop
        else:
            merged.append((start, stop))
    return merged
