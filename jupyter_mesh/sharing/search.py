"""Looking for people, groups and contacts to share with."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import LoginEnded, MeshError, NotSupported

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Grantee

__all__ = ["SHORTEST", "Found", "search"]

log = logging.getLogger(__name__)

SHORTEST = 3
"""Letters from which a search is made: fewer would list whole institutions."""

SHOWN_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    people: tuple[Grantee, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be searched, each in one sentence."""


async def search(client: MeshClient, text: str) -> Found:
    """People, groups and contacts at once, the best SHOWN_AT_MOST first: one RPC of each kind.

    A site that has no groups or contacts is no problem; one that fails is told, with what the others found.
    """
    wanted = " ".join(text.split())
    if len(wanted) < SHORTEST:
        return Found()
    sources: dict[str, Awaitable[list[Grantee]]] = {
        "People": client.find_users(wanted),
        "Groups": client.find_groups(wanted),
        "Contacts": client.contacts(wanted),
    }
    answers = await asyncio.gather(*sources.values(), return_exceptions=True)
    people: dict[str, Grantee] = {}
    problems = []
    for what, answer in zip(sources, answers, strict=True):
        if isinstance(answer, NotSupported):
            continue
        if isinstance(answer, MeshError) and not isinstance(answer, LoginEnded):
            # Neither what was looked for nor what the site said belongs in a log.
            log.info("%s: %s could not be searched (%s)", client.site, what, type(answer).__name__)
            problems.append(
                f"{what} could not be searched: {client.site} did not answer as it should."
            )
        elif isinstance(answer, BaseException):
            raise answer
        else:
            people |= {person.key: person for person in answer}
    key = wanted.casefold()
    ranked = sorted(people.values(), key=lambda person: _rank(person, key))
    return Found(tuple(ranked[:SHOWN_AT_MOST]), tuple(problems))


def _rank(person: Grantee, wanted: str) -> tuple[int, str, str]:
    """Names that begin with the text come first, then those with a word that does, then the others."""
    name, username = person.name.casefold(), person.username.casefold()
    if name.startswith(wanted):
        order = 0
    elif username.startswith(wanted) or any(word.startswith(wanted) for word in name.split()):
        order = 1
    else:
        order = 2
    return order, name or username, person.key
