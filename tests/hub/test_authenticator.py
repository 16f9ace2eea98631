"""When the hub asks for a new token, for whom, and what happens when it gets none."""

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from jupyterhub.auth import Authenticator

from jupyter_mesh.errors import LoginEnded, Unavailable
from jupyter_mesh_spawner.authenticator import MeshAuthenticatorMixin
from jupyter_mesh_spawner.credential import Credential

FRESH, OLD, ENDED = 1000.0, 400.0, -1.0


class Renewing(MeshAuthenticatorMixin, Authenticator):
    """Hands out numbered tokens, or ``failure``."""

    asked = 0
    failure = None

    async def mesh_renew(self, held):
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        return replace(
            held, token=f"renewed-{self.asked}", received=time.time(), expires=time.time() + FRESH
        )


class FakeUser:
    """What of a hub's user counts here."""

    name = "ada"

    def __init__(self, left=None):
        self.settings = {}
        self.state = None
        if left is not None:
            now = time.time()
            credential = Credential(
                token="first",
                received=now - 3600,
                expires=now + left,
                username="ada",
                user="idp!ada",
                label="x",
            )
            self.state = {"mesh": credential.to_state(), "oauth_user": {"kept": True}}

    async def get_auth_state(self):
        return self.state

    async def save_auth_state(self, state):
        self.state = state


class Page:
    """A request with a browser's cookie; ``token`` makes it one with an API token."""

    def __init__(self, user, token=None, method="GET"):
        self.request = SimpleNamespace(method=method)
        self._jupyterhub_user = user
        self.get_token = lambda: token


@pytest.fixture
def authenticator():
    return Renewing(mesh_site="alpine")


@pytest.mark.parametrize(
    ("life", "left", "fresh", "alive"),
    [
        (86400, 80000, True, True),
        (86400, 301, True, True),
        (86400, 299, False, True),
        (86400, 4, False, False),
        (60, 31, True, True),
        (60, 29, False, True),
        (4, 2.1, True, True),
        (4, 1.9, False, True),
        (4, 0.3, False, False),
        (4, -1, False, False),
    ],
)
def test_fresh_and_alive(life, left, fresh, alive):
    one = Credential(token="t", received=0, expires=life, username="ada", user="i!a")
    now = life - left
    assert (one.is_fresh(now), one.is_alive(now)) == (fresh, alive)


@pytest.mark.parametrize(
    "state",
    [None, {}, {"token": "t"}, {"of": "another release"}],
    ids=["none", "empty", "part", "other"],
)
def test_unreadable_state_is_no_login(state):
    assert Credential.from_state(state) is None


def test_secrets_are_not_in_repr():
    one = Credential(
        token="t0ken", received=0, expires=1, username="a", user="i!a", app_password="pa55"
    )
    assert "t0ken" not in repr(one)
    assert "pa55" not in repr(one)
    assert Credential.from_state(one.to_state()) == one


@pytest.mark.parametrize(
    ("left", "force", "token"),
    [
        (FRESH, False, "first"),
        (FRESH, True, "renewed-1"),
        (200, False, "renewed-1"),
        (ENDED, False, "renewed-1"),
    ],
    ids=["fresh", "fresh but refused", "near its end", "ended"],
)
async def test_renewed_when_needed(authenticator, left, force, token):
    user = FakeUser(left)
    credential = await authenticator.mesh_credential(user, force=force)
    assert credential.token == token
    assert user.state["mesh"]["token"] == token
    assert user.state["oauth_user"] == {"kept": True}


async def test_one_renewal_for_all_who_ask(authenticator):
    user = FakeUser(ENDED)
    got = await asyncio.gather(*(authenticator.mesh_credential(user, force=True) for _ in range(5)))
    assert {one.token for one in got} == {"renewed-1"}
    assert authenticator.asked == 1


@pytest.mark.parametrize(
    "failure", [Unavailable("away"), LoginEnded("ended")], ids=["away", "ended"]
)
async def test_token_at_hand_is_used_while_it_lives(authenticator, failure):
    authenticator.failure = failure
    credential = await authenticator.mesh_credential(FakeUser(200))
    assert credential.token == "first"


@pytest.mark.parametrize(
    "failure", [Unavailable("away"), LoginEnded("ended")], ids=["away", "ended"]
)
async def test_site_is_asked_once_in_a_while(authenticator, failure):
    authenticator.failure = failure
    user = FakeUser(ENDED)
    for _ in range(3):
        with pytest.raises(type(failure)):
            await authenticator.mesh_credential(user)
    assert authenticator.asked == 1


async def test_refused_token_that_nothing_renews_is_an_ended_login(authenticator):
    authenticator.failure = LoginEnded("ended")
    with pytest.raises(LoginEnded):
        await authenticator.mesh_credential(FakeUser(FRESH), force=True)


async def test_login_during_a_renewal_wins(authenticator):
    user = FakeUser(ENDED)
    renewal = asyncio.create_task(authenticator.mesh_credential(user))
    await asyncio.sleep(0)
    newer = replace(
        Credential.from_state(user.state["mesh"]),
        token="newer",
        label="y",
        expires=time.time() + FRESH,
    )
    await authenticator.mesh_keep(user, newer)
    assert (await renewal).token == "newer"
    assert user.state["mesh"]["token"] == "newer"


@pytest.mark.parametrize(
    ("left", "failure", "token", "stays"),
    [
        (FRESH, None, None, True),
        (ENDED, None, None, True),
        (ENDED, Unavailable("away"), None, True),
        (ENDED, LoginEnded("ended"), None, False),
        (ENDED, LoginEnded("ended"), "api token", True),
        (None, None, None, False),
    ],
    ids=["fresh", "renewed", "site away", "ended", "ended, API token", "never logged in"],
)
async def test_who_is_sent_to_the_login_page(authenticator, left, failure, token, stays):
    authenticator.failure = failure
    user = FakeUser(left)
    page = Page(user, token)
    assert await authenticator.refresh_user(user, page) is stays
    assert stays or page.mesh_login_ended


async def test_form_goes_on_to_whoever_says_why(authenticator):
    authenticator.failure = LoginEnded("ended")
    user = FakeUser(ENDED)
    assert await authenticator.refresh_user(user, Page(user, method="POST")) is True
    assert await authenticator.refresh_user(user, Page(user)) is False


async def test_request_of_somebody_else_logs_nobody_out(authenticator):
    authenticator.failure = LoginEnded("ended")
    assert await authenticator.refresh_user(FakeUser(ENDED), Page(FakeUser(FRESH))) is True
    assert await authenticator.refresh_user(FakeUser(ENDED)) is True
