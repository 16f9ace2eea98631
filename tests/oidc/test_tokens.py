"""What a session at a real provider is turned into: tokens for a site, exchanged, renewed, refused."""

import time
from types import SimpleNamespace

import pytest
from oauthenticator.generic import GenericOAuthenticator

from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.errors import LoginEnded, SiteError, Unavailable
from jupyter_mesh_spawner.kept import MeshKeptTokenMixin
from jupyter_mesh_spawner.oidc import MeshOIDCAuthenticator, Session
from jupyter_mesh_spawner.states import AuthStates, new_login
from tests.oidc.conftest import (
    ENDED,
    ENDED_LONG_AGO,
    LIFE,
    NEAR_ITS_END,
    REFUSED,
    SERVICE,
    claims_of,
)


class User:
    """What of a hub's user counts here."""

    def __init__(self, name, state=None):
        self.name, self.settings, self.active = name, {}, False
        self.state = state and new_login(state)
        self.saved = 0

    async def get_auth_state(self):
        return self.state

    async def save_auth_state(self, state):
        self.state, self.saved = state, self.saved + 1

    def be_old(self, seconds=ENDED_LONG_AGO):
        self.state["token_response"]["mesh_received"] = time.time() - seconds


class Page:
    """A request of the user's own browser."""

    def __init__(self, user):
        self._jupyterhub_user = user
        self.request = SimpleNamespace(method="GET")

    def get_token(self):
        return None


def made(cls, keycloak, site, client="hub", **traits):
    addresses = {
        "token_url": keycloak.at("token"),
        "userdata_url": keycloak.at("userinfo"),
        "authorize_url": keycloak.at("auth"),
    }
    return cls(
        mesh_site="alpine",
        mesh_gateway=site.gateway,
        login_service=SERVICE,
        client_id=client,
        client_secret=f"marker-SECRET-of-{client}",
        username_claim="preferred_username",
        **addresses | traits,
    )


@pytest.fixture
async def authenticator(keycloak, site):
    return made(
        MeshOIDCAuthenticator,
        keycloak,
        site,
        mesh_audience="storage",
        mesh_exchange_scope="storage",
    )


def logged_in(authenticator, keycloak, name="bob"):
    """A user as a login leaves it, without a browser."""
    response = keycloak.tokens(name, authenticator.client_id)
    response["mesh_received"] = time.time()
    state = authenticator.build_auth_state_dict(response, {"preferred_username": name})
    return User(name, state)


