"""A trusted site that speaks for another one, and names that are made to be misread."""

# ruff: noqa: F811 - the fixture friend is imported

from urllib.parse import urlencode

import pytest
from cs3.sharing.ocm.v1beta1 import resources_pb2 as shares

from jupyter_mesh.node.ocm.reading import Fields, shown
from jupyter_mesh.node.ocm.rows import Given
from tests.node.ocm.conftest import fake_peer
from tests.node.ocm.test_messages import friend, offer, protocol, state_of  # noqa: F401  a fixture
from tests.node.ocm.test_shares import received
from tests.node.ocm.test_tokens import FORM


@pytest.fixture(scope="module")
async def other(tmp_path_factory, node_federation):
    """A second site that the node trusts as much, and that signs what it sends."""
    async with fake_peer(tmp_path_factory.mktemp("other")) as other:
        other.describe(capabilities=["invites", "http-sig"])
        store = node_federation.store
        await node_federation.site.run(lambda: store.add_peer(other.domain, "Other"))
        yield other


@pytest.fixture
async def share(stranger, node, peer, friend, einstein, node_federation):
    """What the first site shares with einstein, accepted."""
    body = offer(node, peer, friend, providerId="theirs", name="theirs")
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    share = (await received(einstein))["theirs"]
    store = node_federation.store
    await node_federation.site.run(
        lambda: store.change_received(share.id.opaque_id, state="accepted")
    )
    return share


def says(kind, provider_id="theirs", **inner):
    return {"notificationType": kind, "providerId": provider_id, "notification": inner}


WEBDAV = {"webdav": {"permissions": ["read", "write"]}}


@pytest.mark.parametrize(
    ("path", "make", "status"),
    [
        pytest.param("/ocm/shares", "offer", 401, id="a share of theirs"),
        pytest.param("/ocm/shares", "again", 401, id="their share once more"),
        pytest.param("/ocm/invite-accepted", "accepted", 401, id="a contact of theirs"),
        pytest.param("/ocm/notifications", says("SHARE_UNSHARED"), 201, id="the end"),
        pytest.param(
            "/ocm/notifications",
            says("SHARE_UNSHARED", sharedSecret="hushhush"),
            201,
            id="the end, with the secret",
        ),
        pytest.param(
            "/ocm/notifications",
            says("SHARE_CHANGE_PERMISSION", protocol=WEBDAV),
            201,
            id="more rights",
        ),
    ],
)
async def test_nobody_speaks_for_another_site(
    stranger,
    node,
    peer,
    other,
    friend,
    einstein,
    share,
    node_federation,
    path,
    make,
    status,
):
    store, run = node_federation.store, node_federation.site.run
    before = await run(lambda: store.received(share.id.opaque_id))
    contacts = {(one.id.opaque_id, one.id.idp) for one in await einstein.contacts()}
    body = make
    if make == "offer":
        body = offer(node, peer, friend, providerId="new", name="new")
    elif make == "again":
        evil = protocol(peer, uri=f"http://{other.domain}/x", sharedSecret="another")
        body = offer(node, peer, friend, providerId="theirs", name="theirs", protocol=evil)
    elif make == "accepted":
        body = {
            "recipientProvider": peer.domain,
            "token": await einstein.invite(),
            "userID": "mallory",
            "email": "",
            "name": "Mallory",
        }
    assert (await stranger.post(path, body, peer=other))[0] == status
    assert await run(lambda: store.received(share.id.opaque_id)) == before
    assert {(one.id.opaque_id, one.id.idp) for one in await einstein.contacts()} == contacts
    assert "new" not in await received(einstein)


async def test_the_same_id_of_two_sites_is_two_shares(
    stranger, node, peer, other, einstein, share, node_federation
):
    body = {
        "recipientProvider": other.domain,
        "token": await einstein.invite(),
        "userID": "noether",
        "email": "",
        "name": "Another Noether",
    }
    status, me = await stranger.post("/ocm/invite-accepted", body, peer=other)
    assert status == 200
    sent = offer(
        node, other, me["userID"], providerId="theirs", name="others", protocol=protocol(other)
    )
    assert (await stranger.post("/ocm/shares", sent, peer=other))[0] == 201
    assert await state_of(einstein, "theirs") == shares.SHARE_STATE_ACCEPTED
    assert await state_of(einstein, "others") == shares.SHARE_STATE_PENDING
    assert (await stranger.post("/ocm/notifications", says("SHARE_UNSHARED"), peer=other))[0] == 201
    assert await state_of(einstein, "theirs") == shares.SHARE_STATE_ACCEPTED
    assert await state_of(einstein, "others") is None
    elsewhere = sent | {"protocol": protocol(other, uri=f"http://{peer.domain}/dav/ocm/7")}
    assert (await stranger.post("/ocm/shares", elsewhere, peer=other))[0] == 400


