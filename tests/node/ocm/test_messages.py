"""What peers of all kinds say to a node over HTTP, and what it says to them."""

import asyncio
import base64
import json
import time

import jsonschema
import pytest
from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm
from cs3.sharing.ocm.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from google.protobuf.field_mask_pb2 import FieldMask

from tests.node.ocm import schemas
from tests.node.ocm.conftest import FakePeer, code, until
from tests.node.ocm.test_shares import EDITOR, VIEWER, given, received, ref, webdav


@pytest.fixture(scope="module")
async def friend(stranger, einstein, peer):
    """The user ids of einstein and of noether at the peer, who accepted his invitation."""
    status, answer = await stranger.post(
        "/ocm/invite-accepted",
        {
            "recipientProvider": peer.domain,
            "token": await einstein.invite(),
            "userID": "noether",
            "email": "noether@peer.example",
            "name": "Emmy Noether",
        },
    )
    assert status == 200
    jsonschema.validate(answer, schemas.INVITED)
    return answer["userID"]


def offer(node, peer, friend, **changes):
    """A share as Reva sends it."""
    body = {
        "shareWith": f"{friend}@{node.domain}",
        "name": "data",
        "description": "",
        "providerId": "7",
        "owner": f"noether@{peer.domain}",
        "sender": f"noether@{peer.domain}",
        "ownerDisplayName": "",
        "senderDisplayName": "Emmy Noether",
        "code": "",
        "shareType": "user",
        "resourceType": "folder",
        "expiration": 0,
        "protocol": {
            "name": "multi",
            "options": {},
            "webdav": {
                "sharedSecret": "hushhush",
                "permissions": ["read", "write"],
                "uri": f"http://{peer.domain}/remote.php/dav/ocm/7",
            },
        },
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def protocol(peer, **changes):
    webdav = {
        "sharedSecret": "hushhush",
        "permissions": ["read"],
        "uri": f"http://{peer.domain}/dav/ocm/7",
    } | changes
    return {
        "name": "multi",
        "webdav": {name: value for name, value in webdav.items() if value is not ...},
    }


async def test_what_a_node_says_of_itself(stranger, node):
    status, _, text = await stranger.get("/.well-known/ocm")
    assert status == 200
    document = json.loads(text)
    jsonschema.validate(document, schemas.DISCOVERY)
    for name in ("endPoint", "tokenEndPoint", "inviteAcceptDialog"):
        assert document[name].startswith(f"http://{node.domain}/ocm")
    status, _, text = await stranger.get("/.well-known/jwks.json")
    (key,) = json.loads(text)["keys"]
    assert (key["kty"], key["crv"], key["kid"]) == ("OKP", "Ed25519", f"{node.domain}#key1")
    assert "d" not in key


async def test_what_is_sent_is_what_ocm_says(node, einstein, peer):
    peer.answers["/ocm/invite-accepted"] = {
        "userID": base64.b64encode(b"4f-uuid@https://" + peer.domain.encode()).decode(),
        "email": "",
        "name": "Marie at OpenCloud",
    }
    reply = await einstein.accept("a-token-of-theirs", peer.domain)
    assert code(reply) == "OK", reply.status.message
    ((_, _, headers, body),) = peer.seen
    jsonschema.validate(json.loads(body), schemas.INVITE)
    assert 'tag="ocm"' in headers["Signature-Input"]
    assert json.loads(body)["recipientProvider"] == node.domain

    contact = next(one for one in await einstein.contacts() if one.display_name.startswith("Marie"))
    assert contact.id.opaque_id.endswith("="), "kept as it was told"
    peer.answers["/ocm/shares"] = {"recipientDisplayName": "Marie C."}
    request = ocm.CreateOCMShareRequest(
        resource_id=await einstein.folder("exact"),
        grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=contact.id),
        access_methods=[webdav(EDITOR)],
    )
    request.expiration.seconds = int(time.time()) + 1000
    reply = await einstein.call("CreateOCMShare", request)
    assert code(reply) == "OK", reply.status.message
    assert reply.recipient_display_name == "Marie C."
    sent = json.loads(peer.seen[1][3])
    jsonschema.validate(sent, schemas.SHARE)
    # OpenCloud tells base64 of id@itself, and finds its users by the bare id alone.
    assert sent["shareWith"] == f"4f-uuid@{peer.domain}"
    assert sent["protocol"]["webdav"]["uri"] == sent["protocol"]["webdav"]["url"]
    assert sent["protocol"]["webdav"]["uri"].startswith(f"http://{node.domain}/dav/ocm/")
    assert sent["expiration"] == request.expiration.seconds

    await einstein.call("RemoveOCMShare", ocm.RemoveOCMShareRequest(ref=ref(reply.share)))
    await until(lambda: _holds(lambda: posted(peer, "/ocm/notifications")))
    (note,) = posted(peer, "/ocm/notifications")
    jsonschema.validate(note, schemas.NOTIFICATION)
    assert note["notificationType"] == "SHARE_UNSHARED"
    assert note["providerId"] == sent["providerId"]


