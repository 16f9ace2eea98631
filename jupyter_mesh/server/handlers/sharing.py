"""``<base>/api/mesh/sharing``: what the site can do for sharing; and what all addresses of sharing have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import ShareConflict
from jupyter_mesh.server.dto import abilities_as_json
from jupyter_mesh.server.form import Form
from jupyter_mesh.server.handlers.base import MeshHandler
from jupyter_mesh.server.parts import Part, part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jupyter_mesh.models import Grantee
    from jupyter_mesh.server.dto import Telling
    from jupyter_mesh.server.sharing import LiveSharing
    from jupyter_mesh.sharing import Sharing

__all__ = ["AbilitiesHandler", "SharingHandler"]

T = TypeVar("T")

LONGEST = 256
"""Letters of a search."""

JUST_NOW = 2.0
"""Seconds for which a list is told again: panels that open together ask the site once."""

PARTS_LAST = 60.0
"""The same for the parts of a list after the first one."""


class SharingHandler(MeshHandler):
    """Base of the handlers that share: one façade, one way to read a request and to tell a list."""

    async def prepare(self) -> None:  # type: ignore[override]  # as the base class does
        """Whatever is logged of this request, the names that are looked for are not."""
        self.request.uri = self.request.path
        await super().prepare()

    @property
    def live(self) -> LiveSharing:
        """Sharing of this server; raises InvalidRequest without a site."""
        return self.mesh.live_sharing

    @property
    def sharing(self) -> Sharing:
        """The façade, by which everything is done."""
        return self.live.sharing

    async def telling(self, people: Iterable[Grantee] = ()) -> Telling:
        """What turns models into JSON, with the names of the sites of these people."""
        return await self.live.telling(people)

    def form(self, *names: str) -> Form:
        """What was sent, with the fields it may hold."""
        return Form(self.request.body, *names)

    def nothing(self) -> None:
        """Refuse a body that says anything: the address says all."""
        if self.request.body:
            self.form()

    def query(self, name: str, default: str = "") -> str:
        """A part of the query, as it was sent."""
        return self.get_query_argument(name, default, strip=False)

    def search_text(self) -> str:
        """What is looked for: no name is longer than what is left of it."""
        return self.query("q")[:LONGEST].strip()

    def mesh_path(self, path: str) -> str:
        """The mesh path of an API path; raises NotFound for one that is not of the mesh."""
        return self.mesh.files.mesh_path(path)

    def part_of(self, items: Sequence[T], id_of: Callable[[T], str]) -> Part[T]:
        """The part of a list that ``?limit=&cursor=`` asks for."""
        return part_of(items, self.query("limit"), self.query("cursor"), id_of)

    @property
    def age(self) -> float:
        """Seconds that the list may be old of which a part is asked for."""
        return PARTS_LAST if self.query("cursor") else JUST_NOW

    def tell_part(self, part: Part[T], told: list[dict[str, Any]]) -> None:
        """Answer with a part of a list, whose items are ``told``."""
        self.finish({"items": told, "next": part.next, "total": part.total})

    def done(self) -> None:
        """Answer that it was done, without more to say."""
        self.set_status(204)
        self.finish()

    def details(self, error: BaseException | None) -> dict[str, Any]:
        """A conflict of shares says what is in the way."""
        if not isinstance(error, ShareConflict):
            return {}
        return {"conflict": {"paths": list(error.paths), "canForce": error.can_force}}


class AbilitiesHandler(SharingHandler):
    """What can be done."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """By name, whether the site can do it, and one sentence where it cannot."""
        self.finish(abilities_as_json(await self.sharing.abilities()))
