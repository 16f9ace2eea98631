"""The process that compares: one request on standard input, one answer on standard output, and it ends.

::

    server → here   length of the request as a line, the request {"path", "old", "new"} as JSON
    here → server   a line: {"path", "old", "new"}, with true for a content that came with the request
    server → here   for each side, old and new: a line of facts {"size", "modified", "bytes"}, and that many bytes
    here → server   the answer as JSON
"""

from __future__ import annotations

import json
import sys
from typing import IO, Any

from jupyter_mesh.compare.difference import Side, difference


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer one request."""
    request = _read(source, int(source.readline()))
    try:
        asked = json.loads(request)
        contents = {side: _content_of(asked[side]) for side in ("old", "new")}
        told = {
            side: True if contents[side] is not None else asked[side] for side in ("old", "new")
        }
        answer: dict[str, Any] = {"path": asked["path"], **told}
    except (ValueError, KeyError, TypeError, RecursionError):
        answer = {"new": None}
    _tell(target, answer, "\n")
    if answer["new"] is None:
        return
    facts: dict[str, Any] = {}
    for side in ("old", "new"):
        told = json.loads(source.readline())
        if told is not None and (size := told.pop("bytes")) is not None:
            contents[side] = _read(source, size)
        facts[side] = told
    missing = any(facts[side] is not None and contents[side] is None for side in facts)
    result = (
        {"kind": "other"}
        if missing
        else difference(answer["path"], contents["old"], contents["new"])
    )
    _tell(target, result | {"facts": facts}, "")


def _content_of(ref: Any) -> Side:
    content: Side = ref["content"] if isinstance(ref, dict) and "content" in ref else None
    if content is not None and not isinstance(content, str | dict):
        raise TypeError("content is neither text nor notebook")
    return content


def _read(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        # The server has gone or given up: nobody waits for an answer.
        raise SystemExit(1)
    return data


def _tell(target: IO[bytes], value: Any, end: str) -> None:
    target.write((json.dumps(value) + end).encode())
    target.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
