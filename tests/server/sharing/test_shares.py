"""``/api/mesh/shares`` and ``access``: given, shown, changed and ended."""

from datetime import UTC, datetime, timedelta

import pytest

from jupyter_mesh.models import Role
from jupyter_mesh.sharing import Sharing

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

SOON = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)


@pytest.fixture
def share(ask, key_of, folder):
    """Shares the folder with Marie."""

    async def share(**fields):
        body = {"path": f"mesh/{folder}", "with": await key_of("marie"), "role": "viewer"}
        return await ask("POST", "shares", json_body=body | fields)

    return share


async def test_a_share_is_given_and_seen_from_all_sides(ask, share, folder, marie):
    status, made = await share(role="editor", expires=SOON.isoformat())
    assert status == 201, made
    assert made["path"] == f"mesh/{folder}"
    assert made["name"] == folder.removeprefix("home/")
    assert (made["kind"], made["role"], made["federated"]) == ("directory", "editor", False)
    assert (made["with"]["name"], made["with"]["site"]) == ("marie", None)
    assert datetime.fromisoformat(made["expires"]) == SOON
    theirs = [each.name for each in await Sharing(marie).received()]
    assert theirs.count(made["name"]) == 1

    status, listed = await ask("GET", "shares", path=f"mesh/{folder}")
    assert (status, [each["id"] for each in listed["items"]]) == (200, [made["id"]])
    (again,) = listed["items"]
    assert again == made
    assert (listed["next"], listed["total"]) == (None, 1)

    status, access = await ask("GET", "access", path=f"mesh/{folder}")
    assert status == 200
    assert access["me"] == {"role": "owner", "canShare": True, "whyNot": ""}
    (row,) = access["rows"]
    assert (row["share"], row["who"]["name"], row["via"]) == (made["id"], "marie", "direct")
    assert row["canChange"]
    assert access["problems"] == []


async def test_a_share_is_changed_and_ended(ask, share, folder, marie):
    _, made = await share()
    status, changed = await ask(
        "PATCH", "shares", made["id"], json_body={"role": "editor", "expires": SOON.isoformat()}
    )
    assert status == 200, changed
    assert (changed["role"], changed["path"]) == ("editor", f"mesh/{folder}")
    status, changed = await ask("PATCH", "shares", changed["id"], json_body={"expires": None})
    assert (status, changed["expires"], changed["role"]) == (200, None, "editor")
    status, ended = await ask("DELETE", "shares", changed["id"])
    assert status == 200, ended
    assert (ended["with"]["name"], ended["role"], ended["path"]) == (
        "marie",
        "editor",
        f"mesh/{folder}",
    )
    assert (await ask("GET", "shares", path=f"mesh/{folder}"))[1]["items"] == []
    assert ended["name"] not in [each.name for each in await Sharing(marie).received()]
    status, _ = await ask("DELETE", "shares", changed["id"])
    assert status == 404


async def test_the_same_person_twice_is_a_conflict_in_words(share):
    await share()
    status, refused = await share()
    assert status == 409
    assert "marie" in refused["message"]
    assert refused["message"].endswith(".")


async def test_what_is_in_the_way_is_named(ask, einstein, share, folder):
    """Some sites refuse to share below what the same person has already."""
    await einstein.mkdir(f"{folder}/below")
    await share()
    status, told = await share(path=f"mesh/{folder}/below")
    assert status in (201, 409)
    if status == 409:
        assert set(told["conflict"]) == {"paths", "canForce"}


async def test_what_is_inherited_says_from_where(ask, einstein, share, folder):
    await einstein.upload(f"{folder}/a.txt", b"a")
    _, made = await share()
    status, access = await ask("GET", "access", path=f"mesh/{folder}/a.txt")
    assert status == 200
    (row,) = [row for row in access["rows"] if row["via"] == "inherited"]
    assert row["from"] == {"path": f"mesh/{folder}", "name": folder.removeprefix("home/")}
    assert row["share"] == made["id"]


async def test_links_are_made_changed_and_ended(ask, folder):
    body = {
        "path": f"mesh/{folder}",
        "role": "viewer",
        "password": "Marker-of-a-link-1",
        "name": "For all",
    }
    status, link = await ask("POST", "links", json_body=body)
    assert status == 201, link
    assert link["url"].startswith("http")
    assert (link["hasPassword"], link["name"], link["from"]) == (True, "For all", None)
    _, access = await ask("GET", "access", path=f"mesh/{folder}")
    assert [each["id"] for each in access["links"]] == [link["id"]]
    status, changed = await ask(
        "PATCH", "links", link["id"], json_body={"password": "", "expires": SOON.isoformat()}
    )
    assert status == 200, changed
    assert (changed["hasPassword"], changed["name"]) == (False, "For all")
    assert datetime.fromisoformat(changed["expires"]) == SOON
    status, _ = await ask("DELETE", "links", link["id"])
    assert status == 204
    assert (await ask("GET", "access", path=f"mesh/{folder}"))[1]["links"] == []


