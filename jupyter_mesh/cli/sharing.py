"""``jupyter mesh share | unshare | shares``: who may see what, and what others let one see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.addresses import MESH_PATH, Address
from jupyter_mesh.cli.facts import time_fact
from jupyter_mesh.cli.people import (
    ROLE,
    UNTIL,
    find_people,
    name_of_person,
    person_facts,
    role_text,
    share_facts,
    share_line,
    sharing,
    until_text,
)
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import AS_JSON, print_json, print_lines, shown
from jupyter_mesh.errors import AlreadyExists, InvalidRequest, NotFound
from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.paths import to_url

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.models import Grantee, ReceivedShare, Share
    from jupyter_mesh.sharing import Sharing

LOOKS_WITHIN = 5.0
"""Seconds for finding out what other sites have ended and one's own still lists."""

SITE = click.option("--site", default="", metavar="SITE", help="At SITE; else at the default one.")


@click.command
@click.argument("path", type=MESH_PATH)
@click.argument("people", metavar="WHO...", nargs=-1, required=True)
@ROLE
@UNTIL
@click.option("--note", default="", help="A word with it, where the site keeps one.")
@click.option("--force", is_flag=True, help="Replace shares below that are in the way.")
@AS_JSON
def share(
    path: str,
    people: tuple[str, ...],
    role: str,
    until: datetime | None,
    note: str,
    force: bool,
    as_json: bool,
) -> int:
    """Share a file or folder with people, groups and contacts at other institutions.

    WHO is a user name, a full name, group:NAME, or a key as --json tells it. Sharing again with another --role or
    --until changes what is there. What you have written in a mount here is uploaded first.

    With --json: an array of {"id", "path", "url", "name", "with", "role", "expires", "note"}.

    \b
    Examples:
      jupyter mesh share home/analysis marie
      jupyter mesh share home/analysis group:astro --role editor --until 30d
      jupyter mesh share projects/lofar 'Jan Novak' --role editor
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await sharing(session, address.site)
        told: list[dict[str, Any]] = []

        async def give(who: Grantee) -> None:
            try:
                given = await mesh.share(
                    address.path, who, Role(role), expires=until, note=note, force=force
                )
            except AlreadyExists:
                known = await _share_with(mesh, address.path, who)
                given = await mesh.update(known.id, role=Role(role), expires=until)
            (given,) = await mesh.described([given])
            told.append(share_facts(given, mesh.client.site))
            if not as_json:
                how = role_text(given.role) + until_text(given.expires)
                print(shown(f"{name_of_person(who)}: {address}, {how}"))

        await session.each(await find_people(mesh, people), give)
        if as_json:
            print_json(told)

    return run("share", work)


async def _share_with(mesh: Sharing, path: str, who: Grantee) -> Share:
    for known in await mesh.by_me(path):
        if (known.grantee.kind, known.grantee.id) == (who.kind, who.id):
            return known
    raise NotFound(f"{path} is not shared with {name_of_person(who)}.")


@click.command
@click.argument("path", metavar="PATH|ID", type=MESH_PATH)
@click.argument("people", metavar="[WHO]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="With everybody that PATH is shared with.")
@SITE
@AS_JSON
def unshare(path: str, people: tuple[str, ...], everybody: bool, site: str, as_json: bool) -> int:
    """Stop sharing PATH with WHO, or end the share with an ID as "shares" shows it.

    Copies that somebody has taken stay with them.

    With --json: an array of what has ended, with the keys of "share --json".

    \b
    Examples:
      jupyter mesh unshare home/analysis marie
      jupyter mesh unshare home/analysis --all
      jupyter mesh unshare local-17
    """

    async def work(session: Session) -> None:
        told: list[dict[str, Any]] = []
        by_id = path.startswith(("local-", "federated-")) and not people
        address = None if by_id else Address.parse(path)
        mesh = await sharing(session, site if address is None else address.site)
        if address is None:
            ending = [path]
        elif everybody:
            ending = [known.id for known in await mesh.by_me(address.path)]
        elif people:
            who = await find_people(mesh, people)
            ending = [(await _share_with(mesh, address.path, one)).id for one in who]
        else:
            raise click.UsageError("Say with whom, or --all.")

        async def end(share_id: str) -> None:
            ended = await mesh.remove(share_id)
            told.append(share_facts(ended, mesh.client.site))
            if not as_json:
                what = ended.path or ended.name
                print(shown(f"{name_of_person(ended.grantee)}: {what} is not shared any more"))

        await session.each(ending, end)
        if as_json:
            print_json(told)

    return run("unshare", work)


@click.group(
    invoke_without_command=True,
    subcommand_metavar="[by-me | received | access | accept | decline | leave] …",
)
@click.pass_context
def shares(context: click.Context, /) -> int:
    """See what is shared, by you and with you, and answer what others offer. Without a word: "received"."""
    return 0 if context.invoked_subcommand else context.invoke(received)


@shares.command("by-me")
@click.argument("path", default="", type=MESH_PATH)
@SITE
@AS_JSON
def by_me(path: str, site: str, as_json: bool) -> int:
    """List what you share, or with whom PATH is shared: id, what, with whom, how, until when.

    With --json: an array with the keys of "share --json".

    \b
    Examples:
      jupyter mesh shares by-me
      jupyter mesh shares by-me home/analysis
    """

    async def work(session: Session) -> None:
        address = Address.parse(path) if path else Address(site, "")
        mesh = await sharing(session, address.site)
        found = await mesh.described(await mesh.by_me(address.path))
        if as_json:
            print_json([share_facts(one, mesh.client.site) for one in found])
        else:
            print_lines(share_line(one) for one in found)

    return run("shares", work)


@shares.command
@click.option("--all", "everything", is_flag=True, help="What was declined, hidden or ended, too.")
@SITE
@AS_JSON
def received(everything: bool = False, site: str = "", as_json: bool = False) -> int:
    """List what others share with you, what waits for your answer first.

    \b
    With --json: an array of objects with these keys.
      id name kind("file", "directory", null) owner sender site role expires(ISO 8601, null)
      state("pending", "accepted", "declined", "withdrawn") hidden path url

    \b
    Examples:
      jupyter mesh shares
      jupyter mesh shares received --all --json
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        shown_states = (ShareState.PENDING, ShareState.ACCEPTED)
        found = [
            one
            for one in await mesh.received_still(LOOKS_WITHIN)
            if everything or (one.state in shown_states and not one.is_hidden)
        ]
        if as_json:
            print_json([_received_facts(one, mesh.client.site) for one in found])
        else:
            print_lines(map(_received_line, found))

    return run("shares", work)


