"""``GET <base>/api/mesh/people``: whom one can share with, by a part of the name."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.sharing import SharingHandler

__all__ = ["PeopleHandler"]


class PeopleHandler(SharingHandler):
    """A search; there is no list of everybody."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """People, groups and contacts for ``?q=``, best first; none for less than three letters.

        A source that failed is told in ``problems``.
        """
        found = await self.sharing.search(self.search_text())
        telling = await self.telling(found.people)
        self.finish(
            {
                "items": [telling.person(who) for who in found.people],
                "problems": list(found.problems),
            }
        )
