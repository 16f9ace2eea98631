"""Tags on files and folders: short words, kept as one entry of the metadata at the site.

Everybody who can read a file sees its tags. ``facts/open-data.md`` §11 says why they are kept so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["KEY", "tags_of", "tags_text"]

KEY = "jupyter-mesh.tags"
"""The entry of the metadata: a JSON array of texts."""

MOST, LONGEST, MOST_BYTES = 32, 64, 2048


def tags_of(metadata: Mapping[str, str]) -> list[str]:
    """The tags in the metadata of a resource; what others wrote there and is none is passed over."""
    try:
        found = json.loads(metadata.get(KEY, "[]"))
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    return [tag for tag in found[:MOST] if isinstance(tag, str) and _problem(tag) is None]


def tags_text(tags: Iterable[str]) -> str:
    """The value of the entry, without doubles and in this order; raises InvalidRequest for what is no tag."""
    wanted = list(dict.fromkeys(tags))
    for tag in wanted:
        if problem := _problem(tag):
            raise InvalidRequest(f"{tag[:80]!r} cannot be a tag: {problem}.")
    if len(wanted) > MOST:
        raise InvalidRequest(f"A file can have at most {MOST} tags: remove some first.")
    text = json.dumps(wanted, ensure_ascii=False)
    if len(text.encode()) > MOST_BYTES:
        raise InvalidRequest("These tags are too long together: take shorter or fewer ones.")
    return text


def _problem(tag: str) -> str | None:
    if not tag.strip() or tag != tag.strip():
        return "it is empty, or begins or ends with a blank"
    if len(tag) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    if not tag.isprintable():
        return "it holds a control character"
    return None