def _received_facts(share: ReceivedShare, site: str) -> dict[str, Any]:
    return {
        "id": share.id,
        "name": share.name,
        "kind": str(share.kind) if share.kind else None,
        "owner": person_facts(share.owner),
        "sender": person_facts(share.sender),
        "site": share.site or None,
        "role": str(share.role),
        "state": str(share.state),
        "hidden": share.is_hidden,
        "expires": time_fact(share.expires) if share.expires else None,
        "path": share.path or None,
        "url": to_url(site, share.path) if share.path else None,
    }


def _received_line(share: ReceivedShare) -> str:
    where = share.path or share.state
    sender = share.sender.name or share.sender.username or share.sender.id
    place = f" ({share.site})" if share.site else ""
    how = role_text(share.role) + until_text(share.expires)
    return shown(f"{share.id}  {where}  {share.name}  from {sender}{place}  {how}")


def _answering(state: ShareState, doing: str) -> Any:
    def work_for(which: tuple[str, ...], site: str, as_json: bool) -> int:
        async def work(session: Session) -> None:
            mesh = await sharing(session, site)
            told: list[dict[str, Any]] = []
            everything = await mesh.received()

            async def answer(text: str) -> None:
                answered = await mesh.answer(_chosen(text, everything).id, state)
                told.append(_received_facts(answered, mesh.client.site))
                if not as_json:
                    print(shown(f"{answered.name}: {answered.path or doing}"))

            await session.each(which, answer)
            if as_json:
                print_json(told)

        return run("shares", work)

    return work_for


