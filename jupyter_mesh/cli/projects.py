"""``jupyter mesh project``: folders in which people at several institutions work together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.people import (
    ROLE,
    UNTIL,
    find_people,
    name_of_person,
    person_facts,
    role_text,
    sharing,
)
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import (
    AS_JSON,
    YES,
    ask,
    can_ask,
    escaped,
    must_mean_it,
    print_json,
    print_lines,
    shown,
)
from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.models import Role

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.sharing import Sharing
    from jupyter_mesh.sharing.projects import Plan, Project

SITE = click.option("--site", default="", metavar="SITE", help="At SITE; else at the default one.")
NAME = click.argument("name", metavar="PROJECT")
PEOPLE = click.argument("people", metavar="WHO...", nargs=-1, required=True)


@click.group
def project() -> None:
    """Make and care for projects: folders whose members are at several institutions."""


@project.command("list")
@SITE
@AS_JSON
def list_projects(site: str, as_json: bool) -> int:
    """List the projects that you own or are a member of.

    With --json: an array of {"id", "name", "path", "role", "drift", "members"}.

    \b
    Examples:
      jupyter mesh project list
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        found = await mesh.projects.list()
        if as_json:
            print_json([_facts(one) for one in found])
        else:
            print_lines(
                shown(f"{one.path}  {one.name}  {role_text(one.role)}  {len(one.members)} members")
                for one in found
            )

    return run("project", work)


@project.command
@NAME
@SITE
@AS_JSON
def members(name: str, site: str, as_json: bool) -> int:
    """List the members of a project and how each of them is.

    \b
    With --json: the project, with the keys of "project list --json"; members have these keys.
      who role state("active", "pending", "missing", "failed", "leaving", "left") message

    \b
    Examples:
      jupyter mesh project members survey
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        _tell(await _find(mesh, name), as_json)

    return run("project", work)


@project.command
@click.argument("name", metavar="NAME")
@PEOPLE
@ROLE
@UNTIL
@SITE
@YES
@AS_JSON
def create(
    name: str,
    people: tuple[str, ...],
    role: str,
    until: datetime | None,
    site: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Make a project with members. On a terminal, what will be done is shown and asked for first.

    With --json: the project, with the keys of "project members --json".

    \b
    Examples:
      jupyter mesh project create survey marie 'Jan Novak' --role editor
    """

    async def work(session: Session) -> None:
        from jupyter_mesh.sharing.projects import Wanted

        mesh = await sharing(session, site)
        wanted = [
            Wanted(who=who, role=Role(role), expires=until)
            for who in await find_people(mesh, people)
        ]
        _agree(await mesh.projects.plan(name, wanted), yes)
        _tell(await mesh.projects.create(name, wanted), as_json)

    return run("project", work)


@project.command
@NAME
@PEOPLE
@ROLE
@UNTIL
@SITE
@YES
@AS_JSON
def add(
    name: str,
    people: tuple[str, ...],
    role: str,
    until: datetime | None,
    site: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Add members to a project, or give those that it has another role.

    With --json: the project, with the keys of "project members --json".

    \b
    Examples:
      jupyter mesh project add survey 'Jan Novak' --role editor
    """
    return _change(name, people, Role(role), until, site, yes, as_json)


@project.command
@NAME
@PEOPLE
@SITE
@YES
@AS_JSON
def remove(name: str, people: tuple[str, ...], site: str, yes: bool, as_json: bool) -> int:
    """Remove members from a project. Copies that they have taken stay with them.

    With --json: the project, with the keys of "project members --json".

    \b
    Examples:
      jupyter mesh project remove survey 'Jan Novak'
    """
    return _change(name, people, None, None, site, yes, as_json)


def _change(
    name: str,
    people: tuple[str, ...],
    role: Role | None,
    until: datetime | None,
    site: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Give members a role, or remove them where it is None."""

    async def work(session: Session) -> None:
        from jupyter_mesh.sharing.projects import MemberState, Wanted

        mesh = await sharing(session, site)
        found = await _find(mesh, name)
        chosen = await find_people(mesh, people)
        keys = {who.key for who in chosen}
        wanted = [
            Wanted(who=member.who, role=member.role, expires=member.expires)
            for member in found.members
            if member.who.key not in keys
            and member.state not in (MemberState.LEAVING, MemberState.LEFT)
        ]
        if role is not None:
            wanted += [Wanted(who=who, role=role, expires=until) for who in chosen]
        elif missing := keys - {member.who.key for member in found.members}:
            raise NotFound(f'{missing.pop()} is no member of "{found.name}".')
        _agree(await mesh.projects.plan(found.name, wanted, path=found.path), yes)
        _tell(await mesh.projects.change(found.id, wanted, version=found.version), as_json)

    return run("project", work)


@project.command
@NAME
@SITE
@AS_JSON
def repair(name: str, site: str, as_json: bool) -> int:
    """Make the shares of a project agree with its list of members again, after a site was away for example.

    With --json: the project, with the keys of "project members --json".

    \b
    Examples:
      jupyter mesh project repair survey
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        _tell(await mesh.projects.repair((await _find(mesh, name)).id), as_json)

    return run("project", work)


@project.command
@NAME
@SITE
@YES
def leave(name: str, site: str, yes: bool) -> int:
    """Leave a project of somebody else. Its files stay as they are, out of your sight.

    \b
    Examples:
      jupyter mesh project leave their-survey
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        found = await _find(mesh, name)
        ask(f'Leave "{found.name}"?', yes=yes)
        await mesh.projects.leave(found.id)

    return run("project", work)


@project.command
@NAME
@SITE
@YES
def dissolve(name: str, site: str, yes: bool) -> int:
    """End a project of yours: nobody else has access any more, its folder stays with you.

    \b
    Examples:
      jupyter mesh project dissolve survey --yes
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        found = await _find(mesh, name)
        must_mean_it(f'End "{found.name}" for its {len(found.members)} members?', yes=yes)
        await mesh.projects.dissolve(found.id)

    return run("project", work)


async def _find(mesh: Sharing, text: str) -> Project:
    """A project by its id, its path or its name."""
    projects = await mesh.projects.list()
    fitting = [one for one in projects if text in (one.id, one.path)] or [
        one for one in projects if one.name == text
    ]
    if not fitting:
        raise NotFound(f'There is no project "{text}". See: jupyter mesh project list')
    if len(fitting) > 1:
        paths = ", ".join(one.path for one in fitting)
        raise InvalidRequest(f'Several projects are called "{text}". Say which: {paths}')
    return await mesh.projects.get(fitting[0].id)


def _agree(plan: Plan, yes: bool) -> None:
    """Show what will be done, and ask; where nobody can be asked, it is done as it was ordered."""
    if yes or not can_ask():
        return
    for step in plan.steps:
        print(escaped(step.message), file=sys.stderr)
    ask("Do this?" if plan.steps else "There is nothing to do. Go on?", yes=False)


def _tell(found: Project, as_json: bool) -> None:
    if as_json:
        print_json(_facts(found))
        return
    print(shown(f"{found.path}  {found.name}  {role_text(found.role)}"))
    print_lines(
        shown(
            f"  {name_of_person(one.who)}  {role_text(one.role)}  {one.state}  {one.message}"
        ).rstrip()
        for one in found.members
    )


def _facts(found: Project) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "path": found.path,
        "role": str(found.role),
        "drift": found.has_drifted,
        "members": [
            {
                "who": person_facts(one.who),
                "role": str(one.role),
                "state": str(one.state),
                "message": one.message or None,
            }
            for one in found.members
        ],
    }
