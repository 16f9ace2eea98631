"""Secrets of sharing come out nowhere but where the user asked for them."""

import base64
import logging
import sqlite3
from contextlib import closing

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.sharing import Sharing
from tests.server import described

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

PASSWORD = "Marker-pa55word-of-a-link"
MAIL = "marker-mail@coast.example"


@pytest.fixture
def everything(caplog, jp_serverapp, ask):
    """Asks as ``ask`` does and keeps all that comes back, with what is logged and told."""
    caplog.set_level(logging.DEBUG)
    told = []

    async def listen(logger, schema_id, data):
        told.append(str(data))

    schema = "https://schema.jupyter-mesh.org/sharing/v1"
    jp_serverapp.event_logger.add_listener(schema_id=schema, listener=listen)
    seen = []

    async def asking(method, *parts, told_here=False, **options):
        status, answer = await ask(method, *parts, **options)
        if not told_here:
            seen.append(f"{method} {parts} {status} {answer}")
        asking.asked.append((method, "/" + "/".join(parts)))
        return status, answer

    asking.asked = []
    asking.aside = lambda: "\n".join([*told, *(each.getMessage() for each in caplog.records)])
    asking.text = lambda: "\n".join([*seen, asking.aside()])
    return asking


@pytest.fixture
def mails(sites):
    """Everybody at the other site has a mail address."""
    with closing(sqlite3.connect(sites[1].data / ".node" / "index.sqlite")) as index, index:
        index.execute("UPDATE users SET mail = ?", (MAIL,))