async def _holds(condition):
    return condition()


def posted(peer, path):
    """What the fake peer got at a path."""
    return [json.loads(body) for _, where, _, body in peer.seen if where == path]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"token": "nobody-knows-it"}, 400, id="unknown token"),
        pytest.param({"token": ""}, 400, id="no token"),
        pytest.param({"token": 7}, 400, id="number"),
        pytest.param({"userID": ...}, 400, id="no user"),
        pytest.param({"userID": "a\nb"}, 400, id="newline"),
        pytest.param({"userID": "x" * 300}, 400, id="long"),
        pytest.param({"recipientProvider": "evil.example"}, 403, id="stranger"),
        pytest.param({"recipientProvider": "a/b"}, 400, id="no domain"),
        pytest.param({"recipientProvider": "own"}, 403, id="own site"),
        pytest.param({"email": ..., "name": ...}, 200, id="no name"),
        pytest.param({"userID": "curie@{domain}@https://{domain}"}, 200, id="id@host@host"),
    ],
)
async def test_invitations_that_are_accepted_elsewhere(
    stranger, einstein, node, peer, changes, status
):
    body = {
        "recipientProvider": peer.domain,
        "token": await einstein.invite(),
        "userID": f"user-{status}",
        "email": "",
        "name": "Somebody",
    } | changes
    if body["recipientProvider"] == "own":
        body["recipientProvider"] = node.domain
    if isinstance(body["userID"], str):
        body["userID"] = body["userID"].format(domain=peer.domain)
    sent = {name: value for name, value in body.items() if value is not ...}
    got, answer = await stranger.post("/ocm/invite-accepted", sent)
    assert got == status
    jsonschema.validate(answer, schemas.INVITED if status == 200 else schemas.REFUSAL)
    if status == 200:
        again, answer = await stranger.post("/ocm/invite-accepted", sent)
        assert (again, answer["code"]) == (409, "ALREADY_EXIST")
        known = {contact.id.opaque_id for contact in await einstein.contacts()}
        assert body["userID"].partition("@")[0] in known


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({}, 201, id="Reva"),
        pytest.param({"expiration": None}, 201, id="no end"),
        pytest.param({"expiration": 4102444800}, 201, id="an end"),
        pytest.param({"expiration": 1000}, 400, id="ended"),
        pytest.param({"expiration": 10**15}, 400, id="milliseconds"),
        pytest.param({"expiration": -5}, 400, id="negative"),
        pytest.param({"expiration": True}, 400, id="bool"),
        pytest.param({"providerId": 7}, 201, id="number as id"),
        pytest.param({"providerId": ...}, 400, id="no id"),
        pytest.param({"name": "/deep/data"}, 201, id="path as name"),
        pytest.param({"name": ".."}, 400, id="dots as name"),
        pytest.param({"name": "a" * 300}, 400, id="long name"),
        pytest.param({"shareWith": "{friend}@https://{own}"}, 201, id="scheme"),
        pytest.param({"shareWith": "{friend}@{own}@{own}"}, 201, id="twice"),
        pytest.param({"shareWith": "einstein@{own}"}, 201, id="user name"),
        pytest.param({"shareWith": "nobody@{own}"}, 401, id="unknown"),
        pytest.param({"shareWith": "{friend}@evil.example"}, 404, id="other site"),
        pytest.param({"shareWith": "{friend}"}, 400, id="no site"),
        pytest.param({"sender": "stranger@{peer}"}, 401, id="no contact"),
        pytest.param(
            {"sender": "noether@evil.example", "owner": "noether@evil.example"}, 403, id="untrusted"
        ),
        pytest.param({"owner": "noether@evil.example"}, 400, id="owner elsewhere"),
        pytest.param({"owner": "somebody-else@{peer}"}, 201, id="other owner"),
        pytest.param({"shareType": "group"}, 501, id="group"),
        pytest.param({"shareType": "federation"}, 501, id="federation"),
        pytest.param({"resourceType": "ro-crate"}, 501, id="ro-crate"),
        pytest.param({"protocol": {"name": "webapp", "webapp": {}}}, 501, id="webapp alone"),
        pytest.param({"protocol": {"name": "multi", "options": {}}}, 501, id="no protocol"),
        pytest.param({"protocol": "webdav"}, 400, id="text as protocol"),
        pytest.param(
            {"protocol": {"name": "webdav", "options": {"sharedSecret": "hushhush"}}},
            201,
            id="OCM 1.0",
        ),
        pytest.param({"unknown": [1, {"a": None}]}, 201, id="unknown field"),
        pytest.param({"senderDisplayName": ["x"]}, 400, id="list as name"),
    ],
)
async def test_shares_that_arrive(stranger, node, peer, friend, changes, status):
    def filled(value):
        if isinstance(value, str):
            return value.format(friend=friend, own=node.domain, peer=peer.domain)
        return value

    body = offer(node, peer, friend, **{name: filled(value) for name, value in changes.items()})
    got, answer = await stranger.post("/ocm/shares", body)
    assert got == status, answer
    if status == 201:
        assert answer == {"recipientDisplayName": "einstein"}
    else:
        jsonschema.validate(answer, schemas.REFUSAL)
        assert "hushhush" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"uri": ..., "url": "http://{peer}/dav/ocm/u"}, 201, id="url for uri"),
        pytest.param({"uri": "relative"}, 201, id="relative"),
        pytest.param({"uri": "/dav/path"}, 201, id="path"),
        pytest.param({"uri": "https://{peer}/dav/x"}, 201, id="other scheme"),
        pytest.param({"uri": "https://evil.example/dav/x"}, 400, id="elsewhere"),
        pytest.param({"uri": "http://169.254.169.254/latest"}, 400, id="private"),
        pytest.param({"uri": "http://u:p@{peer}/x"}, 400, id="password in it"),
        pytest.param({"uri": ...}, 400, id="no address"),
        pytest.param({"sharedSecret": ...}, 400, id="no secret"),
        pytest.param({"permissions": []}, 201, id="no permissions"),
        pytest.param({"permissions": ["read", "fly"]}, 201, id="unknown permission"),
        pytest.param({"permissions": "read"}, 400, id="text as permissions"),
        pytest.param({"requirements": ["must-exchange-token"]}, 201, id="must exchange"),
        pytest.param({"requirements": ["must-fly"]}, 400, id="unknown requirement"),
        pytest.param({"requirements": ["must-use-mfa"]}, 501, id="second factor"),
        pytest.param({"accessTypes": ["remote", "datatx"], "size": 7}, 201, id="datatx too"),
        pytest.param({"accessTypes": ["datatx"]}, 501, id="datatx alone"),
    ],
)
async def test_protocols_that_arrive(stranger, node, peer, friend, changes, status):
    changes = {
        name: value.format(peer=peer.domain) if isinstance(value, str) else value
        for name, value in changes.items()
    }
    body = offer(node, peer, friend, protocol=protocol(peer, **changes))
    got, answer = await stranger.post("/ocm/shares", body)
    assert got == status, answer


