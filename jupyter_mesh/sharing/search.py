"""Looking for people, groups and contacts to share with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_mesh.models import Grantee

__all__ = ["SHORTEST", "Found"]

SHORTEST = 3
"""Letters from which a search is made: fewer would list whole institutions."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    people: tuple[Grantee, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be searched, each in one sentence."""
