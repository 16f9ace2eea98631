"""The login with a token of an OpenID Connect provider; tests/oidc has a real provider."""

import logging
import time

import grpc
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.node.bearer import BearerSettings

from .conftest import code


class Provider:
    """What a site asks a provider for: where its keys are, and the keys. It signs what it is told to."""

    def __init__(self):
        self.runner = None
        self.calls_itself = ""
        self.asked = 0
        self.new_key("first")

    def new_key(self, name):
        self.name, self.key = name, rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async def about(self, _request):
        issuer = self.calls_itself or self.issuer
        return web.json_response({"issuer": issuer, "jwks_uri": f"{self.issuer}/keys"})

    async def keys(self, _request):
        self.asked += 1
        entry = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [entry | {"kid": self.name, "use": "sig"}]})

    async def start(self):
        app = web.Application()
        app.router.add_get("/realm/.well-known/openid-configuration", self.about)
        app.router.add_get("/realm/keys", self.keys)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self.runner.addresses[0][1]}/realm"

    async def stop(self):
        await self.runner.cleanup()

    def token(self, *, key=None, algorithm="RS256", **claims):
        claims = {
            "iss": self.issuer,
            "sub": "a-uuid",
            "exp": time.time() + 60,
            "preferred_username": "einstein",
        } | claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm, headers={"kid": self.name})


@pytest.fixture
async def provider():
    provider = Provider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def login(start, provider):
    """Log in at a site that takes the provider's tokens; ``audience`` and ``claim`` as its options."""
    channels = []

    async def login(token, **options):
        if not channels:
            flavour = options.pop("flavour", "spaces")
            site = await start(flavour, bearer=BearerSettings(issuer=provider.issuer, **options))
            channels.append(grpc.aio.insecure_channel(site.node.gateway))
        return await stubs.GatewayAPIStub(channels[0]).Authenticate(
            gateway.AuthenticateRequest(type="bearer", client_secret=token)
        )

    yield login
    for channel in channels:
        await channel.close()


async def test_user_of_the_claim(login, provider, flavour):
    reply = await login(provider.token(), flavour=flavour)
    assert code(reply) == "OK"
    assert reply.user.username == "einstein"
    assert list(reply.user.groups) == ["physics"]
    await login(provider.token(preferred_username="marie"))
    assert provider.asked == 1


CLAIMS = {
    "expired, without leeway": {"exp": lambda: time.time() - 1},
    "no end": {"exp": None},
    "unknown user": {"preferred_username": "nobody"},
    "no claim, then sub": {"preferred_username": None},
    "no sub": {"sub": None},
    "other issuer": {"iss": "http://127.0.0.1:1/realm"},
    "not yet": {"nbf": lambda: time.time() + 310},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
async def test_refused_claims_are_all_the_same(login, provider, claims, caplog):
    claims = {name: value() if callable(value) else value for name, value in claims.items()}
    token = provider.token(**claims)
    reply = await login(token)
    assert (code(reply), reply.status.message) == ("UNAUTHENTICATED", "error authenticating user")
    assert not reply.token
    assert "A bearer token was refused: " in caplog.text
    assert token not in caplog.text


def forged(provider, how):
    head, body, signature = provider.token().split(".")
    other = provider.token(preferred_username="marie").split(".")
    return {
        "changed payload": f"{head}.{other[1]}.{signature}",
        "no signature": f"{head}.{body}.",
        "foreign key": provider.token(
            key=rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ),
        "alg none": jwt.encode({"iss": provider.issuer}, None, "none"),
        "a secret": provider.token(key="a" * 32, algorithm="HS256"),
        "rubbish": "rubbish",
        "empty": "",
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "changed payload",
        "no signature",
        "foreign key",
        "alg none",
        "a secret",
        "rubbish",
        "empty",
    ],
)
async def test_forged_tokens(login, provider, how):
    reply = await login(forged(provider, how))
    assert (code(reply), reply.status.message) == ("UNAUTHENTICATED", "error authenticating user")


async def test_slightly_late_clock_of_the_provider(login, provider):
    assert code(await login(provider.token(nbf=time.time() + 200))) == "OK"


async def test_without_the_option_any_audience_is_taken_as_at_reva(login, provider):
    for audience in (None, "hub", ["storage"]):
        assert code(await login(provider.token(aud=audience))) == "OK"


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("storage", "OK"),
        (["hub", "storage"], "OK"),
        ("hub", "UNAUTHENTICATED"),
        (None, "UNAUTHENTICATED"),
    ],
    ids=["right", "among others", "wrong", "none"],
)
async def test_audience_where_the_operator_names_one(login, provider, audience, expected):
    assert code(await login(provider.token(aud=audience), audience="storage")) == expected


async def test_claim_is_an_option(login, provider):
    reply = await login(provider.token(uid="marie"), claim="uid")
    assert reply.user.username == "marie"


async def test_keys_are_kept_while_the_provider_is_away(login, provider):
    assert code(await login(provider.token())) == "OK"
    await provider.runner.cleanup()
    assert code(await login(provider.token())) == "OK"


async def test_provider_away_at_a_fresh_site(login, provider, caplog):
    await provider.runner.cleanup()
    assert code(await login(provider.token())) == "UNAUTHENTICATED"
    assert "ClientConnectorError" in caplog.text


async def test_new_key_is_fetched_and_strange_ones_cannot_make_it_ask(
    login, provider, monkeypatch, caplog
):
    caplog.set_level(logging.WARNING)
    assert code(await login(provider.token())) == "OK"
    provider.new_key("second")
    monkeypatch.setattr("jupyter_mesh.node.bearer._AGAIN", 0.0)
    assert code(await login(provider.token())) == "OK"
    assert provider.asked == 2
    monkeypatch.setattr("jupyter_mesh.node.bearer._AGAIN", 1000.0)
    provider.name = "third"
    for _ in range(3):
        assert code(await login(provider.token())) == "UNAUTHENTICATED"
    assert provider.asked == 2


async def test_provider_that_calls_itself_otherwise(login, provider, caplog):
    provider.calls_itself = f"{provider.issuer}/"
    assert code(await login(provider.token())) == "UNAUTHENTICATED"
    assert "the provider calls itself" in caplog.text


async def test_a_slash_makes_another_issuer(login, provider):
    assert code(await login(provider.token(iss=f"{provider.issuer}/"))) == "UNAUTHENTICATED"


async def test_login_is_listed_where_it_is_there(start, provider):
    for bearer, there in ((None, False), (BearerSettings(issuer=provider.issuer), True)):
        site = await start("spaces", bearer=bearer)
        async with grpc.aio.insecure_channel(site.node.gateway) as channel:
            stub = stubs.GatewayAPIStub(channel)
            types = (await stub.ListAuthProviders(gateway.WhoAmIRequest())).types
        assert ("bearer" in types) is there
        await site.node.stop()


@pytest.mark.parametrize(
    ("issuer", "sentence"),
    [
        ("http://id.alpine.example/realm", "is not encrypted"),
        ("id.alpine.example", "cannot be an issuer"),
        ("", "cannot be an issuer"),
    ],
    ids=["plain http", "no URL", "empty"],
)
def test_issuer_that_cannot_be(issuer, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        BearerSettings(issuer=issuer)


@pytest.mark.parametrize(
    "issuer",
    ["https://id.alpine.example/realm", "http://127.0.0.1:8180/realms/mesh", "http://localhost/x"],
)
def test_issuer_that_can_be(issuer):
    assert BearerSettings(issuer=issuer).issuer == issuer