async def test_the_same_share_twice_is_one(stranger, node, peer, friend, einstein):
    for name in ("first", "second"):
        body = offer(node, peer, friend, providerId="twice", name=name)
        assert (await stranger.post("/ocm/shares", body))[0] == 201
    found = await received(einstein)
    assert "first" not in found
    assert found["second"].remote_share_id == "twice"
    # Whoever does not sign cannot put another secret in the place of a good one.
    other = protocol(peer, sharedSecret="another")
    body = offer(node, peer, friend, providerId="twice", name="third", protocol=other)
    assert (await stranger.post("/ocm/shares", body))[0] == 409
    assert (await stranger.post("/ocm/shares", body, peer=peer))[0] == 201
    assert "third" in await received(einstein)


@pytest.mark.parametrize("path", ["/ocm/shares", "/ocm/invite-accepted", "/ocm/notifications"])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        pytest.param(b"", "application/json", 400, id="empty"),
        pytest.param(b"[1]", "application/json", 400, id="list"),
        pytest.param(b"null", "application/json", 400, id="null"),
        pytest.param(b"{", "application/json", 400, id="half"),
        pytest.param(b'{"a":NaN}', "application/json", 400, id="NaN"),
        pytest.param(b"\xff\xfe", "application/json", 400, id="bytes"),
        pytest.param(b"[" * 60_000, "application/json", 400, id="deep list"),
        pytest.param(
            b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "application/json", 400, id="deep object"
        ),
        pytest.param(b" " * 1_000_000, "application/json", 413, id="1 MB"),
        pytest.param(b"{}", "text/plain", 400, id="text"),
        pytest.param(b"{}", "application/json; charset=utf-8", 400, id="charset"),
    ],
)
async def test_rubbish_is_refused_in_words_of_ocm(stranger, path, body, kind, status):
    got, answer = await stranger.post(path, body, kind=kind)
    assert got == status
    jsonschema.validate(answer, schemas.REFUSAL)


