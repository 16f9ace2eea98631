"""``/hub/mesh/open``: a link to a file or folder, followed to the user's server, which is started if need be.

A link starts nothing by itself: while no server runs, there is a page that says what would be opened, with a button.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyterhub.handlers.base import UserRedirectHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web
from tornado.httputil import url_concat

from jupyter_mesh.errors import InvalidRequest, MeshError, NotAllowed, NotFound
from jupyter_mesh.links import Link
from jupyter_mesh_spawner import form
from jupyter_mesh_spawner.api import MeshPlacementsHandler, MeshPlacesHandler
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin
from jupyter_mesh_spawner.placing import look_up

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from jupyter_mesh.placement import Whereabouts

__all__ = ["HANDLERS", "MeshOpenHandler", "MeshTreeHandler"]

PATIENCE = 4.0
"""Seconds that the page waits for the site to tell what the link leads to."""


class MeshOpenHandler(UserRedirectHandler):
    """Both addresses of our links: ``/hub/mesh/open`` and ``/hub/user-redirect/mesh/open``."""

    # JupyterHub 6.1.1 reads this also where nothing has set it.
    _token_authenticated = False

    @web.authenticated
    async def get(self, suffix: str | None = None) -> None:
        """To the server where one runs; else the page that asks. A login on the way keeps the link."""
        user = self.current_user
        try:
            link = Link.asked(self.request.query, suffix or "", user.name)
        except InvalidRequest as error:
            await self._explain(400, "This is not a link of the mesh", str(error))
            return
        await self._follow(link)

    async def _follow(self, link: Link) -> None:
        user, name = self.current_user, self.app.default_server_name or ""
        spawner = user.get_or_create_spawner(name) if name else user.spawner
        page = url_path_join(user.server_url(name), "mesh/open")
        landing = f"{page}?{link.query()}"
        start = url_path_join(
            self.hub.base_url, "spawn", user.escaped_name, url_escape_path(name)
        ).rstrip("/")
        if spawner.ready or not isinstance(spawner, MeshSpawnerMixin):
            # Nothing is started, and opening changes nothing.
            self.redirect(landing if spawner.ready else url_concat(start, {"next": landing}))
            return
        if spawner.active:
            waiting = url_path_join(
                self.hub.base_url, "spawn-pending", user.escaped_name, url_escape_path(name)
            )
            self.redirect(url_concat(waiting, {"next": landing}))
            return
        await self._ask(link, spawner, start, landing)

    async def _ask(self, link: Link, spawner: Any, start: str, landing: str) -> None:
        """The page that says what is opened, and starts the server when it is told to."""
        where: Whereabouts | None = None
        doubt = ""
        try:
            url = link.to_url(spawner.mesh_site)
            where = await look_up(spawner, url, PATIENCE)
        except InvalidRequest as error:
            await self._explain(400, "This is not a link of the mesh", str(error))
            return
        except (NotFound, NotAllowed):
            named = f'"{link.name}"' if link.name else "what this link leads to"
            await self._explain(
                404,
                f"You have no access to {named}",
                "It may have been deleted, or nobody has shared it with you. "
                "Whoever sent you this link may know who can allow it.",
            )
            return
        except MeshError as error:
            self.log.warning("A link of %s cannot be looked up: %s", self.current_user.name, error)
            doubt = (
                f"{spawner.mesh_site_title} does not answer now. Your server may start without it."
            )
        spawner.handler = self
        await self._page(
            200,
            opens=where.name if where else link.name,
            owner=where.owner if where else "",
            site=where.site if where else "",
            doubt=doubt,
            title="",
            action=url_concat(start, {"next": landing, "_xsrf": self.xsrf_token.decode("ascii")}),
            form=await spawner.mesh_link_form(url),
        )

    async def _explain(self, status: int, title: str, text: str) -> None:
        await self._page(status, title=title, doubt=text)

    async def _page(self, status: int, **values: Any) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(await self.render_template("mesh-open.html", **values))

    def get_template(self, name: str, sync: bool = False) -> Any:
        """Ours is in this package, whatever the operator's template_paths are; it extends the hub's page."""
        if name == "mesh-open.html":
            return self.settings["jinja2_env"].from_string(form.template("open.html"))
        return super().get_template(name, sync)


class MeshTreeHandler(MeshOpenHandler):
    """``/hub/user-redirect/lab/tree/<path>``: the web app of oCIS and OpenCloud adds ``fileId``, others do not."""

    @web.authenticated
    async def get(self, suffix: str | None = None) -> None:
        """As a link of ours where there is an id; as ever where there is none."""
        if "fileId=" in self.request.query:
            await MeshOpenHandler.get(self, suffix)  # type: ignore[misc]  # web.authenticated loses the type
        else:
            await UserRedirectHandler.get(self, f"lab/tree/{suffix or ''}")


HANDLERS: list[tuple[str, type[RequestHandler]]] = [
    (r"/mesh/open(?:/(.*))?", MeshOpenHandler),
    (r"/user-redirect/mesh/open(?:/(.*))?", MeshOpenHandler),
    (r"/user-redirect/lab/tree/(.*)", MeshTreeHandler),
    (r"/api/mesh/users/([^/]+)/places", MeshPlacesHandler),
    (r"/api/mesh/users/([^/]+)/placements", MeshPlacementsHandler),
]
"""What an authenticator of ours adds to the hub, below ``/hub``."""
