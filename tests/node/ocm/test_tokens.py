"""The code flow: a token for the secret of a share, for the site that has it and for nobody else."""

from urllib.parse import urlencode

import pytest

from jupyter_mesh.node.ocm.rows import Given, Received

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
async def share(node, peer, node_federation, einstein):
    """A share with somebody at the peer, as a row."""
    await einstein.folder("tokens")
    site = node_federation.site

    def make():
        user = site.people.by_name("einstein")
        share = Given(
            id="p-1",
            space=user.id,
            entry="e-1",
            owner=user.id,
            sharer=user.id,
            editor=False,
            secret="the-secret-of-the-share",
            must_exchange=True,
            grantee="noether",
            domain=peer.domain,
        )
        site.federation.store.add_given(share)
        return share

    return await site.run(make)


def form(peer, **changes):
    values = {
        "grant_type": "authorization_code",
        "client_id": peer.domain,
        "code": "the-secret-of-the-share",
    } | changes
    return urlencode({name: value for name, value in values.items() if value is not None}).encode()


async def test_the_same_secret_gives_any_number_of_tokens(stranger, peer, share, node_federation):
    tokens = set()
    for grant in ("authorization_code", "ocm_share"):
        status, answer = await stranger.post("/ocm/token", form(peer, grant_type=grant), kind=FORM)
        assert status == 200
        assert answer["token_type"] == "Bearer"
        assert 0 < answer["expires_in"] <= 86400
        tokens.add(answer["access_token"])
    assert len(tokens) == 2
    store = node_federation.store
    for token in tokens:
        found = await node_federation.site.run(lambda token=token: store.given_by_token(token))
        assert found.id == share.id
    for wrong in ("", "x", share.secret):
        assert (
            await node_federation.site.run(lambda wrong=wrong: store.given_by_token(wrong)) is None
        )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"code": "wrong"}, "invalid_grant", id="wrong code"),
        pytest.param({"code": None}, "invalid_request", id="no code"),
        pytest.param({"client_id": None}, "invalid_request", id="no client"),
        pytest.param({"client_id": "evil.example"}, "invalid_grant", id="other client"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="other grant"),
        pytest.param({"grant_type": None}, "unsupported_grant_type", id="no grant"),
    ],
)
async def test_what_gives_no_token(stranger, peer, share, changes, error):
    status, answer = await stranger.post("/ocm/token", form(peer, **changes), kind=FORM)
    assert (status, answer) == (400, {"error": error})


@pytest.mark.parametrize("body", [b"", b"\xff=\xff", b"a=1&a=1", b"&".join([b"a=1"] * 99), b"a"])
async def test_rubbish_gives_no_token(stranger, share, body):
    status, answer = await stranger.post("/ocm/token", body, kind=FORM)
    assert status == 400
    assert answer["error"] in ("invalid_request", "unsupported_grant_type")


async def test_only_forms_are_read(stranger, peer, share):
    status, _ = await stranger.post("/ocm/token", {"grant_type": "authorization_code"})
    assert status == 400


async def test_a_signature_of_another_site_gives_no_token(stranger, peer, share, tmp_path):
    from tests.node.ocm.conftest import FakePeer

    rogue = FakePeer(tmp_path / "rogue")
    rogue.domain = peer.domain
    status, answer = await stranger.post("/ocm/token", form(peer), kind=FORM, peer=rogue)
    assert (status, answer) == (400, {"error": "invalid_client"})
    assert (await stranger.post("/ocm/token", form(peer), kind=FORM, peer=peer))[0] == 200


async def test_a_removed_share_ends_its_tokens(stranger, peer, share, node_federation):
    store, run = node_federation.store, node_federation.site.run
    token = (await stranger.post("/ocm/token", form(peer), kind=FORM))[1]["access_token"]
    await run(lambda: store.remove_given(share.id))
    try:
        assert await run(lambda: store.given_by_token(token)) is None
        status, answer = await stranger.post("/ocm/token", form(peer), kind=FORM)
        assert (status, answer) == (400, {"error": "invalid_grant"})
    finally:
        await run(lambda: store.add_given(share))
    assert await run(lambda: store.given_by_token(token)) is None


async def test_no_secret_shows_in_a_row(share):
    row = Received(id="1", user="u", name="n", domain="d", owner="o", url="u", secret="hushhush")
    assert "hushhush" not in repr(row)
    assert share.secret not in repr(share)
