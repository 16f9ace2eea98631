"""The page "where are you from", signed lists of sites, limits, and the list of peers by command."""

import asyncio
import json
import re

import jsonschema
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from jupyter_mesh.errors import InvalidRequest, MeshError, SiteError
from jupyter_mesh.node.ocm.addresses import canonical_domain, sent_id, split_address
from jupyter_mesh.node.ocm.directory import Directories, read_directory
from jupyter_mesh.node.ocm.limits import Limits
from jupyter_mesh.node.ocm.reading import NotTaken
from jupyter_mesh.node.ocm.settings import FederationSettings, read_peer
from tests.node.ocm import schemas


@pytest.fixture
async def token(einstein):
    return await einstein.invite()


@pytest.mark.parametrize("path", ["/ocm/wayf", "/open-cloud-mesh/wayf"])
async def test_the_page_names_who_invites_and_the_sites(stranger, node, peer, token, path):
    status, headers, text = await stranger.get(path, params={"token": token})
    assert status == 200
    assert "einstein (Alpine University) invites you" in text
    assert peer.domain in text
    assert f'"{node.domain}"' not in text
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in text
    assert "style=" not in text


@pytest.mark.parametrize(
    "asked", ["Peer", "peer", "{domain}", "http://{domain}/deep/path?x=1", "pee"]
)
async def test_a_choice_leads_to_the_page_of_that_site(stranger, node, peer, token, asked):
    asked = asked.format(domain=peer.domain)
    status, headers, _ = await stranger.get("/ocm/wayf", params={"token": token, "site": asked})
    assert status == 303
    assert headers["Location"] == (
        f"http://{peer.domain}/accept?token={token}&providerDomain={node.domain}"
    )
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "asked",
    [
        "evil.example",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "<script>alert(1)</script>",
        "https://[::1]:8080/",
        "a" * 400,
    ],
)
async def test_what_is_no_known_site_gets_one_neutral_answer(stranger, token, asked):
    status, _, text = await stranger.get("/ocm/wayf", params={"token": token, "site": asked})
    assert status == 400
    assert "This cannot be used as your institution" in text
    assert "<script" not in text


@pytest.mark.parametrize("asked", ["Alpine University", "own"])
async def test_the_own_site_is_refused_clearly(stranger, node, token, asked):
    asked = node.domain if asked == "own" else asked
    status, _, text = await stranger.get("/ocm/wayf", params={"token": token, "site": asked})
    assert status == 400
    assert "comes from Alpine University itself" in text


async def test_a_site_without_a_page_gets_the_text_to_copy(
    stranger, node, peer, token, node_federation
):
    peer.describe(inviteAcceptDialog="")
    node_federation.discovery._known.clear()
    status, _, text = await stranger.get("/ocm/wayf", params={"token": token, "site": peer.domain})
    node_federation.discovery._known.clear()
    assert status == 400
    assert f"<code>{token}@{node.domain}</code>" in text


@pytest.mark.parametrize("token", ["", "nobody-knows-it", "'\"><b>"])
async def test_an_invitation_that_is_none(stranger, token):
    status, _, text = await stranger.get("/ocm/wayf", params={"token": token})
    assert status == 404
    assert "cannot be used" in text
    assert "<b>" not in text


async def test_own_people_are_led_to_the_page_of_the_hub(stranger):
    given = {"token": "t&1", "providerDomain": "coast.example:80", "next": "https://evil.example"}
    status, headers, _ = await stranger.get("/ocm/accept", params=given)
    assert status == 303
    assert headers["Location"] == (
        "https://hub.alpine.example/hub/user-redirect/mesh/accept?token=t%261&providerDomain=coast.example:80"
    )


async def test_the_list_that_a_node_serves_is_signed(stranger, node, peer):
    status, _, text = await stranger.get("/ocm/directory")
    assert status == 200
    _, _, keys = await stranger.get("/.well-known/jwks.json")
    (jwk,) = json.loads(keys)["keys"]
    key = OKPKey.import_key({name: value for name, value in jwk.items() if name != "alg"})
    payload = json.loads(
        jws.deserialize_json(json.loads(text), key, algorithms=["Ed25519"]).payload
    )
    jsonschema.validate(payload, schemas.DIRECTORY)
    found = read_directory(text.encode(), key, allow_loopback=True)
    assert found == {node.domain: "Alpine University", peer.domain: "Peer"}


PAYLOAD = json.dumps(
    {
        "federation": "Science",
        "servers": [
            {"url": "https://one.example", "displayName": "One"},
            {"url": "https://two.example:8443/", "displayName": "Two"},
            {"url": "http://plain.example", "displayName": "not encrypted"},
            {"url": "https://deep.example/path", "displayName": "a path"},
            {"url": "https://u:p@user.example", "displayName": "a user"},
            {"url": "https://query.example?x", "displayName": "a query"},
            {"url": 7, "displayName": "a number"},
            "text",
            {"url": "https://unnamed.example"},
        ],
    }
).encode()
SITES = {"one.example": "One", "two.example:8443": "Two", "unnamed.example": "unnamed.example"}
KEY = ECKey.generate_key("P-256")


