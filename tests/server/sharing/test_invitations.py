"""Invitations, contacts, sites and shares with other sites over REST."""

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.sharing import Sharing

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

WITHIN = 30.0


async def test_an_invitation_is_sent_listed_copied_and_accepted(ask, part, noether, sites, told):
    await part()
    alpine, coast = sites
    status, made = await ask("POST", "invitations", json_body={"note": "For Emmy"})
    assert status == 201, made
    assert made["note"] == "For Emmy"
    token, _, domain = base64.b64decode(made["code"]).decode().rpartition("@")
    assert domain == alpine.domain
    assert made["ends"] == token[-4:]
    assert parse_qs(urlsplit(made["link"]).query)["token"] == [token]
    assert made["link"] in made["mail"]["body"]
    assert ("invitations", "") in told

    _, listed = await ask("GET", "invitations")
    (mine,) = [each for each in listed["items"] if each["id"] == made["id"]]
    assert mine == {name: made[name] for name in ("id", "note", "expires", "ends")}
    status, copied = await ask("POST", "invitations", made["id"], "copy", json_body={})
    assert (status, copied) == (200, {name: made[name] for name in ("link", "code", "mail")})

    theirs = await Sharing(noether).invitations.accept(made["link"])
    assert theirs.name == "einstein"
    _, listed = await ask("GET", "contacts")
    (contact,) = listed["items"]
    assert (contact["name"], contact["kind"]) == ("noether", "contact")
    assert contact["site"] == {"domain": coast.domain, "title": "Coast Institute"}


async def test_an_invitation_is_read_before_anything_is_sent(ask, part, noether, sites):
    await part()
    coast = sites[1]
    letter = await Sharing(noether).invitations.create()
    before = dict(coast.calls)
    status, read = await ask("POST", "invitations", "read", json_body={"text": letter.body})
    assert status == 200, read
    assert (read["site"]["domain"], read["site"]["title"]) == (coast.domain, "Coast Institute")
    assert (read["own"], read["needsSite"]) == (False, False)
    assert read["me"] == {"name": "einstein", "site": "Alpine University"}
    assert read["tells"] == ["name", "e-mail address", "user name"]
    assert dict(coast.calls) == before
    assert (await ask("GET", "contacts"))[1]["items"] == []

    token = letter.invitation.token
    status, bare = await ask("POST", "invitations", "read", json_body={"text": token})
    assert (status, bare["site"], bare["needsSite"]) == (200, None, True)
    body = {"text": token, "site": coast.domain}
    status, chosen = await ask("POST", "invitations", "read", json_body=body)
    assert (status, chosen["site"]["domain"]) == (200, coast.domain)


async def test_ones_own_invitation_is_refused(ask, sites):
    _, made = await ask("POST", "invitations", json_body={})
    status, read = await ask("POST", "invitations", "read", json_body={"text": made["code"]})
    assert (status, read["own"]) == (200, True)
    status, refused = await ask("POST", "invitations", "accept", json_body={"text": made["code"]})
    assert status == 400
    assert "own site" in refused["message"]


async def test_an_invitation_works_once(ask, meet, noether):
    await meet()
    status, refused = await ask(
        "POST", "invitations", "accept", json_body={"text": "00000000-0000-0000-0000-000000000000"}
    )
    assert status == 400, refused  # It does not say where it comes from.
    letter = await Sharing(noether).invitations.create()
    status, refused = await ask("POST", "invitations", "accept", json_body={"text": letter.code})
    assert status == 409
    assert "contacts already" in refused["message"]


async def test_withdrawing_says_why_it_cannot_be(ask):
    _, made = await ask("POST", "invitations", json_body={"note": None})
    _, abilities = await ask("GET", "sharing")
    status, answer = await ask("DELETE", "invitations", made["id"])
    if abilities["withdrawInvitations"]["can"]:
        assert status == 204
    else:
        assert (status, answer["message"].endswith(".")) == (501, True)
    assert (await ask("DELETE", "invitations", "0" * 24))[0] == 404


