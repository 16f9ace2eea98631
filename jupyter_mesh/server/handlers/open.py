"""``<base>/mesh/open``: a link to a file or folder of the mesh, for mails and other pages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, NotAllowed, NotFound
from jupyter_mesh.links import Link
from jupyter_mesh.models import ShareState
from jupyter_mesh.paths import HOME, from_url, is_within, join, normalise
from jupyter_mesh.server.handlers.pages import PageHandler
from jupyter_mesh.sharing.finding import find

if TYPE_CHECKING:
    from jupyter_mesh.models import ReceivedShare, ResourceId

__all__ = ["OpenHandler"]


class OpenHandler(PageHandler):
    """Leads to JupyterLab, which opens the place in the Mesh panel. Changes nothing."""

    @web.authenticated
    @authorized
    async def get(self, suffix: str | None = None) -> None:
        """Redirect to ``/lab?mesh=<path>``, never to another host.

        ``?resource=`` (or ``fileId=``) names what is opened by its id or ``cs3://`` URL, wherever this user has it;
        ``path``, here or at the end of the address, is where it may be then, and what is opened where there is no
        id. ``projurl=`` is a link of another program. What cannot be opened is explained: 400 for what is no link,
        404 for what is not there or not for this user.
        """
        link = Link()
        try:
            me = os.environ.get("JUPYTERHUB_USER", "")
            link = Link.asked(self.request.query, suffix or "", me)
            place = await self._find(link.id, link) if link.id else self._place(link)
        except InvalidRequest as error:
            self.explain(400, "This is not a link of the mesh", str(error))
        except (NotFound, NotAllowed):
            await self._explain_absence(link)
        except LoginEnded as error:
            self.explain(error.status, "Your login at the site has ended", str(error))
        except MeshError as error:
            self.explain(error.status, "This cannot be opened now", str(error))
        else:
            self.redirect(self.lab(f"mesh={quote(place, safe='/')}"))

    def _place(self, link: Link) -> str:
        """The API path of a link without an id."""
        if link.site:
            _, path = from_url(link.to_url(self.mesh.files.client.site))
            return self.mesh.files.api_path(path)
        root = self.mesh.root
        path = normalise(link.path or root)
        if not is_within(path, root):
            raise InvalidRequest(f'A link of the mesh begins with "{root}/".')
        return path

    async def _find(self, id: ResourceId, link: Link) -> str:
        """The API path of a link with an id."""
        files = self.mesh.files
        # A link of another site is told as what it is.
        link.to_url(files.client.site)
        hints = []
        if link.path:
            # Other programs name a path in the home.
            for candidate in (link.path, join(files.prefix, HOME, link.path)):
                try:
                    hints.append(files.mesh_path(candidate))
                except MeshError:
                    continue
        return files.api_path(await find(files.client, id, hints))

    async def _explain_absence(self, link: Link) -> None:
        """Say what is known: somebody may have shared it, and it waits, or has ended."""
        name = link.name
        what = f'"{name}"' if name else "it"
        share = await self._share_of(link.id)
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
            ask=await self._asking(who, what, link),
        )

    async def _share_of(self, id: ResourceId | None) -> ReceivedShare | None:
        """What somebody shares with the user that has this id, accepted or not."""
        if id is None:
            return None
        try:
            received = await self.mesh.live_sharing.sharing.received()
        except MeshError:
            return None
        return next((share for share in received if share.resource == id), None)

    async def _asking(self, who: str, what: str, link: Link) -> str:
        """A text for whoever can allow it."""
        user = (await self.mesh.watch.status()).user
        me = f"{user.display_name} ({user.username})" if user else ""
        return (
            f"Hello{' ' + who if who else ''},\n\n"
            f"I was sent a link to {what} and cannot open it. Could you share it with me? "
            f"I am {me}, {self.mesh.site['title']}.\n\n{self._link(link)}"
        )

    def _link(self, link: Link) -> str:
        """This link as everybody can follow it: under a hub, each on his own server."""
        hub = os.environ.get("JUPYTERHUB_BASE_URL")
        base = self.base_url if hub is None else url_path_join(hub, "hub/user-redirect")
        host = os.environ.get("JUPYTERHUB_HOST") or f"{self.request.protocol}://{self.request.host}"
        return f"{host}{url_path_join(base, 'mesh/open')}?{link.query()}"
