"""``<base>/mesh/open``: a link to a file or folder of the mesh, for mails and other pages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, NotAllowed, NotFound
from jupyter_mesh.models import ResourceId, ShareState
from jupyter_mesh.paths import HOME, is_within, join, name_of, normalise
from jupyter_mesh.server.handlers.pages import PageHandler
from jupyter_mesh.sharing.finding import find

if TYPE_CHECKING:
    from jupyter_mesh.models import ReceivedShare

__all__ = ["OpenHandler"]

LONGEST = 1024


class OpenHandler(PageHandler):
    """Leads to JupyterLab, which opens the place in the Mesh panel. Changes nothing."""

    @web.authenticated
    @authorized
    async def get(self, suffix: str | None = None) -> None:
        """Redirect to ``/lab?mesh=<path>``, never to another host.

        ``?resource=`` (or ``fileId=``) names what is opened by its id, wherever this user has it; ``path``, here or
        at the end of the address, is where it may be then, and what is opened where there is no id. What cannot be
        opened is explained: 400 for what is no link, 404 for what is not there or not for this user.
        """
        id = self._argument("resource") or self._argument("fileId")
        path = self._argument("path") or suffix or ""
        try:
            place = await self._find(id, path) if id else self._place(path)
        except InvalidRequest as error:
            self.explain(400, "This is not a link of the mesh", str(error))
        except (NotFound, NotAllowed):
            await self._explain_absence(id, name_of(path.rstrip("/")))
        except LoginEnded as error:
            self.explain(error.status, "Your login at the site has ended", str(error))
        except MeshError as error:
            self.explain(error.status, "This cannot be opened now", str(error))
        else:
            self.redirect(self.lab(f"mesh={quote(place, safe='/')}"))

    def _argument(self, name: str) -> str:
        return self.get_query_argument(name, "", strip=False)[:LONGEST]

    def _place(self, path: str) -> str:
        """The API path of a link without an id."""
        root = self.mesh.root
        path = normalise(path or root)
        if not is_within(path, root):
            raise InvalidRequest(f'A link of the mesh begins with "{root}/".')
        return path

    async def _find(self, id: str, path: str) -> str:
        """The API path of a link with an id."""
        files = self.mesh.files
        hints = []
        if path:
            # Other programs name a path in the home.
            candidates = (path, join(files.prefix, HOME, path))
            for candidate in candidates:
                try:
                    hints.append(files.mesh_path(candidate))
                except MeshError:
                    continue
        return files.api_path(await find(files.client, parsed(id), hints))

    async def _explain_absence(self, id: str, name: str) -> None:
        """Say what is known: somebody may have shared it, and it waits, or has ended."""
        what = f'"{name}"' if name else "it"
        share = await self._share_of(id)
        if share is not None and share.state in (ShareState.PENDING, ShareState.DECLINED):
            who = share.sender.name or share.owner.name or "Somebody"
            self.explain(
                404,
                f'{who} wants to share "{share.name}" with you',
                "Accept it first: you find it in the Mesh panel of JupyterLab, under Shared. Then open this link again.",
            )
            return
        lines = ["It may have been deleted, or nobody has shared it with you."]
        who = ""
        if share is not None and (who := share.owner.name):
            lines = [f"{who} has stopped sharing it, or has deleted it."]
        self.explain(
            404,
            f"You have no access to {what}"
            if name
            else "You have no access to what this link leads to",
            *lines,
            f"{who} can allow it."
            if who
            else "Whoever sent you this link may know who can allow it.",
            ask=await self._asking(who, what),
        )

    async def _share_of(self, id: str) -> ReceivedShare | None:
        """What somebody shares with the user that has this id, accepted or not."""
        try:
            wanted = parsed(id)
            received = await self.mesh.live_sharing.sharing.received()
        except MeshError:
            return None
        return next((share for share in received if share.resource == wanted), None)

    async def _asking(self, who: str, what: str) -> str:
        """A text for whoever can allow it."""
        user = (await self.mesh.watch.status()).user
        me = f"{user.display_name} ({user.username})" if user else ""
        return (
            f"Hello{' ' + who if who else ''},\n\n"
            f"I was sent a link to {what} and cannot open it. Could you share it with me? "
            f"I am {me}, {self.mesh.site['title']}.\n\n{self._link()}"
        )

    def _link(self) -> str:
        """This link as everybody can follow it: under a hub, each on his own server."""
        hub = os.environ.get("JUPYTERHUB_BASE_URL")
        base = self.base_url if hub is None else url_path_join(hub, "hub/user-redirect")
        host = os.environ.get("JUPYTERHUB_HOST") or f"{self.request.protocol}://{self.request.host}"
        query = urlencode(
            {
                name: text
                for name in ("resource", "fileId", "path")
                if (text := self._argument(name))
            }
        )
        return f"{host}{url_path_join(base, 'mesh/open')}?{query}"


def parsed(id: str) -> ResourceId:
    """A resource id as it stands in a link, also one that was encoded twice; raises InvalidRequest."""
    for text in (id, unquote(id)):
        try:
            return ResourceId.parse(text)
        except ValueError:
            continue
    raise InvalidRequest("Its id is none. Ask for the link again.")