async def test_the_mail_address_is_told_at_one_address(ask, meet):
    contact = await meet()
    status, told = await ask("GET", "contacts", contact["key"], "email")
    assert status == 200
    assert "@" in told["email"] or told["email"] == ""
    if told["email"]:
        _, listed = await ask("GET", "contacts")
        assert told["email"] not in str(listed)


async def test_contacts_are_found_and_removed(ask, meet, told):
    contact = await meet()
    assert (await ask("GET", "contacts", q="noeth"))[1]["total"] == 1
    assert (await ask("GET", "contacts", q="nobody"))[1]["total"] == 0
    _, found = await ask("GET", "people", q="noeth")
    assert [who["key"] for who in found["items"]] == [contact["key"]]
    assert (await ask("DELETE", "contacts", contact["key"]))[0] == 204
    assert (await ask("GET", "contacts"))[1]["items"] == []
    assert ("contacts", "") in told
    status, _ = await ask("GET", "contacts", "user:x@y", "email")
    assert status == 404


async def test_sites_are_listed_with_the_own_one_marked(ask, sites):
    status, listed = await ask("GET", "sites")
    assert status == 200, listed
    assert {(each["domain"], each["own"]) for each in listed["items"]} >= {(sites[1].domain, False)}
    assert (await ask("GET", "sites", q="coast"))[1]["total"] == 1


async def test_a_folder_is_shared_with_the_other_site_and_back(
    ask, meet, folder, einstein, noether, sites, told
):
    contact = await meet()
    await einstein.upload(f"{folder}/a.txt", b"over there")
    body = {"path": f"mesh/{folder}", "with": contact["key"], "role": "editor"}
    status, made = await ask("POST", "shares", json_body=body)
    assert status == 201, made
    assert (made["federated"], made["with"]["site"]["title"]) == (True, "Coast Institute")
    assert made["with"]["name"] == "noether"
    assert ("shares", f"mesh/{folder}") in told
    _, access = await ask("GET", "access", path=f"mesh/{folder}")
    (row,) = access["rows"]
    assert (row["share"], row["who"]["site"]["domain"]) == (made["id"], sites[1].domain)
    assert row["who"]["name"] == "noether"

    theirs = Sharing(noether)
    (received,) = [each for each in await theirs.received() if each.name == made["name"]]
    assert received.state is ShareState.PENDING
    accepted = await theirs.answer(received.id, ShareState.ACCEPTED)
    assert await noether.read(f"{accepted.path}/a.txt") == b"over there"

    status, ended = await ask("DELETE", "shares", made["id"])
    assert (status, ended["with"]["name"]) == (200, "noether")
    async with asyncio.timeout(WITHIN):
        while made["name"] in [
            each.name for each in await theirs.received() if each.state is ShareState.ACCEPTED
        ]:
            pass


async def test_what_another_site_shares_is_accepted_and_left(
    ask, meet, einstein, noether, folder_of, sites
):
    await meet()
    path = await folder_of(noether, "b.txt")
    theirs = Sharing(noether)
    (me,) = await noether.contacts()
    given = await theirs.share(path, me, Role.VIEWER)
    name = path.removeprefix("home/")

    _, listed = await ask("GET", "received")
    (share,) = [each for each in listed["items"] if each["name"] == name]
    assert (share["state"], share["site"]["title"]) == ("pending", "Coast Institute")
    assert share["owner"]["name"] == "noether"
    status, accepted = await ask("PATCH", "received", share["id"], json_body={"state": "accepted"})
    assert (status, accepted["path"]) == (200, f"mesh/shares/{name}"), accepted
    assert await einstein.read(f"shares/{name}/b.txt") == b"text of b.txt"
    await theirs.remove(given.id)
    status, gone = await ask("PATCH", "received", share["id"], json_body={"state": "declined"})
    assert status in (200, 404), gone