@pytest.mark.parametrize("form", ["compact", "flattened", "general"])
def test_signed_lists_are_read_in_all_forms(form):
    if form == "compact":
        body = jws.serialize_compact({"alg": "ES256"}, PAYLOAD, KEY).encode()
    else:
        member = {"protected": {"alg": "ES256"}}
        members = member if form == "flattened" else [member]
        body = json.dumps(jws.serialize_json(members, PAYLOAD, KEY)).encode()
    assert read_directory(body, KEY) == SITES


def test_lists_that_are_not_signed_by_that_key():
    secret = OctKey.generate_key(256)
    other = ECKey.generate_key("P-256")
    none = b"eyJhbGciOiJub25lIn0." + b"e30" + b"."
    bodies = [
        PAYLOAD,
        none,
        b"rubbish",
        b"{}",
        jws.serialize_compact({"alg": "ES256"}, PAYLOAD, other).encode(),
        jws.serialize_compact({"alg": "HS256"}, PAYLOAD, secret).encode(),
        jws.serialize_compact({"alg": "ES256"}, b"[]", KEY).encode(),
    ]
    for body in bodies:
        with pytest.raises(SiteError):
            read_directory(body, KEY)


async def test_sites_of_a_signed_list_are_trusted(node_federation, peer, tmp_path):
    from aiohttp import web

    (tmp_path / "key.jwk").write_text(json.dumps(KEY.as_dict(private=False)))
    signed = jws.serialize_compact({"alg": "ES256"}, PAYLOAD, KEY)

    async def answer(_):
        return web.Response(text=signed, content_type="application/jose")

    peer.answers["/directory"] = answer
    url = f"http://{peer.domain}/directory"
    lists = Directories(node_federation, {url: tmp_path / "key.jwk"})
    try:
        await lists.refresh()
        run, trust = node_federation.site.run, node_federation.trust
        assert await run(lambda: trust.title("one.example")) == "One"
        signed = "rubbish"
        await lists.refresh()
        assert await run(lambda: trust.title("one.example")) == "One", "as it was before"
    finally:
        node_federation.trust.listed({})


def test_a_file_without_a_key_is_told_of(tmp_path):
    (tmp_path / "key.jwk").write_text(json.dumps(OctKey.generate_key(256).as_dict(private=True)))
    for path in (tmp_path / "key.jwk", tmp_path / "missing"):
        with pytest.raises(MeshError, match="holds no public key"):
            Directories(None, {"https://x.example": path})


async def test_too_much_is_too_much():
    limits = Limits(rate=1000, burst=3)
    for _ in range(3):
        limits.admit("one")
    with pytest.raises(NotTaken) as caught:
        limits.admit("one")
    assert caught.value.status == 429
    limits.admit("other")
    await asyncio.sleep(0.05)
    limits.admit("one")


async def test_too_many_messages_are_answered_429(stranger, node_federation):
    patient, node_federation.limits = node_federation.limits, Limits(rate=0.001, burst=1)
    try:
        answers = [await stranger.post("/ocm/shares", {}) for _ in range(2)]
    finally:
        node_federation.limits = patient
    assert [status for status, _ in answers] == [400, 429]
    jsonschema.validate(answers[1][1], schemas.REFUSAL)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Coast.Example", "coast.example"),
        ("https://coast.example/", "coast.example"),
        ("coast.example:443", "coast.example"),
        ("coast.example:08443", "coast.example:8443"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("[::1]:80", "[::1]:80"),
        ("[0:0::1]", "[::1]"),
    ],
)
def test_one_domain_has_one_form(text, domain):
    assert canonical_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:0",
        "a:99999",
        "a:",
        "-a.example",
        "a..b",
        ".",
        "x" * 300,
        "[::1",
        "a#b",
        "a?b",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "10.0.0.0x1",
        "1.2.3.4.5",
    ],
)
def test_what_is_no_domain(text):
    with pytest.raises(ValueError, match=r"not the domain|permitted|address|octets"):
        canonical_domain(text)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("a.b@uni.example@cloud.example", ("a.b@uni.example", "cloud.example")),
        ("id@cloud.example@cloud.example", ("id", "cloud.example")),
        ("id@https://cloud.example", ("id", "cloud.example")),
        ("id@https://cloud.example@Cloud.example", ("id", "cloud.example")),
    ],
)
def test_addresses_are_split_at_the_last_at(text, user):
    assert split_address(text) == user


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ("einstein", "einstein"),
        ("NGYtdXVpZEBodHRwczovL29jLmV4YW1wbGU=", "4f-uuid"),
        ("NGYtdXVpZEBvdGhlci5leGFtcGxl", "NGYtdXVpZEBvdGhlci5leGFtcGxl"),
        ("a@b", "a@b"),
    ],
)
def test_who_is_named_in_a_share(told, sent):
    assert sent_id(told, "oc.example") == sent


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"public_url": "alpine.example"}, "cannot be the public URL"),
        ({"public_url": "https://alpine.example/path"}, "cannot be the public URL"),
        ({"public_url": "http://alpine.example"}, "is not encrypted"),
        ({"accept_url": "nowhere"}, "cannot be the page"),
    ],
)
def test_settings_that_cannot_be(options, said):
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        FederationSettings(**options)


def test_a_peer_is_a_domain_and_a_title():
    assert read_peer("Coast.example=Coast Institute") == ("coast.example", "Coast Institute")
    assert read_peer("coast.example:8443") == ("coast.example:8443", "coast.example:8443")
    with pytest.raises(InvalidRequest):
        read_peer("a b=x")