async def test_token_for_the_site_names_the_site(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    assert "aud" not in claims_of(user.state["access_token"])
    bearer = await authenticator.mesh_bearer(user)
    claims = claims_of(bearer.token)
    assert claims["aud"] == "storage"
    assert claims["preferred_username"] == "bob"
    assert LIFE - 10 < bearer.expires - bearer.received <= LIFE
    assert bearer.token not in repr(bearer)


async def test_exchange_is_kept_by_audience_and_scope(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    ask = authenticator.mesh_exchanged
    storage = await ask(user, "storage", "storage")
    coast = await ask(user, "coast", "coast")
    assert claims_of(coast.token)["aud"] == "coast"
    assert await ask(user, "storage", "storage") == storage
    assert await ask(user, "coast", "coast") == coast
    assert (await ask(user, "storage", "storage", anew=True)).token != storage.token


async def test_exchanged_token_near_its_end_is_replaced(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    first = await authenticator.mesh_bearer(user)
    kept = user.state["mesh_exchanged"]["storage storage"]
    kept["received"] -= NEAR_ITS_END
    kept["expires"] -= NEAR_ITS_END
    assert (await authenticator.mesh_bearer(user)).token != first.token


CREDENTIAL = [
    ("exchanged", {}, True),
    ("login token, without audience", {"mesh_audience": ""}, False),
]


@pytest.mark.parametrize(
    ("traits", "accepted"), [case[1:] for case in CREDENTIAL], ids=[case[0] for case in CREDENTIAL]
)
async def test_site_that_looks_at_the_audience(authenticator, keycloak, traits, accepted):
    for name, value in traits.items():
        setattr(authenticator, name, value)
    user = logged_in(authenticator, keycloak)
    if accepted:
        assert (await authenticator.mesh_credential(user)).username == "bob"
        return
    with pytest.raises(LoginEnded) as refused:
        await authenticator.mesh_credential(user)
    assert str(refused.value).startswith(REFUSED)


async def test_id_token_opens_no_site_that_looks_at_the_audience(site, keycloak):
    answer = keycloak.tokens("bob")
    for name in ("id_token", "refresh_token"):
        with pytest.raises(LoginEnded):
            await authenticate(site.gateway, "bearer", "", answer[name])


EXCHANGES = {
    "audience without the scope that adds it": ({"mesh_exchange_scope": ""}, "hub"),
    "unknown audience": ({"mesh_audience": "nobody"}, "hub"),
    "client that may not": ({}, "plain-hub"),
}


@pytest.mark.parametrize(("traits", "client"), EXCHANGES.values(), ids=EXCHANGES)
async def test_exchange_that_the_provider_refuses(keycloak, site, traits, client, caplog):
    traits = {"mesh_audience": "storage", "mesh_exchange_scope": "storage"} | traits
    authenticator = made(MeshOIDCAuthenticator, keycloak, site, client, **traits)
    user = logged_in(authenticator, keycloak)
    with pytest.raises(SiteError, match="Alpine ID refuses what this hub asks for"):
        await authenticator.mesh_credential(user)
    # It was no fault of the session, which goes on.
    assert (await authenticator._mesh_session(user)).is_fresh(time.time())
    assert "marker-SECRET" not in caplog.text


async def test_wrong_secret_of_the_hub_logs_nobody_out(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    authenticator.client_secret = "wrong"
    user.be_old()
    with pytest.raises(SiteError, match="Tell the operator"):
        await authenticator.mesh_credential(user)
    assert user.state["refresh_token"]


async def revoke(keycloak, user):
    form = {"token": user.state["refresh_token"], "client_id": "hub"}
    keycloak.post(keycloak.at("revoke"), form | {"client_secret": "marker-SECRET-of-hub"})


async def end_all(keycloak, user):
    keycloak.end_sessions(user.name)


async def reuse(keycloak, user):
    """Somebody uses the refresh token beside the hub: with rotation, the next use ends the session."""
    form = {"grant_type": "refresh_token", "refresh_token": user.state["refresh_token"]}
    form |= {"client_id": "hub", "client_secret": "marker-SECRET-of-hub"}
    assert keycloak.post(keycloak.at("token"), form)[0] == 200


@pytest.mark.parametrize("end", [revoke, end_all, reuse])
async def test_session_that_has_ended_leaves_nothing(authenticator, keycloak, end):
    user = logged_in(authenticator, keycloak)
    held = await authenticator.mesh_credential(user)
    assert user.state["mesh"]["token"] == held.token
    await end(keycloak, user)
    user.be_old()
    authenticator._asked.clear()
    with pytest.raises(LoginEnded, match=ENDED):
        await authenticator.mesh_credential(user, force=True)
    assert set(user.state) == {"oauth_user", "mesh_login"}
    with pytest.raises(LoginEnded, match=ENDED):
        await authenticator.mesh_credential(user)


async def test_exchange_for_a_session_that_has_ended_is_a_login_again(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    await end_all(keycloak, user)
    with pytest.raises(LoginEnded, match=ENDED):
        await authenticator.mesh_credential(user)


async def test_exchanged_token_outlives_its_session_and_our_use_of_it_does_not(
    authenticator, keycloak, site
):
    user = logged_in(authenticator, keycloak)
    bearer = await authenticator.mesh_bearer(user)
    await end_all(keycloak, user)
    # As at Reva: who checks the signature alone takes it.
    assert (await authenticate(site.gateway, "bearer", "", bearer.token)).user.username == "bob"
    assert await authenticator.refresh_user(user, Page(user)) is False
    assert set(user.state) == {"oauth_user", "mesh_login"}


async def test_one_try_more_when_the_token_ended_on_the_way(authenticator, keycloak, monkeypatch):
    user = logged_in(authenticator, keycloak)
    real, sent = authenticator.mesh_login, []

    async def refuses_the_first(kind, name, secret):
        sent.append(secret)
        if len(sent) == 1:
            raise LoginEnded("no")
        return await real(kind, name, secret)

    monkeypatch.setattr(authenticator, "mesh_login", refuses_the_first)
    access = user.state["access_token"]
    assert (await authenticator.mesh_credential(user)).username == "bob"
    assert len(set(sent)) == 2
    assert user.state["access_token"] != access


async def test_stranger_is_tried_twice_and_told_both_reasons(authenticator, keycloak, monkeypatch):
    user = logged_in(authenticator, keycloak, "stranger")
    real, sent = authenticator.mesh_login, []

    async def counted(kind, name, secret):
        sent.append(secret)
        return await real(kind, name, secret)

    monkeypatch.setattr(authenticator, "mesh_login", counted)
    with pytest.raises(LoginEnded) as refused:
        await authenticator.mesh_credential(user)
    assert len(sent) == 2
    assert str(refused.value) == (
        "alpine did not accept your sign-in. Either it does not know you yet, or your sign-in had just ended: "
        "log out and in again, and if that does not help, ask alpine for an account."
    )
    assert user.state["refresh_token"]


async def test_nobody_listens_at_the_provider(keycloak, site):
    authenticator = made(
        MeshOIDCAuthenticator, keycloak, site, token_url="http://127.0.0.1:1/token"
    )
    user = logged_in(authenticator, keycloak)
    user.be_old(NEAR_ITS_END)
    bearer = await authenticator.mesh_bearer(user)
    assert bearer.token == user.state["access_token"]
    assert await authenticator.refresh_user(user, Page(user))
    user.be_old()
    with pytest.raises(Unavailable, match="Alpine ID does not answer"):
        await authenticator.mesh_bearer(user)
    assert await authenticator.refresh_user(user, Page(user)) is True
    assert user.state["refresh_token"]


async def test_older_state_that_the_hub_puts_back_is_not_used(authenticator, keycloak):
    user = logged_in(authenticator, keycloak)
    old = dict(user.state)
    user.be_old()
    first = await authenticator.mesh_bearer(user)
    # A request that has read it before saves it now; with its refresh token the session would end.
    user.state = old | {"token_response": old["token_response"] | {"mesh_received": 0.0}}
    await authenticator.mesh_bearer(user)
    user.be_old()
    await authenticator.mesh_bearer(user)
    assert first.token


LIVES = {
    "no end is told": ({}, 10_000.0, True, True),
    "new": ({"expires_in": 60}, 1.0, True, True),
    "half of it is over": ({"expires_in": 60}, 31.0, False, True),
    "over": ({"expires_in": 60}, 61.0, False, False),
    "a long one near its end": ({"expires_in": 36000}, 35_800.0, False, True),
}


@pytest.mark.parametrize(("told", "age", "fresh", "alive"), LIVES.values(), ids=LIVES)
def test_life_is_counted_from_the_receipt_by_our_clock(told, age, fresh, alive):
    # What a clock elsewhere has written into the token is not looked at.
    response = {"access_token": "x.eyJleHAiOiAxfQ.y", "mesh_received": 1000.0, **told}
    session = Session.of({"token_response": response})
    now = 1000.0 + age
    assert (session.is_fresh(now), session.is_alive(now)) == (fresh, alive)


@pytest.mark.parametrize("state", [{}, {"token_response": None}, {"token_response": {}}])
def test_no_session(state):
    assert Session.of(state) is None


class Swan(GenericOAuthenticator):
    """Keeps exchanged tokens, and refreshes all at once, as the one of SWAN does."""

    refreshed = 0

    async def refresh_user(self, user, handler=None, **kwargs):
        self.refreshed += 1
        state = await user.get_auth_state()
        params = self.build_refresh_token_request_params(state["refresh_token"])
        info = await self.get_token_info(handler, params)
        return {"name": user.name, "auth_state": await self.exchanged(info)}

    async def exchanged(self, info):
        params = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": info["access_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": "storage",
            "scope": "storage",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        answer = await self.get_token_info(None, params)
        state = self.build_auth_state_dict(info, {})
        return {**state, "exchanged_tokens": {"storage": answer["access_token"]}}


class KeptSwan(MeshKeptTokenMixin, Swan):
    """What an operator writes."""


@pytest.fixture
async def swan(keycloak, site):
    return made(KeptSwan, keycloak, site, mesh_token_path="exchanged_tokens/storage")


async def as_swan_leaves_it(swan, keycloak, name="cleo"):
    return User(name, await swan.exchanged(keycloak.tokens(name)))


async def test_token_that_another_authenticator_keeps(swan, keycloak):
    user = await as_swan_leaves_it(swan, keycloak)
    credential = await swan.mesh_credential(user)
    assert credential.username == "cleo"
    assert credential.expires - time.time() <= LIFE
    assert swan.refreshed == 0


async def test_owner_is_asked_to_refresh_near_the_end(swan, keycloak, monkeypatch):
    user = await as_swan_leaves_it(swan, keycloak)
    await swan.mesh_credential(user)
    first = dict(user.state)
    in_a_while = time.time() + NEAR_ITS_END
    monkeypatch.setattr("jupyter_mesh_spawner.kept.time", SimpleNamespace(time=lambda: in_a_while))
    bearer = await swan.mesh_bearer(user)
    assert swan.refreshed == 1
    assert bearer.token == user.state["exchanged_tokens"]["storage"]
    assert user.state["refresh_token"] != first["refresh_token"]
    # Ours has come along.
    assert user.state["mesh"] == first["mesh"]


async def test_refresh_by_the_hub_keeps_our_part(swan, keycloak):
    user = await as_swan_leaves_it(swan, keycloak)
    await swan.mesh_credential(user)
    checked = await swan.refresh_user(user, Page(user))
    assert checked["auth_state"]["mesh"] == user.state["mesh"]
    assert checked["auth_state"]["exchanged_tokens"] == user.state["exchanged_tokens"]


async def test_owner_whose_session_has_ended(swan, keycloak):
    user = await as_swan_leaves_it(swan, keycloak)
    keycloak.end_sessions("cleo")
    with pytest.raises(LoginEnded):
        await swan.mesh_bearer(user, anew=True)


async def test_refresh_token_that_its_owner_never_uses(keycloak, site):
    class Lazy(MeshKeptTokenMixin, GenericOAuthenticator):
        """Keeps tokens elsewhere."""

    lazy = made(
        Lazy, keycloak, site, mesh_token_path="o/access", mesh_refresh_token_path="o/refresh"
    )
    answer = keycloak.tokens("cleo")
    kept = {"access": answer["access_token"], "refresh": answer["refresh_token"], "other": 1}
    user = User("cleo", {"o": kept, "theirs": True})
    bearer = await lazy.mesh_bearer(user, anew=True)
    assert user.state["o"]["access"] == bearer.token != answer["access_token"]
    assert user.state["o"]["refresh"] != answer["refresh_token"]
    assert (user.state["o"]["other"], user.state["theirs"]) == (1, True)


async def test_hook_of_the_operator_sees_each_new_token(monkeypatch):
    async def derive(_, state):
        return {**state, "derived": f"from {state['access_token']}"}

    authenticator = MeshOIDCAuthenticator(
        mesh_site="alpine", mesh_gateway="127.0.0.1:1", modify_auth_state_hook=derive
    )

    async def answer(_, params):
        return {"access_token": "second", "expires_in": 60, "mesh_received": time.time()}

    monkeypatch.setattr(authenticator, "get_token_info", answer)
    first = {"access_token": "first", "refresh_token": "kept", "expires_in": 60}
    user = User("ada", authenticator.build_auth_state_dict(first, {}))
    assert (await authenticator.mesh_bearer(user)).token == "second"
    assert user.state["derived"] == "from second"
    # A provider that does not rotate leaves it out.
    assert user.state["refresh_token"] == "kept"


async def test_login_counts_more_than_what_was_begun_before_it():
    states, user = AuthStates(), User("ada", {"a": 1})
    old = await states.read(user)
    user.state = new_login({"b": 1})
    assert not await states.save(user, old)
    assert (await states.read(user))["b"] == 1
    await states.forget(user)
    assert not await states.save(user, old)
    assert user.state is None


async def test_state_from_before_there_were_stamps_can_be_changed():
    states, user = AuthStates(), User("ada")
    user.state = {"a": 1}
    state = await states.read(user)
    assert await states.save(user, {**state, "a": 2})
    assert (await states.read(user))["a"] == 2
    # An operator puts another one there.
    user.state = {"a": 3}
    assert (await states.read(user))["a"] == 3