def in_files(folder, secrets, *but):
    """Which of some secrets stand in a file below a folder."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in but:
            content = path.read_bytes()
            found |= {
                (what, path.name) for what, text in secrets.items() if text.encode() in content
            }
    return found


async def test_markers_come_out_nowhere(
    everything, mails, meet, folder, einstein, noether, folder_of, token_file, live, sites, tmp_path,
    unchecked_fetch,
):  # fmt: skip
    contact = await meet()
    # Given: a share with another site, a link, two invitations, a project.
    body = {"path": f"mesh/{folder}", "with": contact["key"], "role": "viewer"}
    status, share = await everything("POST", "shares", json_body=body)
    assert status == 201
    link = {"path": f"mesh/{folder}", "role": "viewer", "password": PASSWORD}
    status, made = await everything("POST", "links", json_body=link)
    assert status == 201
    letter = await Sharing(einstein).invitations.create("for nobody")
    status, invitation = await everything("POST", "invitations", json_body={}, told_here=True)
    assert status == 201
    members = [{"with": contact["key"], "role": "viewer"}]
    status, project = await everything(
        "POST", "projects", json_body={"name": f"of {folder[5:]}", "members": members}
    )
    assert status == 201
    # Got: a share of another site.
    theirs = Sharing(noether)
    path = await folder_of(noether, "a.txt")
    (me,) = await noether.contacts()
    await theirs.share(path, me, Role.VIEWER)
    _, received = await everything("GET", "received")
    got = next(each for each in received["items"] if each["name"] in path)
    await everything("PATCH", "received", got["id"], json_body={"state": ShareState.ACCEPTED})

    secrets = {
        "token of the login": token_file.read_text().strip(),
        "password of a link": PASSWORD,
        "token of an invitation": letter.invitation.token,
        "code of an invitation": letter.code,
        "mail address": MAIL,
    }
    for half in sites:
        with closing(sqlite3.connect(half.data / ".node" / "index.sqlite")) as index:
            rows = index.execute("SELECT secret FROM given UNION SELECT secret FROM received")
            for (secret,) in rows:
                for text in (secret, base64.b64encode(secret.encode()).decode()):
                    secrets[f"secret of a share {len(secrets)}"] = text
    assert all(secrets.values())
    assert len(secrets) >= 5 + 4

    # All there is to ask for, with what is there and with what is not.
    none = "federated-nothing"
    for parts, query in [
        (("sharing",), {}),
        (("shares",), {}),
        (("shares",), {"path": f"mesh/{folder}"}),
        (("received",), {}),
        (("access",), {"path": f"mesh/{folder}"}),
        (("access",), {"path": "mesh/home/nothing-there"}),
        (("links",), {}),
        (("marks",), {}),
        (("contacts",), {}),
        (("contacts",), {"q": "noether"}),
        (("people",), {"q": "noether"}),
        (("people",), {"q": MAIL[:11]}),
        (("sites",), {}),
        (("invitations",), {}),
        (("projects",), {}),
        (("projects", project["id"]), {}),
        (("projects", none), {}),
        (("status",), {}),
        (("contacts", "contact:nobody@nowhere.example", "email"), {}),
    ]:
        await everything("GET", *parts, **query)
    status, answer = await everything("GET", "contacts", contact["key"], "email", told_here=True)
    assert answer == {"email": MAIL}
    await everything("POST", "invitations", invitation["id"], "copy", json_body={}, told_here=True)
    code, token = letter.code, letter.invitation.token
    bad = [
        {"role": "owner"},
        {"expires": PASSWORD},
        {"path": "mesh/home/nothing-there"},
        {"password": [PASSWORD]},
        {"password": PASSWORD + "\n"},
        {"password": PASSWORD * 100},
    ]
    texts = [code, code[:-3], token, f"{token}@nowhere.example", f"{token}@{sites[0].domain}"]
    texts += [f"https://nowhere.example/wayf?token={token}", f"x{code}", f"{token}\n{token}", ""]
    for method, parts, bodies in [
        ("POST", ("links",), [link | each for each in bad]),
        ("PATCH", ("links", made["id"]), [{"password": PASSWORD}, *bad]),
        ("PATCH", ("links", none), [{"password": PASSWORD}]),
        ("POST", ("shares",), [body, body | {"with": token}, body | {"note": [token]}]),
        ("PATCH", ("shares", share["id"]), [{"role": "editor"}, {"role": "owner"}]),
        ("PATCH", ("shares", none), [{"role": "editor"}]),
        ("PATCH", ("received", got["id"]), [{"hidden": True}, {"hidden": False}, {"state": "x"}]),
        ("PATCH", ("received", none), [{"state": "accepted"}]),
        ("POST", ("invitations", none, "copy"), [{}]),
        ("POST", ("invitations", "read"), [{"text": text} for text in texts]),
        ("POST", ("invitations", "accept"), [{"text": text} for text in texts]),
        ("POST", ("invitations", "read"), [{"nonce": token}, {"text": [token]}]),
        (
            "POST",
            ("invitations", "accept"),
            [{"text": "x", "site": token}, {"text": code, "site": "x"}],
        ),
        (
            "POST",
            ("projects", "plan"),
            [{"name": "plan", "members": members}, {"name": "", "members": []}],
        ),
        ("PATCH", ("projects", project["id"]), [{"members": members}, {"members": [token]}]),
        ("POST", ("projects", project["id"], "repair"), [{}]),
        ("POST", ("projects", project["id"], "leave"), [{}]),
        ("POST", ("projects", none, "leave"), [{}]),
    ]:
        for each in bodies:
            await everything(method, *parts, json_body=each)
    answers = []
    for where in (("links",), ("invitations", "accept")):
        with pytest.raises(HTTPClientError) as caught:
            await unchecked_fetch(
                "api",
                "mesh",
                *where,
                method="POST",
                body=f'{{"text": "{code}", "password": "{PASSWORD}',
            )
        answers.append(caught.value.response.body.decode())
    for query in (
        {"resource": got["id"]},
        {"resource": "a!b", "path": f"mesh/{folder}"},
    ):
        with pytest.raises(HTTPClientError) as caught:
            await unchecked_fetch("mesh", "open", params=query)
        answers.append(caught.value.response.body.decode())
    for parts in [
        ("projects", project["id"]),
        ("links", made["id"]),
        ("links", none),
        ("shares", share["id"]),
        ("shares", none),
        ("received", got["id"]),
        ("received", none),
        ("invitations", invitation["id"]),
        ("contacts", contact["key"]),
        ("contacts", "contact:nobody@nowhere.example"),
    ]:
        await everything("DELETE", *parts)

    def operation(method, path):
        return next(
            (method, template)
            for pattern, template in described._templates()
            if pattern.fullmatch(path)
        )

    there = {
        (method.upper(), path)
        for path, item in described.document()["paths"].items()
        for method, one in item.items()
        if isinstance(one, dict) and "sharing" in one.get("tags", ())
    }
    assert there <= {operation(*each) for each in everything.asked}
    text = "\n".join([everything.text(), *answers])
    assert [what for what, secret in secrets.items() if secret in text] == []
    assert made["url"] in text, "the address of a link is what it is made for"
    assert share["id"] in text
    # What was told to who asked is told to nobody else.
    asked = {"code": invitation["code"], "link": invitation["link"], "mail": MAIL}
    assert [what for what, secret in asked.items() if secret in everything.aside()] == []
    # What a server keeps on its disk holds none of it, and a site hides what it has to keep.
    assert in_files(tmp_path, secrets | asked, token_file) == set()
    kept = {what: secrets[what] for what in ("token of the login", "password of a link")}
    for half in sites:
        assert in_files(half.data, kept) == set()
        for path in (half.data / ".node").glob("index*"):
            assert path.stat().st_mode & 0o077 == 0, path