@pytest.mark.parametrize("client", ["own", "of the share"])
async def test_nobody_gets_a_token_for_the_share_of_another(
    stranger, peer, other, einstein, node_federation, client
):
    await einstein.folder("tokens")
    site = node_federation.site

    def give():
        user = site.people.by_name("einstein")
        given = Given(
            id=f"p-{client}",
            space=user.id,
            entry=f"e-{client}",
            owner=user.id,
            sharer=user.id,
            editor=False,
            secret=f"Marker-secret-{client}",
            must_exchange=True,
            grantee="noether",
            domain=peer.domain,
        )
        site.federation.store.add_given(given)
        return given

    given = await site.run(give)
    form = {
        "grant_type": "authorization_code",
        "client_id": other.domain if client == "own" else peer.domain,
        "code": given.secret,
    }
    status, answer = await stranger.post(
        "/ocm/token", urlencode(form).encode(), kind=FORM, peer=other
    )
    assert status == 400
    assert answer == {"error": "invalid_grant" if client == "own" else "invalid_client"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("Emmy Noether", "Emmy Noether", id="plain"),
        pytest.param(
            "  Émilie \U0001f469\u200d\U0001f52c ", "Émilie \U0001f469\u200d\U0001f52c", id="emoji"
        ),
        pytest.param("עמי نوتر", "עמי نوتر", id="right to left"),
        pytest.param("gnp.\u202eipynb\u202c", "gnp.ipynb", id="override"),
        pytest.param("\u2066a\u2067b\u2068c\u2069", "abc", id="isolates"),
        pytest.param("\u200ea\u200fb\u061cc\ufeff", "abc", id="marks"),
        pytest.param("two\nlines\u2028three\u0085four", "two lines three four", id="lines"),
        pytest.param("a\x00b\x1b[31mc\x7fd\x9be", "ab[31mcde", id="controls"),
        pytest.param("a\ud800b", "ab", id="half a pair"),
        pytest.param("x" * 300, "x" * 255, id="long"),
        pytest.param("\u202e", "", id="nothing else"),
    ],
)
def test_what_strangers_call_things_is_read_in_one_line(text, read):
    assert shown(text) == read
    assert shown(read) == read


def test_an_identifier_stays_byte_for_byte():
    assert Fields({"userID": "a\u202eb"}).text("userID") == "a\u202eb"


SPOOF = "Marie\u202e\u2066 at \u009bCoast"
READ = "Marie at Coast"


async def test_names_of_peers_turn_nothing_around(
    stranger,
    node,
    peer,
    friend,
    einstein,
    node_federation,
):
    body = {
        "recipientProvider": peer.domain,
        "token": await einstein.invite(),
        "userID": "spoof",
        "email": f"{SPOOF}@x",
        "name": SPOOF,
    }
    assert (await stranger.post("/ocm/invite-accepted", body))[0] == 200
    (contact,) = [one for one in await einstein.contacts() if one.id.opaque_id == "spoof"]
    assert (contact.display_name, contact.mail) == (READ, f"{READ}@x")
    body = offer(
        node,
        peer,
        friend,
        providerId="spoof",
        name="gnp.\u202eipynb",
        senderDisplayName=SPOOF,
        ownerDisplayName=SPOOF,
    )
    assert (await stranger.post("/ocm/shares", body))[0] == 201
    (share,) = [
        one for one in (await received(einstein)).values() if one.remote_share_id == "spoof"
    ]
    assert share.name == "gnp.ipynb"
    row = await node_federation.site.run(lambda: node_federation.store.received(share.id.opaque_id))
    assert (row.sender_name, row.owner_name) == (READ, READ)
    for name in ("\u202e", "\u2066..\u2069", "a/\u202e"):
        assert (await stranger.post("/ocm/shares", body | {"name": name}))[0] == 400
    peer.describe(provider=SPOOF)
    node_federation.discovery._known.clear()
    assert (await node_federation.discovery.of(peer.domain)).title == READ
    node_federation.discovery._known.clear()
