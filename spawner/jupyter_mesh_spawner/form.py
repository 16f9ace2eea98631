"""Our part of the start form: what to open, where to run, in what. It works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader

from jupyter_mesh.errors import MeshError
from jupyter_mesh.models import SpaceKind
from jupyter_mesh.paths import AREAS, HOME, PROJECTS, join, name_of, parent_of, to_url
from jupyter_mesh.placement import look
from jupyter_mesh_spawner.placing import groups_of, mesh_of, offers, rules_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh_spawner.mixin import MeshSpawnerMixin

__all__ = ["MARK", "places", "render", "template"]

MARK = 'id="mesh-start"'
"""Stands in every form that our part is in."""

PATIENCE = 3.0
"""Seconds that the form waits for the site; it is shown without its list then."""

MOST = 50

_TEMPLATES = Environment(
    loader=PackageLoader("jupyter_mesh_spawner"), autoescape=True, trim_blocks=True
)


def template(name: str) -> str:
    """The source of a template of ours."""
    assert _TEMPLATES.loader is not None  # noqa: S101  two lines above
    return _TEMPLATES.loader.get_source(_TEMPLATES, name)[0]


async def render(
    spawner: MeshSpawnerMixin, filled: Mapping[str, Any] | None = None, *, resource: str = ""
) -> str:
    """Our part as HTML, for a form of the spawner's user. Never raises for a site that is away.

    ``filled`` are fields as a form or link has brought them: they are shown again, and nothing else is done with
    them. With ``resource``, a ``cs3://`` URL, there is nothing to choose of what is opened.
    """
    rules = rules_of(spawner)
    known: list[dict[str, str]] = []
    problem, where = "", None
    try:
        async with mesh_of(spawner, PATIENCE) as client:
            if not resource:
                known = await places(client, "")
            if rules.has_rules:
                where = await look(client, resource or to_url(spawner.mesh_site, HOME))
    except MeshError as error:
        problem = str(error)
        spawner.log.warning("The start form of %s has gaps: %s", spawner.user.name, error)
    found = offers(spawner, where)
    return _TEMPLATES.get_template("form.html").render(
        filled={name: _first(value) for name, value in (filled or {}).items()},
        resource=resource,
        places=known,
        problem=problem,
        offers=found if len(found) > 1 else [],
        environments=rules.offered_environments(groups_of(spawner)),
        api=f"{spawner.hub.base_url}api/mesh/users/{spawner.user.escaped_name}",
        site=spawner.mesh_site_title,
    )


async def places(client: MeshClient, typed: str) -> list[dict[str, str]]:
    """Projects, shares and folders that fit what was typed so far, each as it is typed, with what it is.

    Without a "/" that is every project and share with the text in its name, and folders in the home; with one,
    the folders there.
    """
    typed = typed.strip().lstrip("/")
    fits = typed.casefold()
    found = [
        {"value": space.path.removeprefix(PROJECTS + "/"), "kind": str(space.kind)}
        for space in await client.spaces()
        if space.kind is not SpaceKind.PERSONAL
    ]
    found = [each for each in found if fits in each["value"].casefold()]
    if typed:
        folder = parent_of(typed) or HOME
        if folder.partition("/")[0] not in AREAS:
            folder = join(PROJECTS, folder)
        wanted = name_of(typed).casefold()
        try:
            listing = await client.children(folder)
        except MeshError:
            # What is being typed need not be there.
            listing = []
        found += [
            {"value": join(folder, child.name).removeprefix(PROJECTS + "/"), "kind": "folder"}
            for child in listing
            if child.is_directory and wanted in child.name.casefold()
        ]
    return found[:MOST]


def _first(value: Any) -> str:
    """A field as it is shown again."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return value[:1000] if isinstance(value, str) else ""
