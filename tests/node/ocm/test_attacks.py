"""What a node lets nobody do to it or to its peers: each of these worked once."""

# ruff: noqa: F811 - the fixture friend is imported

import asyncio
from types import SimpleNamespace

import pytest
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as shares

from jupyter_mesh.errors import Unavailable
from jupyter_mesh.node.ocm import invites
from jupyter_mesh.node.ocm.discovery import Discovery
from jupyter_mesh.node.ocm.limits import Limits
from jupyter_mesh.node.ocm.reading import NotTaken
from jupyter_mesh.node.ocm.signatures import KeysOfPeers, Mark, Replays
from tests.node.ocm.conftest import FakePeer, code
from tests.node.ocm.test_messages import friend, offer, state_of  # noqa: F401  a fixture
from tests.node.ocm.test_shares import received


async def test_forged_messages_use_up_nothing_of_the_site_they_name(
    stranger,
    node,
    peer,
    friend,
    node_federation,
    monkeypatch,
    tmp_path,
):
    peer.describe(capabilities=["invites", "http-sig"])
    counted = []

    class Counting(Limits):
        def admit(self, who):
            counted.append(who)
            super().admit(who)

    monkeypatch.setattr(node_federation, "limits", Counting())
    monkeypatch.setattr(node_federation.discovery, "_known", {})
    rogue = FakePeer(tmp_path / "rogue")
    rogue.domain = peer.domain
    body = offer(node, peer, friend, providerId="forged", name="forged")
    assert (await stranger.post("/ocm/shares", body, peer=rogue))[0] == 401
    assert (await stranger.post("/ocm/shares", body))[0] == 401
    assert not [who for who in counted if peer.domain in who]
    assert (await stranger.post("/ocm/shares", body, peer=peer))[0] == 201
    assert peer.domain in counted
    monkeypatch.setattr(node_federation.discovery, "_known", {})


async def test_what_was_accepted_from_one_is_not_accepted_from_another(
    stranger,
    node,
    peer,
    friend,
    einstein,
    node_federation,
):
    body = offer(node, peer, friend, providerId="swap", name="swap")
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    share = (await received(einstein))["swap"]
    store = node_federation.store
    await node_federation.site.run(
        lambda: store.change_received(share.id.opaque_id, state="accepted")
    )
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    assert await state_of(einstein, "swap") == shares.SHARE_STATE_ACCEPTED
    other = body | {"owner": f"mallory@{peer.domain}"}
    assert (await stranger.post("/ocm/shares", other, peer=peer))[0] == 201
    assert await state_of(einstein, "swap") == shares.SHARE_STATE_PENDING


async def test_who_has_an_account_is_not_told(stranger, node, peer, friend):
    answers = []
    for name in ("hopper", "nobody"):
        body = offer(node, peer, friend, shareWith=f"{name}@{node.domain}")
        answers.append(await stranger.post("/ocm/shares", body))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_one_invitation_does_not_bring_any_number_of_people(
    stranger,
    peer,
    einstein,
    friend,
    monkeypatch,
):
    monkeypatch.setattr(invites, "MOST_CONTACTS", 3)
    token = await einstein.invite()
    body = {"recipientProvider": peer.domain, "token": token, "email": "", "name": "Somebody"}
    answers = [
        (await stranger.post("/ocm/invite-accepted", body | {"userID": f"sock{number}"}))[0]
        for number in range(4)
    ]
    assert answers == [200, 200, 403, 403]
    assert (await stranger.post("/ocm/invite-accepted", body | {"userID": "sock0"}))[0] == 409


async def test_open_invitations_are_bounded(einstein, monkeypatch):
    monkeypatch.setattr(invites, "MOST_INVITES", 1)
    replies = [
        code(await einstein.call("GenerateInviteToken", api.GenerateInviteTokenRequest()))
        for _ in range(2)
    ]
    assert replies[-1] != "OK"


async def test_shares_that_ended_leave_room_for_others(
    stranger,
    node,
    peer,
    friend,
    einstein,
    node_federation,
    monkeypatch,
):
    monkeypatch.setattr("jupyter_mesh.node.ocm.shares.MOST_FROM_ONE_SITE", 0)
    body = offer(node, peer, friend, providerId="full", name="full")
    assert (await stranger.post("/ocm/shares", body))[0] == 403
    store = node_federation.store
    user = friend
    count = await node_federation.site.run(lambda: store.received_count(user, peer.domain))
    monkeypatch.setattr("jupyter_mesh.node.ocm.shares.MOST_FROM_ONE_SITE", count + 1)
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    note = {
        "notificationType": "SHARE_UNSHARED",
        "resourceType": "file",
        "providerId": "full",
        "notification": {},
    }
    assert (await stranger.post("/ocm/notifications", note, peer=peer))[0] == 201
    another = offer(node, peer, friend, providerId="next", name="next")
    assert (await stranger.post("/ocm/shares", another))[0] == 201


class Down:
    """The way to a site that is down, and slow to tell."""

    def __init__(self):
        self.asked = 0

    def origins(self, domain):
        return [f"https://{domain}"]

    async def get(self, url):
        self.asked += 1
        await asyncio.sleep(0.05)
        raise Unavailable("It cannot be reached.")


async def test_many_who_name_a_site_do_not_make_us_ask_it_many_times():
    down = Down()
    discovery = Discovery(down)
    failures = await asyncio.gather(
        *(discovery.of("peer.example") for _ in range(50)), return_exceptions=True
    )
    assert {type(failure) for failure in failures} == {Unavailable}
    assert down.asked == 1
    known = SimpleNamespace(of=lambda _: asyncio.sleep(0, SimpleNamespace(origin="https://p")))
    keys = KeysOfPeers(down, known)
    failures = await asyncio.gather(
        *(keys.key(mark(bytes([number]))) for number in range(50)), return_exceptions=True
    )
    assert {type(failure) for failure in failures} == {Unavailable}
    assert down.asked == 2


def mark(value):
    fields = {"signature-input": 'ocm=("@method");created=1;keyid="peer.example#k"'}
    return Mark("peer.example#k", "peer.example", "", fields, value)


def test_a_second_spelling_of_a_signature_is_the_same_message():
    """ECDSA has two good signatures for each one."""
    replays = Replays()
    replays.note(mark(b"one"), "POST", "https://a.example/", b"body")
    with pytest.raises(NotTaken, match="before"):
        replays.note(mark(b"other"), "POST", "https://a.example/", b"body")
    replays.note(mark(b"one"), "POST", "https://a.example/", b"another body")