def _chosen(text: str, shares: list[ReceivedShare]) -> ReceivedShare:
    """A received share by its id, its path or its name, what waits for an answer first."""
    fitting = [one for one in shares if text in (one.id, one.path)] or [
        one for one in shares if one.name == text and one.state is not ShareState.WITHDRAWN
    ]
    pending = [one for one in fitting if one.state is ShareState.PENDING]
    fitting = pending or fitting
    if not fitting:
        raise NotFound(f'Nobody shares "{text}" with you. See: jupyter mesh shares received --all')
    if len(fitting) > 1:
        ids = ", ".join(one.id for one in fitting)
        raise InvalidRequest(f'Several are called "{text}". Say which: {ids}')
    return fitting[0]


WHICH = click.argument("which", metavar="NAME|ID...", nargs=-1, required=True)


@shares.command
@WHICH
@SITE
@AS_JSON
def accept(which: tuple[str, ...], site: str, as_json: bool) -> int:
    """Accept what others share with you; it is in shares/ then. Prints where.

    With --json: an array with the keys of "shares received --json".

    \b
    Examples:
      jupyter mesh shares accept lofar-survey
    """
    code: int = _answering(ShareState.ACCEPTED, "accepted")(which, site, as_json)
    return code


@shares.command
@WHICH
@SITE
@AS_JSON
def decline(which: tuple[str, ...], site: str, as_json: bool) -> int:
    """Decline what others share with you, or give up what you had accepted. Their files stay as they are.

    With --json: an array with the keys of "shares received --json".

    \b
    Examples:
      jupyter mesh shares decline lofar-survey
    """
    code: int = _answering(ShareState.DECLINED, "declined")(which, site, as_json)
    return code


shares.add_command(decline, "leave")


@shares.command
@click.argument("path", type=MESH_PATH)
@AS_JSON
def access(path: str, as_json: bool) -> int:
    """Tell who has access to PATH, and why: by a share, a group, a folder above, a project, a link.

    \b
    With --json: {"path", "role", "can_share", "why_not", "owner", "rows", "links", "problems"}.
      rows: who role via("direct", "group", "inherited", "project") from expires id

    \b
    Examples:
      jupyter mesh shares access home/analysis/fit.ipynb
    """

    async def work(session: Session) -> None:
        address = Address.parse(path)
        mesh = await sharing(session, address.site)
        found = await mesh.access(address.path)
        if as_json:
            print_json(
                {
                    "path": found.path,
                    "role": str(found.role),
                    "can_share": found.can_share,
                    "why_not": found.why_not or None,
                    "owner": person_facts(found.owner) if found.owner else None,
                    "rows": [
                        {
                            "who": person_facts(row.who),
                            "role": str(row.role),
                            "via": str(row.via),
                            "from": row.source.path if row.source else None,
                            "expires": time_fact(row.expires) if row.expires else None,
                            "id": row.share_id or None,
                        }
                        for row in found.rows
                    ],
                    "links": [
                        {
                            "id": one.link.id,
                            "role": str(one.link.role),
                            "password": one.link.has_password,
                            "from": one.source.path if one.source else None,
                            "expires": time_fact(one.link.expires) if one.link.expires else None,
                        }
                        for one in found.links
                    ],
                    "problems": list(found.problems),
                }
            )
            return
        lines = [f"{name_of_person(found.owner)}  owner"] if found.owner else []
        for row in found.rows:
            source = f'  from "{row.source.name}"' if row.source else ""
            how = role_text(row.role) + until_text(row.expires)
            lines.append(f"{name_of_person(row.who)}  {how}{source}")
        for link, folder in found.links:
            source = f'  from "{folder.name}"' if folder else ""
            password = ", password" if link.has_password else ""
            how = role_text(link.role) + password + until_text(link.expires)
            lines.append(f"Anyone with the link  {how}{source}")
        print_lines(shown(line) for line in [*lines, *found.problems])

    return run("shares", work)