async def test_a_peer_that_signs_is_not_believed_unsigned(
    stranger, node, peer, friend, fresh, tmp_path
):
    peer.describe(capabilities=["invites", "http-sig"])
    fresh()
    body = offer(node, peer, friend, providerId="signed", name="signed")
    assert (await stranger.post("/ocm/shares", body))[0] == 401
    assert (await stranger.post("/ocm/shares", body, peer=peer))[0] == 201
    rogue = FakePeer(tmp_path / "rogue")
    rogue.domain = peer.domain
    got, answer = await stranger.post("/ocm/shares", body, peer=rogue)
    assert (got, answer["code"]) == (401, "UNAUTHENTICATED")
    rogue.domain = "evil.example"
    assert (await stranger.post("/ocm/shares", body, peer=rogue))[0] == 401


@pytest.fixture
def fresh(node_federation):
    """Makes the node ask the peer anew at its next message."""

    def forget():
        node_federation.discovery._known.clear()
        node_federation.discovery._failed.clear()
        node_federation.keys_of_peers._known.clear()

    forget()
    yield forget
    forget()


async def test_a_signed_message_counts_once(stranger, node, peer, friend):
    from jupyter_mesh.node.ocm.signatures import sign

    body = json.dumps(offer(node, peer, friend, providerId="once", name="once")).encode()
    kind = {"Content-Type": "application/json"}
    headers = sign(peer.key, peer.domain, "POST", f"http://{node.domain}/ocm/shares", kind, body)
    assert (await stranger.post("/ocm/shares", body, headers=headers))[0] == 201
    got, answer = await stranger.post("/ocm/shares", body, headers=headers)
    assert (got, answer["message"]) == (401, "This message was sent before.")


async def test_a_peer_that_cannot_be_asked_is_not_believed(stranger, node, peer, friend, fresh):
    peer.document = {"enabled": True}
    fresh()
    body = offer(node, peer, friend, providerId="down", name="down")
    got, answer = await stranger.post("/ocm/shares", body)
    assert (got, answer["code"]) == (503, "PROVIDER_ERROR")


async def state_of(person, name):
    found = (await received(person)).get(name)
    return None if found is None else found.state


@pytest.mark.parametrize(
    ("secret", "sign_it", "believed"),
    [
        pytest.param("", False, False, id="unsigned"),
        pytest.param("wrong", False, False, id="wrong secret"),
        pytest.param("hushhush", False, True, id="secret"),
        pytest.param("", True, True, id="signed"),
    ],
)
async def test_only_the_sender_ends_a_share(
    stranger, node, peer, friend, einstein, secret, sign_it, believed
):
    name = f"ends-{secret}-{sign_it}"
    body = offer(node, peer, friend, providerId=name, name=name)
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    note = {
        "notificationType": "SHARE_UNSHARED",
        "resourceType": "file",
        "providerId": name,
        "notification": {"sharedSecret": secret} if secret else {},
    }
    got, _ = await stranger.post("/ocm/notifications", note, peer=peer if sign_it else None)
    assert got == 201
    assert (await state_of(einstein, name) is None) == believed


@pytest.mark.parametrize(
    ("kind", "status"),
    [("REQUEST_RESHARE", 501), ("RESHARE_UNDO", 501), ("WHATEVER", 400), ("", 400), (7, 400)],
)
async def test_notes_that_are_not_followed(stranger, kind, status):
    note = {"notificationType": kind, "providerId": "7", "notification": {}}
    assert (await stranger.post("/ocm/notifications", note))[0] == status


