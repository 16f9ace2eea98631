"""Ranges and conditions of HTTP (RFC 9110) as far as files need them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Wanted", "entity_tag", "matches", "range_of"]


class Wanted(NamedTuple):
    """A range as asked for; ``last_bytes`` counts from the end, which is not known yet."""

    start: int
    stop: int | None
    last_bytes: int = 0


def range_of(header: str) -> Wanted | None:
    """The one range of a Range header; None for none, for several, and for what is no range."""
    unit, _, spec = header.partition("=")
    first, dash, last = (part.strip() for part in spec.partition("-"))
    if unit.strip().lower() != "bytes" or not dash or not (first or last):
        return None
    if not all(part.isascii() and part.isdigit() for part in (first, last) if part):
        return None
    if not first:
        return Wanted(0, None, int(last)) if int(last) else None
    if last and int(last) < int(first):
        return None
    return Wanted(int(first), int(last) + 1 if last else None)


def entity_tag(etag: str) -> str:
    """An etag as HTTP writes it."""
    return f'"{etag}"'


def matches(header: str, etag: str) -> bool:
    """True if an If-Match or If-None-Match header names this etag; "" is that of nothing."""
    if header.strip() == "*":
        return bool(etag)
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return bool(etag) and entity_tag(etag) in tags
