"""The same in a real browser: login and logout, and what somebody sees whose session has ended."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect

# Fixtures.
from tests.e2e.conftest import browser, chromium  # noqa: F401
from tests.oidc.conftest import ENDED
from tests.oidc.keycloak import OPENER

SLOW = 90_000
"""Milliseconds for a page of a provider that nobody has asked yet, on a busy machine."""


@pytest.fixture(scope="module")
def leaving_hub(start_hub):
    """Logs out of the provider, too."""
    return start_hub('A.mesh_logout_url = "{logout}"')


@pytest.fixture(scope="module")
def auto_hub(start_hub):
    """As it is recommended: no button."""
    return start_hub('A.auto_login = True\nA.mesh_logout_url = "{logout}"')


@pytest.fixture
def page(browser):  # noqa: F811
    context = browser.new_context()
    context.set_default_timeout(SLOW)
    yield context.new_page()
    context.close()


def sign_in(page, name):
    """At the provider's own form."""
    page.locator("#username").fill(name)
    page.locator("#password").fill(f"password of {name}")
    page.locator("#kc-login").click()
    at_home(page)


def at_home(page):
    expect(page.locator("#start")).to_be_visible(timeout=SLOW)


def state_of(hub, name):
    request = urllib.request.Request(  # noqa: S310
        f"{hub.url}/hub/api/users/{name}", headers={"Authorization": f"token {hub.token}"}
    )
    with OPENER.open(request, timeout=60) as reply:
        return json.load(reply)["auth_state"]


def sessions(keycloak, name):
    return keycloak.admin("GET", f"users/{keycloak.user_id(name)}/sessions")


def test_login_start_and_logout_without_a_question(leaving_hub, keycloak, page):
    keycloak.end_sessions("dora")
    page.goto(f"{leaving_hub.url}/hub/home")
    page.get_by_role("button", name="Sign in with Alpine ID").click()
    sign_in(page, "dora")
    page.goto(f"{leaving_hub.url}/hub/spawn")
    # What answers there is no Lab, but it is hers.
    expect(page.get_by_text('"version"')).to_be_visible(timeout=SLOW)
    assert state_of(leaving_hub, "dora")["mesh"]["username"] == "dora"
    assert len(sessions(keycloak, "dora")) == 1
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{leaving_hub.url}/hub/home")
    page.locator("#logout").click()
    expect(page.get_by_role("button", name="Sign in with Alpine ID")).to_be_visible(timeout=SLOW)
    assert page.url.startswith(leaving_hub.url)
    assert sessions(keycloak, "dora") == []
    assert state_of(leaving_hub, "dora") is None
    # The ID token went in a form.
    assert not any("eyJ" in url for url in asked)


def test_ended_session_is_said_on_the_page_with_the_button(leaving_hub, keycloak, page):
    page.goto(f"{leaving_hub.url}/hub/oauth_login?next=/hub/home")
    sign_in(page, "emil")
    keycloak.end_sessions("emil")
    page.wait_for_timeout(1100)
    page.goto(f"{leaving_hub.url}/hub/home")
    expect(page.get_by_text(ENDED)).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Sign in with Alpine ID").click()
    sign_in(page, "emil")


def test_without_a_button_a_lost_session_of_the_hub_alone_is_not_seen(auto_hub, keycloak, page):
    page.goto(f"{auto_hub.url}/hub/home")
    sign_in(page, "cleo")
    before = state_of(auto_hub, "cleo")
    # Somebody else has used its refresh token: with rotation, the hub's next use ends what the hub has.
    form = {"grant_type": "refresh_token", "refresh_token": before["refresh_token"]}
    form |= {"client_id": "hub", "client_secret": "marker-SECRET-of-hub"}
    for _ in range(2):
        keycloak.post(keycloak.at("token"), form)
    page.wait_for_timeout(1100)
    page.goto(f"{auto_hub.url}/hub/home")
    at_home(page)
    assert state_of(auto_hub, "cleo")["refresh_token"] != before["refresh_token"]


def test_without_a_button_an_ended_session_leads_to_the_form(auto_hub, keycloak, page):
    page.goto(f"{auto_hub.url}/hub/home")
    sign_in(page, "bob")
    keycloak.end_sessions("bob")
    page.wait_for_timeout(1100)
    page.goto(f"{auto_hub.url}/hub/home")
    sign_in(page, "bob")
    page.locator("#logout").click()
    expect(page.get_by_text("Successfully logged out.")).to_be_visible(timeout=SLOW)
