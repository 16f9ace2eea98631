"""XML that strangers send: read without entities, without document types, bounded in size and in depth."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jupyter_mesh.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    from aiohttp import StreamReader

__all__ = ["read_xml"]

AT_MOST = 1 << 20
DEEPEST = 32
WITHIN = 30.0
"""Seconds; bodies of XML are small."""


async def read_xml(content: StreamReader, at_most: int = AT_MOST) -> Element | None:
    """The root element of a body, its names as ``{namespace}name``; None for an empty body.

    Raises TooLarge over ``at_most`` bytes, InvalidRequest for what does not come in time or is not well-formed, for a
    document type (and with it every entity), and for elements nested deeper than any client of ours nests them.
    """
    text = bytearray()
    try:
        async with asyncio.timeout(WITHIN):
            async for piece in content.iter_any():
                text += piece
                if len(text) > at_most:
                    raise TooLarge("The XML of this request is too large.")
    except TimeoutError:
        raise InvalidRequest("The XML of this request did not arrive in time.") from None
    return _parsed(bytes(text)) if text.strip() else None


def _parsed(text: bytes) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def refuse(*_: object) -> None:
        raise InvalidRequest("A document type in the XML of a request is not accepted.")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InvalidRequest("The XML of this request is nested too deeply.")
        builder.start(_named(tag), {_named(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(tag))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartNamespaceDeclHandler = _no_empty_prefix
    parser.buffer_text = True
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, InvalidRequest):
            raise
        raise InvalidRequest("The XML of this request cannot be read.") from error
    return builder.close()


def _no_empty_prefix(prefix: str | None, uri: str | None) -> None:
    if prefix and not uri:
        raise InvalidRequest("The XML of this request binds a prefix to no namespace.")


def _named(name: str) -> str:
    return "{" + name if "}" in name else name
