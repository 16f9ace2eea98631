"""``jupyter mesh invite | accept | contacts``: people at other institutions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from jupyter_mesh.cli.facts import time_fact
from jupyter_mesh.cli.people import find_people, name_of_person, person_facts, sharing
from jupyter_mesh.cli.sessions import run
from jupyter_mesh.cli.terminal import (
    AS_JSON,
    YES,
    ask,
    can_ask,
    print_json,
    print_lines,
    shown,
    time_text,
)
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.models import GranteeKind

if TYPE_CHECKING:
    from jupyter_mesh.cli.sessions import Session
    from jupyter_mesh.models import Invitation
    from jupyter_mesh.sharing.invitations import Letter

SITE = click.option("--site", default="", metavar="SITE", help="At SITE; else at the default one.")


@click.command
@click.argument("note", default="")
@click.option("--mail", "as_mail", is_flag=True, help="Print a text for an e-mail.")
@click.option("--code", "as_code", is_flag=True, help="Print the code instead of the link.")
@click.option("--list", "as_list", is_flag=True, help="List the open invitations instead.")
@SITE
@AS_JSON
def invite(note: str, as_mail: bool, as_code: bool, as_list: bool, site: str, as_json: bool) -> int:
    """Invite somebody at another institution, and print the link to send.

    NOTE is for yourself: whom it is for. Whoever has the link may accept, so send it to this person alone.

    \b
    With --json: {"id", "note", "expires", "link", "code", "mail": {"subject", "body"}};
    with --list: an array of {"id", "note", "expires", "ends"}.

    \b
    Examples:
      jupyter mesh invite 'for Jan' --mail
      jupyter mesh invite --list
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        if as_list:
            found = await mesh.invitations.listed()
            if as_json:
                print_json([_facts(one) for one in found])
            else:
                print_lines(map(_line, found))
            return
        letter = await mesh.invitations.create(note)
        if as_json:
            print_json(_letter_facts(letter))
        elif as_mail:
            print(f"{letter.subject}\n\n{letter.body}", end="")
        else:
            print(letter.code if as_code else letter.link)

    return run("invite", work)


@click.command
@click.argument("invitation", default="-")
@click.option("--from", "institution", default="", metavar="DOMAIN", help="Where it comes from.")
@SITE
@YES
@AS_JSON
def accept(invitation: str, institution: str, site: str, yes: bool, as_json: bool) -> int:
    """Accept an INVITATION: a link, a code, or a whole mail; "-" reads it from standard input.

    Says who learns what and asks, on a terminal; elsewhere --yes is needed. To accept what somebody shares
    with you, use "shares accept".

    With --json: the new contact, with the keys of "contacts --json".

    \b
    Examples:
      jupyter mesh accept --yes < mail.txt
    """

    async def work(session: Session) -> None:
        from jupyter_mesh.sharing.invitations import TELLS

        mesh = await sharing(session, site)
        text = sys.stdin.read() if invitation == "-" else invitation
        opened = await mesh.invitations.read(text, institution)
        if opened.is_own:
            raise InvalidRequest(
                f"This invitation comes from your own site, {opened.my_site.name}. It is for people elsewhere."
            )
        if opened.site is None:
            raise InvalidRequest("This code does not say where it comes from: add --from DOMAIN.")
        told = f"{', '.join(TELLS[:-1])} and {TELLS[-1]}"
        place = f"{opened.site.name} ({opened.site.domain})"
        if not yes and not can_ask():
            raise InvalidRequest(f"Accepting tells {place} your {told}. If you agree, add --yes.")
        ask(f"Accepting tells {place} your {told}. Accept?", yes=yes)
        contact = await mesh.invitations.accept(text, institution)
        if as_json:
            print_json(person_facts(contact))
        else:
            print(shown(f"{name_of_person(contact)} is a contact of yours now."))

    return run("accept", work)


@click.group(invoke_without_command=True, subcommand_metavar="[list | remove] …")
@click.pass_context
def contacts(context: click.Context, /) -> int:
    """See and remove your contacts at other institutions. Without a word: list them."""
    return 0 if context.invoked_subcommand else context.invoke(list_contacts)


@contacts.command("list")
@click.argument("text", default="")
@SITE
@AS_JSON
def list_contacts(text: str = "", site: str = "", as_json: bool = False) -> int:
    """List your contacts, or those whose name holds TEXT.

    With --json: an array of {"key", "kind", "name", "username", "site", "members"}.

    \b
    Examples:
      jupyter mesh contacts
      jupyter mesh contacts list novak
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        found = await mesh.contacts.listed(text)
        if as_json:
            print_json([person_facts(one) for one in found])
        else:
            print_lines(shown(f"{name_of_person(one)}  {one.key}") for one in found)

    return run("contacts", work)


@contacts.command
@click.argument("people", metavar="WHO...", nargs=-1, required=True)
@SITE
def remove(people: tuple[str, ...], site: str) -> int:
    """Forget contacts, on your side only. What you share with them stays shared: see "unshare".

    \b
    Examples:
      jupyter mesh contacts remove 'Jan Novak'
    """

    async def work(session: Session) -> None:
        mesh = await sharing(session, site)
        for person in await find_people(mesh, people):
            if person.kind is not GranteeKind.CONTACT:
                raise InvalidRequest(f"{name_of_person(person)} is no contact at another site.")
            await mesh.contacts.remove(person.key)

    return run("contacts", work)


def _facts(one: Invitation) -> dict[str, Any]:
    from jupyter_mesh.sharing.invitations import id_of

    return {
        "id": id_of(one),
        "note": one.note,
        "expires": time_fact(one.expires) if one.expires else None,
        "ends": one.token[-4:],
    }


def _letter_facts(letter: Letter) -> dict[str, Any]:
    facts = _facts(letter.invitation)
    del facts["ends"]
    mail = {"subject": letter.subject, "body": letter.body}
    return facts | {"link": letter.link, "code": letter.code, "mail": mail}


def _line(one: Invitation) -> str:
    until = f"until {time_text(one.expires)}" if one.expires else "no end"
    return shown(f"…{one.token[-4:]}  {until}  {one.note}".rstrip())
