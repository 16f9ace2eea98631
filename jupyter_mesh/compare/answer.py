"""What the process for documents answers to a comparison: which states it needs, and then the difference."""

from __future__ import annotations

import json
from typing import Any

from jupyter_mesh.compare.difference import Side, difference

__all__ = ["compared", "sides_of"]

SIDES = ("old", "new")


def sides_of(request: bytes) -> tuple[bytes, dict[str, Any]]:
    """``{"path", "old", "new"}`` of a request, with true for a content that came with it.

    Raises ValueError for what is no such request.
    """
    asked = _parsed(request)
    contents = {side: _content_of(asked[side]) for side in SIDES}
    told = {side: asked[side] if contents[side] is None else True for side in SIDES}
    return b"", {"path": asked["path"], **told}


def compared(
    data: bytes, *, sizes: list[int | None], facts: dict[str, Any]
) -> tuple[bytes, dict[str, Any]]:
    """JSON of the difference between the two states that follow the request in ``data``.

    ``sizes`` are those of the request and of both states: None for one that came with the request, that nobody
    asked for, or that is too large to be shown. ``facts`` are what is told of the states.
    """
    parts: list[bytes | None] = []
    at = 0
    for size in sizes:
        parts.append(None if size is None else data[at : at + size])
        at += size or 0
    asked = _parsed(parts[0] or b"")
    contents: dict[str, Side] = {
        side: _content_of(asked[side]) if part is None else part
        for side, part in zip(SIDES, parts[1:], strict=True)
    }
    too_large = any(facts[side] is not None and contents[side] is None for side in SIDES)
    result = (
        {"kind": "other"}
        if too_large
        else difference(asked["path"], contents["old"], contents["new"])
    )
    return json.dumps(result | {"facts": facts}).encode(), {}


def _parsed(request: bytes) -> dict[str, Any]:
    match json.loads(request):
        case {"path": str(), "old": _, "new": new} as asked if new is not None:
            return dict(asked)
        case _:
            raise ValueError("not a path and two sides")


def _content_of(ref: Any) -> Side:
    match ref:
        case {"content": str() | dict() as content}:
            return content
        case {"content": _}:
            raise ValueError("content is neither text nor notebook")
        case _:
            return None