async def test_the_answer_of_the_receiver_reaches_the_sender(
    stranger, node, peer, friend, einstein, node_federation
):
    peer.answers["/ocm/shares"] = {"recipientDisplayName": "Emmy"}
    contact = next(one for one in await einstein.contacts() if one.id.opaque_id == "noether")
    request = ocm.CreateOCMShareRequest(
        resource_id=await einstein.folder("answer"),
        grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=contact.id),
        access_methods=[webdav(VIEWER)],
    )
    share = (await einstein.call("CreateOCMShare", request)).share
    note = {"notificationType": "SHARE_DECLINED", "providerId": share.id.opaque_id}
    for signer, expected in ((None, ""), (peer, "declined")):
        assert (await stranger.post("/ocm/notifications", note, peer=signer))[0] == 201
        row = await node_federation.site.run(
            lambda: node_federation.store.given(share.id.opaque_id)
        )
        assert row.answer == expected
    assert "answer" in await given(einstein)


async def test_our_answer_is_sent(stranger, node, peer, friend, einstein):
    peer.answers["/ocm/notifications"] = {"ok": True}
    body = offer(node, peer, friend, providerId="told", name="told")
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    share = (await received(einstein))["told"]
    for state in (shares.SHARE_STATE_ACCEPTED, shares.SHARE_STATE_REJECTED):
        request = ocm.UpdateReceivedOCMShareRequest(
            share=shares.ReceivedShare(id=share.id, state=state),
            update_mask=FieldMask(paths=["state"]),
        )
        assert code(await einstein.call("UpdateReceivedOCMShare", request)) == "OK"

    def notes():
        sent = posted(peer, "/ocm/notifications")
        return [note for note in sent if note["providerId"] == "told"]

    await until(lambda: _holds(lambda: len(notes()) == 2))
    assert {note["notificationType"] for note in notes()} == {"SHARE_ACCEPTED", "SHARE_DECLINED"}
    for note in notes():
        jsonschema.validate(note, schemas.NOTIFICATION)
        assert note["providerId"] == "told"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (201, "OK"),
        (200, "OK"),
        (401, "INVALID_ARGUMENT"),
        (404, "INTERNAL"),
        (500, "INTERNAL"),
        (302, "INTERNAL"),
    ],
)
async def test_what_the_receiver_answers(einstein, peer, friend, status, expected):
    from aiohttp import web

    async def answer(_):
        return web.Response(status=status, text="{}", headers={"Location": "/elsewhere"})

    peer.answers["/ocm/shares"] = answer
    contact = next(one for one in await einstein.contacts() if one.id.opaque_id == "noether")
    request = ocm.CreateOCMShareRequest(
        resource_id=await einstein.folder(f"answer-{status}"),
        grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=contact.id),
        access_methods=[webdav(VIEWER)],
    )
    assert code(await einstein.call("CreateOCMShare", request)) == expected
    assert (f"answer-{status}" in await given(einstein)) == (expected == "OK")


async def test_a_peer_that_stops_in_the_middle_leaves_nothing(einstein, peer, friend):
    async def hang_up(request):
        request.transport.close()
        await asyncio.sleep(0)

    peer.answers["/ocm/shares"] = hang_up
    contact = next(one for one in await einstein.contacts() if one.id.opaque_id == "noether")
    request = ocm.CreateOCMShareRequest(
        resource_id=await einstein.folder("cut"),
        grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=contact.id),
        access_methods=[webdav(VIEWER)],
    )
    reply = await einstein.call("CreateOCMShare", request)
    assert code(reply) == "INTERNAL"
    assert "cut" not in await given(einstein)


async def test_must_exchange_only_for_those_who_can(einstein, peer, friend, fresh):
    peer.answers["/ocm/shares"] = {"ok": True}
    contact = next(one for one in await einstein.contacts() if one.id.opaque_id == "noether")

    async def share(folder, *requirements):
        request = ocm.CreateOCMShareRequest(
            resource_id=await einstein.folder(folder),
            grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=contact.id),
            access_methods=[webdav(VIEWER, *requirements)],
        )
        return await einstein.call("CreateOCMShare", request)

    assert code(await share("strict", "must-exchange-token")) == "UNIMPLEMENTED"
    assert not posted(peer, "/ocm/shares")
    token = f"http://{peer.domain}/ocm/token"
    peer.describe(
        capabilities=["invites", "exchange-token"],
        tokenEndPoint=token,
        criteria=["must-exchange-token"],
    )
    fresh()
    assert code(await share("strict")) == "OK"
    (sent,) = posted(peer, "/ocm/shares")
    jsonschema.validate(sent, schemas.SHARE)
    assert sent["protocol"]["webdav"]["requirements"] == ["must-exchange-token"]
