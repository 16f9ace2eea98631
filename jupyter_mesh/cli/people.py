"""People, groups and contacts as they are named and shown on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.facts import time_fact
from jupyter_mesh.cli.terminal import shown, time_text
from jupyter_mesh.errors import InvalidRequest, MeshError, NotFound, Unavailable
from jupyter_mesh.models import Grantee, GranteeKind, Role
from jupyter_mesh.paths import to_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.models import Share
    from jupyter_mesh.sharing import Sharing

__all__ = [
    "ROLE",
    "UNTIL",
    "find_people",
    "name_of_person",
    "person_facts",
    "role_text",
    "share_facts",
    "share_line",
    "sharing",
    "until_text",
]

AMONG = 5
"""How many of those that fit a name are told."""

ROLES = {
    Role.VIEWER: "can view",
    Role.EDITOR: "can edit",
    Role.UPLOADER: "can upload",
    Role.OWNER: "owner",
    Role.CUSTOM: "other rights",
}

ROLE = click.option(
    "--role",
    type=click.Choice(["viewer", "editor", "uploader"]),
    default="viewer",
    show_default=True,
    help="What they may do; an uploader puts files in and sees none.",
)


class Moment(click.ParamType[datetime]):
    """A day ("2027-03-31": to its end), a time ("2027-03-31 14:00"), or a span from now ("12h", "30d", "6w")."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment in UTC; it lies ahead."""
        if isinstance(value, datetime):
            return value
        span = re.fullmatch(r"(\d{1,4})([hdw])", value)
        try:
            if span:
                unit = {"h": "hours", "d": "days", "w": "weeks"}[span[2]]
                moment = datetime.now(UTC) + timedelta(**{unit: int(span[1])})
            else:
                moment = datetime.fromisoformat(value)
                if re.fullmatch(r"[\d-]+", value):
                    moment = moment.replace(hour=23, minute=59, second=59)
                moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f'"{value}" is no time: write 2027-03-31, "2027-03-31 14:00" or 30d.')
        if moment <= datetime.now(UTC):
            self.fail(f'"{value}" is over.')
        return moment


UNTIL = click.option(
    "--until", type=Moment(), metavar="WHEN", help="When it ends: 2027-03-31, 30d."
)


async def sharing(session: Session, site: str = "") -> Sharing:
    """Sharing at a site. What code has written in a mount here is uploaded before it is shared."""
    from jupyter_mesh.mount.client import find_mount
    from jupyter_mesh.sharing import Sharing

    async def flush(path: str) -> None:
        mounted = await find_mount()
        if mounted is None:
            return
        try:
            left = await mounted.flush(path)
        except MeshError as error:
            raise Unavailable(
                f"What you wrote in {mounted.dir} may not be at the site yet: {error}"
            ) from error
        if left:
            raise Unavailable(f"{left[0]} is not uploaded yet. Try again in a moment.")

    return Sharing(await session.client(site), flush=flush)


async def find_people(mesh: Sharing, texts: Sequence[str]) -> list[Grantee]:
    """Who is meant by each of the texts; raises NotFound for nobody, InvalidRequest for one that several fit."""
    return [await _find(mesh, text) for text in texts]


async def _find(mesh: Sharing, text: str) -> Grantee:
    try:
        return await mesh.client.user(Grantee.parse(text))
    except ValueError:
        pass
    kind, colon, name = text.partition(":")
    kinds = {"group": [GranteeKind.GROUP], "user": [GranteeKind.USER, GranteeKind.CONTACT]}
    wanted = kinds.get(kind) if colon else None
    name = name if wanted else text
    found = await mesh.search(name)
    fitting = [person for person in found.people if wanted is None or person.kind in wanted]
    exact = [person for person in fitting if name.casefold() in _names(person)]
    if len(exact) == 1:
        return exact[0]
    if not fitting:
        why = f" {found.problems[0]}" if found.problems else ""
        raise NotFound(
            f'Nobody is called "{text}" here. Write at least three letters of a name; people at other '
            f"institutions have to be invited first: jupyter mesh invite.{why}"
        )
    several = "; ".join(f"{name_of_person(one)} = {one.key}" for one in (exact or fitting)[:AMONG])
    raise InvalidRequest(f'"{text}" is not the name of exactly one. Say which: {several}')


def _names(person: Grantee) -> set[str]:
    names = {person.name, person.username, person.id, f"{person.id}@{person.idp}"}
    if person.username and person.idp:
        names.add(f"{person.username}@{person.idp}")
    return {name.casefold() for name in names if name}


def name_of_person(person: Grantee) -> str:
    """Somebody for people: the name first, then where from."""
    name = person.name or person.username or person.id
    if person.kind is GranteeKind.CONTACT:
        return f"{name} ({person.idp})"
    if person.kind is GranteeKind.GROUP:
        return f"{name} (group)"
    return name


def role_text(role: Role) -> str:
    """What a role allows, in words."""
    return ROLES[role]


def until_text(moment: datetime | None) -> str:
    """When something ends, as the end of a line; "" for never."""
    return "" if moment is None else f", until {time_text(moment)}"


def person_facts(person: Grantee) -> dict[str, Any]:
    """Somebody as JSON."""
    return {
        "key": person.key,
        "kind": str(person.kind),
        "name": person.name,
        "username": person.username or None,
        "site": person.idp if person.kind is GranteeKind.CONTACT else None,
        "members": person.members,
    }


def share_facts(share: Share, site: str) -> dict[str, Any]:
    """A share as JSON."""
    return {
        "id": share.id,
        "path": share.path or None,
        "url": to_url(site, share.path) if share.path else None,
        "name": share.name,
        "with": person_facts(share.grantee),
        "role": str(share.role),
        "expires": time_fact(share.expires) if share.expires else None,
        "note": share.note,
    }


def share_line(share: Share) -> str:
    """A share as one line: its id, what, with whom, how and until when."""
    what = share.path or share.name or "something that is gone"
    who = name_of_person(share.grantee)
    how = role_text(share.role) + until_text(share.expires)
    return shown(f"{share.id}  {what}  {who}  {how}")