async def test_all_links_are_listed_with_what_they_lead_to(ask, einstein, folder):
    made = []
    for name in ("one", "two"):
        await einstein.mkdir(f"{folder}/{name}")
        body = {"path": f"mesh/{folder}/{name}", "role": "viewer", "name": name}
        made.append((await ask("POST", "links", json_body=body))[1])
    assert [link["path"] for link in made] == [f"mesh/{folder}/one", f"mesh/{folder}/two"]
    ids = [link["id"] for link in made]

    async def mine():
        status, listed = await ask("GET", "links")
        assert (status, listed["next"]) == (200, None), listed
        assert listed["total"] == len(listed["items"])
        return {link["id"]: link for link in listed["items"] if link["id"] in ids}

    assert await mine() == {link["id"]: link for link in made}
    found, cursor = [], ""
    while cursor is not None:
        _, part = await ask("GET", "links", limit="1", cursor=cursor)
        assert len(part["items"]) == 1
        found += [link["id"] for link in part["items"]]
        cursor = part["next"]
    assert len(found) == part["total"]
    assert set(ids) <= set(found)


async def test_an_answer_to_a_received_share_is_taken_back(ask, site, einstein, marie, folder_of):
    path = await folder_of(marie, "a.txt")
    (me,) = await marie.find_users("einstein")
    await marie.share(path, me, Role.VIEWER)
    name = path.removeprefix("home/")
    _, listed = await ask("GET", "received")
    (share,) = [each for each in listed["items"] if each["name"] == name]
    for state in ("accepted", "pending", "declined", "pending", "accepted"):
        status, answered = await ask("PATCH", "received", share["id"], json_body={"state": state})
        assert (status, answered["state"]) == (200, state), answered
        is_open = state == "accepted"
        assert answered["path"] == (f"mesh/shares/{name}" if is_open else "")
        _, listed = await ask("GET", "received")
        assert [each for each in listed["items"] if each["id"] == share["id"]] == [answered]
        names = [entry.name for entry in await einstein.list_folder("shares")]
        assert (name in names) is is_open


async def test_received_shares_are_answered_hidden_and_left(ask, site, einstein, marie, folder_of):
    path = await folder_of(marie, "a.txt")
    me = (await marie.find_users("einstein"))[0]
    await marie.share(path, me, Role.VIEWER)
    name = path.removeprefix("home/")

    async def mine():
        _, listed = await ask("GET", "received")
        (share,) = [each for each in listed["items"] if each["name"] == name]
        return share

    share = await mine()
    if site.flavour == "spaces":  # Sites of paths ask nobody.
        assert (share["state"], share["path"]) == ("pending", "")
    assert share["site"] is None
    assert share["owner"]["name"] == share["sender"]["name"] == "marie"
    status, accepted = await ask("PATCH", "received", share["id"], json_body={"state": "accepted"})
    assert status == 200, accepted
    assert (accepted["state"], accepted["path"]) == ("accepted", f"mesh/shares/{name}")
    assert await einstein.read(f"shares/{name}/a.txt") == b"text of a.txt"
    status, hidden = await ask("PATCH", "received", share["id"], json_body={"hidden": True})
    assert (status, hidden["hidden"]) == (200, True)
    status, _ = await ask("DELETE", "received", share["id"])
    assert status == 204
    assert (await mine())["state"] == "declined"
    assert await marie.read(f"{path}/a.txt") == b"text of a.txt"


async def test_people_are_found_by_three_letters(ask):
    status, found = await ask("GET", "people", q="mar")
    assert status == 200
    assert [who["username"] for who in found["items"]] == ["marie"]
    assert found["problems"] == []
    assert (await ask("GET", "people", q="ma"))[1]["items"] == []
    assert "einstein" not in [
        who["username"] for who in (await ask("GET", "people", q="ein"))[1]["items"]
    ]


async def test_what_the_site_can_do(ask):
    status, abilities = await ask("GET", "sharing")
    assert status == 200
    assert abilities["userShares"] == {"can": True, "why": ""}
    assert all(each["can"] or each["why"].endswith(".") for each in abilities.values())


async def test_the_second_of_two_browsers_does_not_undo_what_the_first_has_changed(
    ask, folder, key_of, meet
):
    keys = await key_of("marie"), (await meet())["key"]
    wanted = [{"with": key, "role": "viewer"} for key in keys]
    body = {"name": folder.replace("/", " "), "members": wanted[:1]}
    status, seen = await ask("POST", "projects", json_body=body)
    assert status == 201
    change = {"members": wanted, "version": seen["version"]}
    status, first = await ask("PATCH", "projects", seen["id"], json_body=change)
    assert (status, len(first["members"])) == (200, 2)
    status, told = await ask("PATCH", "projects", seen["id"], json_body=change | {"members": []})
    assert (status, told["message"].count("changed elsewhere")) == (412, 1)
    status, now = await ask("GET", "projects", seen["id"])
    assert (status, len(now["members"]), now["version"]) == (200, 2, first["version"])
    again = {"members": [], "version": now["version"]}
    assert (await ask("PATCH", "projects", seen["id"], json_body=again))[0] == 200
