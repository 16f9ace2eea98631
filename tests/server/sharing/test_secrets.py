"""Secrets of sharing come out nowhere but where the user asked for them."""

import base64
import logging

import pytest

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.sharing import Sharing

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

PASSWORD = "Marker-pa55word-of-a-link"


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

    async def asking(*args, **kwargs):
        status, answer = await ask(*args, **kwargs)
        seen.append(f"{status} {answer}")
        return status, answer

    asking.text = lambda: "\n".join([*seen, *told, *(each.getMessage() for each in caplog.records)])
    return asking


async def test_markers_come_out_nowhere(
    everything, meet, folder, einstein, noether, folder_of, token_file, live
):
    contact = await meet()
    # Given: a share with another site, a link, an invitation.
    body = {"path": f"mesh/{folder}", "with": contact["key"], "role": "viewer"}
    status, share = await everything("POST", "shares", json_body=body)
    assert status == 201
    link = {"path": f"mesh/{folder}", "role": "viewer", "password": PASSWORD}
    status, made = await everything("POST", "links", json_body=link)
    assert status == 201
    letter = await Sharing(einstein).invitations.create("for nobody")
    # Got: a share of another site.
    theirs = Sharing(noether)
    path = await folder_of(noether, "a.txt")
    (me,) = await noether.contacts()
    await theirs.share(path, me, Role.VIEWER)
    _, received = await everything("GET", "received")
    got = next(each for each in received["items"] if each["name"] in path)
    await everything("PATCH", "received", got["id"], json_body={"state": ShareState.ACCEPTED})

    for parts, query in [
        (("sharing",), {}),
        (("shares",), {}),
        (("received",), {}),
        (("access",), {"path": f"mesh/{folder}"}),
        (("contacts",), {}),
        (("people",), {"q": "noether"}),
        (("sites",), {}),
        (("invitations",), {}),
        (("projects",), {}),
        (("status",), {}),
        (("access",), {"path": "mesh/home/nothing-there"}),
    ]:
        await everything("GET", *parts, **query)
    await everything("POST", "links", json_body=link | {"role": "owner"})
    await everything("POST", "invitations", "accept", json_body={"text": letter.code})
    email = await live.sharing.contacts.email(contact["key"])

    secrets = {
        "token of the login": token_file.read_text().strip(),
        "password of a link": PASSWORD,
        "token of an invitation": letter.invitation.token,
        "code of an invitation": letter.code,
        "mail address": email,
    }
    for message in await einstein._places.remote.listed():
        for protocol in message.protocols:
            for value in (
                protocol.webdav_options.shared_secret,
                base64.b64encode(protocol.webdav_options.shared_secret.encode()).decode(),
            ):
                secrets[f"secret of a share {len(secrets)}"] = value
    text = everything.text()
    found = [what for what, secret in secrets.items() if secret and secret in text]
    assert found == []
    assert made["url"] in text, "the address of a link is what it is made for"
    assert share["id"] in text
