"""What is written down of a project: who its members are.

Twice, as JSON. ``home/.mesh/projects/<id>.json`` in the home of the owner is what counts: nobody else can write
it. ``.mesh/project.json`` in the folder is a copy for the members, who may be able to change it: nobody is given
access because of what stands there, and whatever it holds is checked before it is shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.models import Grantee, GranteeKind, ResourceId, Role
from jupyter_mesh.paths import join, normalise

__all__ = ["COPY", "LARGEST", "RECORDS", "Listed", "Manifest", "record_of"]

COPY = ".mesh/project.json"
"""Where the copy for members is, in the folder."""

RECORDS = "home/.mesh/projects"
"""Where the owner's records are."""

LARGEST = 256 << 10
MEMBERS_AT_MOST = 1000
LONGEST = 200
VERSION = 1

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROLES = (Role.VIEWER, Role.EDITOR, Role.UPLOADER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Somebody in the list of members."""

    who: Grantee
    role: Role
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A project as it is written down."""

    id: str
    name: str
    owner: Grantee
    site: str
    """Domain of the owner's site: members are named as people there name them."""
    members: tuple[Listed, ...] = ()
    path: str = ""
    """Mesh path of the folder for its owner; "" in the copy."""
    resource: ResourceId | None = None
    """Id of the folder; None in the copy."""
    leaving: tuple[Grantee, ...] = ()
    """Who is no member any more, and may still have a share: kept until it is gone."""

    @property
    def version(self) -> str:
        """The same for the same members, whatever is still to be done for them."""
        members = sorted(
            f"{one.who.key} {one.role} {one.expires.timestamp() if one.expires else ''}"
            for one in self.members
        )
        return blake2b("\n".join(members).encode(), digest_size=8).hexdigest()

    def copy(self) -> Manifest:
        """The same for the members: without what is the owner's own."""
        return replace(self, path="", resource=None, leaving=())

    def to_json(self) -> bytes:
        """As it is written."""
        told: dict[str, Any] = {
            "version": VERSION,
            "id": self.id,
            "name": self.name,
            "site": self.site,
            "owner": _person_to(self.owner),
            "members": [
                _person_to(member.who)
                | {"role": str(member.role)}
                | ({"expires": member.expires.isoformat()} if member.expires else {})
                for member in self.members
            ],
        }
        if self.path:
            told["path"] = self.path
        if self.resource is not None:
            told["resource"] = str(self.resource)
        if self.leaving:
            told["leaving"] = [_person_to(who) for who in self.leaving]
        return json.dumps(told, indent=2, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read what somebody may have written by hand, or with bad intent; raises InvalidRequest."""
        try:
            told = _told(content)
            return cls(
                id=told["id"],
                name=_text(told["name"]),
                owner=_person_of(told["owner"]),
                site=_text(told["site"]),
                members=tuple(map(_listed_of, told["members"])),
                path=normalise(str(told.get("path", ""))),
                resource=ResourceId.parse(told["resource"]) if "resource" in told else None,
                leaving=tuple(map(_person_of, told.get("leaving", ()))),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidRequest("The list of members of this project cannot be read.") from error

    def seen_from(self, site: str) -> Manifest:
        """The copy as people at another site name its people."""
        if site == self.site:
            return self
        return replace(
            self,
            owner=_seen(self.owner, self.site, site),
            members=tuple(
                replace(member, who=_seen(member.who, self.site, site)) for member in self.members
            ),
        )


def record_of(project: str) -> str:
    """Where the owner's record of a project is."""
    if not _ID.fullmatch(project):
        raise InvalidRequest("There is no such project.")
    return join(RECORDS, f"{project}.json")


def _told(content: bytes) -> Any:
    """The JSON of a project of bearable size; raises ValueError, KeyError or TypeError for any other."""
    if len(content) > LARGEST:
        raise ValueError("too large")
    told = json.loads(content)
    if told["version"] != VERSION or not _ID.fullmatch(told["id"]):
        raise ValueError("not a project")
    if max(len(told["members"]), len(told.get("leaving", ()))) > MEMBERS_AT_MOST:
        raise ValueError("too many members")
    return told


def _seen(who: Grantee, there: str, here: str) -> Grantee:
    if who.kind is GranteeKind.USER:
        return replace(who, kind=GranteeKind.CONTACT, idp=there)
    if who.kind is GranteeKind.CONTACT and who.idp == here:
        return replace(who, kind=GranteeKind.USER)
    return who


def _person_to(who: Grantee) -> dict[str, str]:
    return {"key": who.key, "name": who.name, "username": who.username}


def _person_of(told: Any) -> Grantee:
    return replace(
        Grantee.parse(told["key"][:2000]),
        name=_text(told.get("name", "")),
        username=_text(told.get("username", "")),
    )


def _listed_of(told: Any) -> Listed:
    role = Role(told["role"])
    if role not in _ROLES:
        raise ValueError("not a role of members")
    expires = None
    if "expires" in told:
        expires = datetime.fromisoformat(told["expires"]).astimezone(UTC)
    return Listed(who=_person_of(told), role=role, expires=expires)


def _text(told: Any) -> str:
    """A text of others, on one line, that is not too long to be shown."""
    if not isinstance(told, str):
        raise TypeError("not a text")
    return "".join(char for char in told if char.isprintable())[:LONGEST]
