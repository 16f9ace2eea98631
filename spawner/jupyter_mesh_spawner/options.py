"""What a user chooses for one start: read from forms, links and the API, all of them untrusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import from_url, to_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "MeshOptions", "without_ours"]

PREFIX = "mesh_"
"""What the names of our fields begin with, in forms, links and user_options."""

LONGEST = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """The choices for one start. Each is "" when nothing, or nothing usable, was chosen."""

    resource: str = ""
    """What to open, as a ``cs3://`` URL."""
    placement: str = ""
    """Where to run: the name of a placement, which need not exist."""
    environment: str = ""
    """In what to run: the name of an environment, which need not exist."""

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Self:
        """The choices in a form, a link, or user_options. Never raises, whatever stands there."""
        return cls(
            resource=_url(_text(options, "resource")),
            placement=_name(_text(options, "placement")),
            environment=_name(_text(options, "environment")),
        )

    def to_options(self) -> dict[str, str]:
        """As user_options, without what was not chosen."""
        chosen = {
            "resource": self.resource,
            "placement": self.placement,
            "environment": self.environment,
        }
        return {PREFIX + name: value for name, value in chosen.items() if value}


def without_ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """What in user_options belongs to others."""
    return {name: value for name, value in options.items() if not name.startswith(PREFIX)}


def _text(options: Mapping[str, Any], name: str) -> str:
    """The first value of a field: links and forms have lists of them, the API has anything."""
    value = options.get(PREFIX + name)
    if isinstance(value, list):
        value = value[0] if value else ""
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST else ""


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else ""


def _url(text: str) -> str:
    """A ``cs3://`` URL in the one spelling that we write; "" for any other text."""
    if not text.isprintable():
        return ""
    try:
        site, path = from_url(text)
    except MeshError:
        return ""
    return to_url(site, path) if _NAME.fullmatch(site) else ""
