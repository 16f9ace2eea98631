"""What the start form and ``jupyter mesh place`` ask the hub: places to open, and where a server would run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import define_custom_scopes, needs_scope
from tornado.web import HTTPError

from jupyter_mesh.errors import MeshError
from jupyter_mesh_spawner.defaults import TOKEN_SCOPE, TOKEN_SCOPES
from jupyter_mesh_spawner.form import places
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from jupyter_mesh_spawner.options import PREFIX, read_form
from jupyter_mesh_spawner.placing import look_up, mesh_of, offers

if TYPE_CHECKING:
    from jupyter_mesh.placement import Whereabouts

__all__ = ["MeshPlacementsHandler", "MeshPlacesHandler"]

# needs_scope looks the scope up when it decorates.
define_custom_scopes(TOKEN_SCOPES)

LONGEST = 1000


class _OfUser(APIHandler):
    """Answers about the files of one user: to the user, to whoever may start the user's servers, and to those."""

    # JupyterHub 6.1.1 reads this also where nothing has set it.
    _token_authenticated = False

    def spawner_of(self, user_name: str) -> MeshSpawnerMixin:
        """The default spawner of a user; 404 where there is none of ours."""
        user = self.find_user(user_name)
        spawner = user.spawner if user is not None else None
        if not isinstance(spawner, MeshSpawnerMixin):
            raise HTTPError(404)
        return spawner

    def field(self, name: str) -> str:
        """One argument of the query, as far as it is looked at."""
        text: str = self.get_query_argument(name, "")
        return text[:LONGEST]


class MeshPlacesHandler(_OfUser):
    """``GET /hub/api/mesh/users/{name}/places?q=``: ``{"places": [{"value", "kind"}]}``."""

    @needs_scope("servers", TOKEN_SCOPE)  # type: ignore[untyped-decorator]  # JupyterHub has no types
    async def get(self, user_name: str) -> None:
        """What fits the text that is being typed, with the token of the user."""
        spawner = self.spawner_of(user_name)
        try:
            async with mesh_of(spawner) as client:
                found = await places(client, self.field("q"))
        except MeshError as error:
            raise HTTPError(error.status, str(error)) from error
        self.finish({"places": found})


class MeshPlacementsHandler(_OfUser):
    """``GET /hub/api/mesh/users/{name}/placements``: where a server would run, the best place first.

    Asked with the fields of the start form, without their prefix: ``resource=``, or ``what=`` with ``project=`` or
    ``link=``. ``{"resource", "name", "placements": [{"name", "title", "has", "reason", "near"}], "problem"}``; problem
    says why what was named made no difference.
    """

    @needs_scope("servers", TOKEN_SCOPE)  # type: ignore[untyped-decorator]  # JupyterHub has no types
    async def get(self, user_name: str) -> None:
        """The decision, before it is made."""
        spawner = self.spawner_of(user_name)
        fields: dict[str, Any] = {
            PREFIX + name: self.field(name) for name in ("what", "project", "link", "resource")
        }
        where: Whereabouts | None = None
        resource = problem = ""
        try:
            chosen = read_form(fields, spawner.mesh_site, spawner.user.name)
            resource = chosen.get(PREFIX + "resource", "")
            where = await look_up(spawner, resource)
        except MeshError as error:
            problem = str(error)
        self.finish(
            {
                "resource": resource,
                "name": where.name if where else "",
                "placements": [offer.to_json() for offer in offers(spawner, where)],
                "problem": problem,
            }
        )
