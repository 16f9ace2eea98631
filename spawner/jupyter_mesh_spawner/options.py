"""What a user chooses for one start: read from forms, links and the API, all of them untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.links import LONGEST, Link
from jupyter_mesh.paths import AREAS, PROJECTS, join
from jupyter_mesh.placement import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "MeshOptions", "only_ours", "read_form", "without_ours"]

PREFIX = "mesh_"
"""What the names of our fields begin with, in forms, links and user_options."""


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """The choices for one start. Each is "" when nothing, or nothing usable, was chosen."""

    resource: str = ""
    """What to open, as a ``cs3://`` URL. Nobody has looked whether it is there."""
    placement: str = ""
    """Where to run: the name of a placement, which need not exist."""
    environment: str = ""
    """In what to run: the name of an environment, which need not exist."""
    problem: str = ""
    """Why what was chosen cannot be opened, in a sentence for the user."""

    @classmethod
    def read(cls, options: Mapping[str, Any], site: str, username: str = "") -> Self:
        """The choices in a form, a link, or user_options, for a user of a site. Never raises, whatever they hold.

        ``mesh_resource`` is a ``cs3://`` URL or any other link of the mesh.
        """
        resource = problem = ""
        if options.get(PREFIX + "resource"):
            try:
                resource = Link.read(_text(options, "resource"), username).to_url(site)
            except InvalidRequest as error:
                problem = str(error)
        return cls(
            resource=resource,
            placement=_name(_text(options, "placement")),
            environment=_name(_text(options, "environment")),
            problem=problem,
        )

    def to_options(self) -> dict[str, str]:
        """As user_options, without what was not chosen."""
        chosen = {
            "resource": self.resource,
            "placement": self.placement,
            "environment": self.environment,
        }
        return {PREFIX + name: value for name, value in chosen.items() if value}


def read_form(fields: Mapping[str, Any], site: str, username: str = "") -> dict[str, str]:
    """The user_options of our part of a form that was filled in.

    Raises InvalidRequest with a sentence for the form when what is to be opened cannot be read. ``mesh_what`` says
    which of the fields counts; without it, ``mesh_resource`` does.
    """
    what, resource = _text(fields, "what"), ""
    if what == "project":
        resource = project_url(_text(fields, "project"), site)
    elif what == "link":
        resource = Link.read(_text(fields, "link"), username).to_url(site)
    elif what != "files" and _text(fields, "resource"):
        resource = Link.read(_text(fields, "resource"), username).to_url(site)
    chosen = MeshOptions.read(fields, site, username)
    return MeshOptions(resource, chosen.placement, chosen.environment).to_options()


def project_url(text: str, site: str) -> str:
    """The URL of a project or folder as people type it: a project by its name, anything else with its area.

    Raises InvalidRequest for what cannot be one.
    """
    text = text.strip("/")
    if not text:
        raise InvalidRequest("Choose a project or folder, or open your files.")
    path = text if text.partition("/")[0] in AREAS else join(PROJECTS, text)
    return Link.read(path).to_url(site)


def only_ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields in a form or link; JupyterHub 5 leaves the ``opt-`` of links to the spawner."""
    named = {name.removeprefix("opt-"): value for name, value in options.items()}
    return {name: value for name, value in named.items() if name.startswith(PREFIX)}


def without_ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to others."""
    ours = (PREFIX, f"opt-{PREFIX}")
    return {name: value for name, value in options.items() if not name.startswith(ours)}


def _text(options: Mapping[str, Any], name: str) -> str:
    """The first value of a field: links and forms have lists of them, the API has anything."""
    value = options.get(PREFIX + name)
    if isinstance(value, list):
        value = value[0] if value else ""
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST else ""


def _name(text: str) -> str:
    return text if NAME.fullmatch(text) else ""
