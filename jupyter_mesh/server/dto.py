"""What browsers are told of sharing: the models as JSON, by lists of fields that are allowed out.

``openapi.yaml`` describes the same, and the tests hold every answer against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import MeshError
from jupyter_mesh.models import GranteeKind
from jupyter_mesh.paths import name_of
from jupyter_mesh.sharing.invitations import id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from jupyter_mesh.models import Grantee, Invitation, Link, ReceivedShare, Share, Site
    from jupyter_mesh.sharing.abilities import Abilities
    from jupyter_mesh.sharing.access import Access, AccessRow, Folder
    from jupyter_mesh.sharing.projects import Member, Project, Step

__all__ = ["Telling", "abilities_as_json", "time_as_json"]

Json = dict[str, Any]


def time_as_json(time: datetime | None) -> str | None:
    """ISO 8601 with its zone."""
    return None if time is None else time.isoformat()


def abilities_as_json(abilities: Abilities) -> Json:
    """By name, in the spelling of JavaScript."""
    return {
        _camel(name): {"can": ability.can, "why": ability.why}
        for name, ability in abilities.by_name().items()
    }


class Telling:
    """Words of sharing as this server tells them: with its API paths, and sites by the names people know.

    ``api_path`` raises MeshError for what the server does not show; ``titles`` are by domain.
    """

    def __init__(self, api_path: Callable[[str], str], titles: Mapping[str, str]) -> None:
        self._api_path = api_path
        self._titles = titles

    def path(self, mesh: str) -> str:
        """The API path; "" for none and for what this server does not show."""
        if not mesh:
            return ""
        try:
            return self._api_path(mesh)
        except MeshError:
            return ""

    def site_name(self, domain: str) -> Json | None:
        """A site by name; None for the own one."""
        if not domain:
            return None
        return {"domain": domain, "title": self._titles.get(domain) or domain}

    def person(self, who: Grantee) -> Json:
        """A person or a group."""
        is_contact = who.kind is GranteeKind.CONTACT
        return {
            "key": who.key,
            "kind": who.kind,
            "name": who.name,
            "username": who.username,
            "members": who.members,
            "site": self.site_name(who.idp) if is_contact else None,
        }

    def share(self, share: Share) -> Json:
        """A share, as the one who gave it sees it."""
        return {
            "id": share.id,
            "path": self.path(share.path),
            "name": share.name or name_of(share.path),
            "kind": share.kind,
            "with": self.person(share.grantee),
            "role": share.role,
            "expires": time_as_json(share.expires),
            "note": share.note,
            "created": time_as_json(share.created),
            "federated": share.is_federated,
        }

    def received(self, share: ReceivedShare) -> Json:
        """A share, as the one who got it sees it."""
        return {
            "id": share.id,
            "name": share.name,
            "kind": share.kind,
            "owner": self.person(share.owner),
            "sender": self.person(share.sender),
            "site": self.site_name(share.site),
            "role": share.role,
            "state": share.state,
            "hidden": share.is_hidden,
            "expires": time_as_json(share.expires),
            "created": time_as_json(share.created),
            "path": self.path(share.path),
        }

    def access(self, access: Access) -> Json:
        """Who has access to one thing."""
        return {
            "path": self.path(access.path),
            "name": access.name,
            "kind": access.kind,
            "id": str(access.id or ""),
            "me": {
                "role": access.role,
                "canShare": access.can_share,
                "whyNot": access.why_not,
            },
            "owner": None if access.owner is None else self.person(access.owner),
            "rows": [self._row(row) for row in access.rows],
            "links": [self.link(link, source) for link, source in access.links],
            "problems": list(access.problems),
        }

    def _row(self, row: AccessRow) -> Json:
        return {
            "share": row.share_id or None,
            "who": self.person(row.who),
            "role": row.role,
            "expires": time_as_json(row.expires),
            "note": row.note,
            "via": row.via,
            "from": self._folder(row.source),
            "canChange": row.can_change,
            "canRemove": row.can_remove,
        }

    def link(self, link: Link, source: Folder | None = None) -> Json:
        """A public link, with where it leads: it is made to be passed on."""
        return {
            "id": link.id,
            "name": link.name,
            "role": link.role,
            "url": link.url,
            "hasPassword": link.has_password,
            "expires": time_as_json(link.expires),
            "created": time_as_json(link.created),
            "path": self.path(link.path),
            "from": self._folder(source),
        }

    def _folder(self, folder: Folder | None) -> Json | None:
        if folder is None:
            return None
        return {"path": self.path(folder.path), "name": folder.name}

    def site(self, site: Site, *, own: Site) -> Json:
        """An institution; ``own`` is the one of the user."""
        return {
            "domain": site.domain,
            "title": site.name,
            "homepage": site.homepage,
            "lists": list(site.lists),
            "own": site.domain == own.domain,
        }

    def invitation(self, invitation: Invitation) -> Json:
        """An open invitation, without what it is accepted with."""
        return {
            "id": id_of(invitation),
            "note": invitation.note,
            "expires": time_as_json(invitation.expires),
            "ends": invitation.token[-4:],
        }

    def project(self, project: Project) -> Json:
        """A project with its members."""
        return {
            "id": project.id,
            "path": self.path(project.path),
            "name": project.name,
            "me": project.role,
            "members": [self._member(member) for member in project.members],
            "version": project.version,
            "drift": project.has_drifted,
        }

    def _member(self, member: Member) -> Json:
        return {
            "who": self.person(member.who),
            "role": member.role,
            "state": member.state,
            "message": member.message,
            "share": member.share_id or None,
            "expires": time_as_json(member.expires),
        }

    def step(self, step: Step) -> Json:
        """A step of a plan."""
        return {
            "action": step.action,
            "who": None if step.who is None else self.person(step.who),
            "role": step.role,
            "message": step.message,
        }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
