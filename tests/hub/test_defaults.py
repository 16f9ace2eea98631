"""apply_defaults beside what an operator has set already."""

import logging

import jupyterhub
import pytest
from traitlets.config import Config

from jupyter_mesh_spawner import apply_defaults

OWN = "custom:mesh:token!user"


@pytest.fixture
def c():
    return Config(
        JupyterHub=Config(
            custom_scopes={"custom:theirs:read": {"description": "theirs"}},
            extra_user_scopes={"custom:theirs:read"},
            load_roles=[{"name": "theirs", "scopes": ["custom:theirs:read"]}],
        )
    )


def test_what_is_there_stays(c, monkeypatch):
    monkeypatch.setattr(jupyterhub, "version_info", (6, 1, 1))
    apply_defaults(c)
    assert set(c.JupyterHub.custom_scopes) == {"custom:theirs:read", "custom:mesh:token"}
    assert c.JupyterHub.extra_user_scopes == {"custom:theirs:read", OWN}
    assert [role["name"] for role in c.JupyterHub.load_roles] == ["theirs"]
    assert c.Authenticator.enable_auth_state is True


def test_servers_keep_the_scopes_that_jupyterhub_gives_them(c, monkeypatch):
    monkeypatch.setattr(jupyterhub, "version_info", (6, 1, 1))
    apply_defaults(c)
    assert set(c.Spawner.server_token_scopes) == {
        "users:activity!user",
        "access:servers!server",
        OWN,
    }


def test_jupyterhub_5_gets_roles(c, monkeypatch):
    monkeypatch.setattr(jupyterhub, "version_info", (5, 3, 0))
    apply_defaults(c)
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert roles["user"] == ["self", OWN]
    assert set(roles["server"]) == {"users:activity!user", "access:servers!server", OWN}
    assert roles["theirs"] == ["custom:theirs:read"]
    assert "server_token_scopes" not in c.Spawner


@pytest.mark.parametrize(
    "address",
    [
        "/hub/login?next=%2Fhub%2Fuser-redirect%2Fmesh%2Faccept%3Ftoken%3Da-secret%26providerDomain%3Db.example",
        "/hub/oauth?next=%252Fhub%252Fmesh%252Faccept%253Ftoken%253Da-secret%2526providerDomain%253Db.example",
        "/hub/login?next=%2Fmesh%2Faccept%3Ftoken%3Da-secret",
    ],
)
def test_the_hub_logs_no_invitation(c, caplog, address):
    apply_defaults(c)
    apply_defaults(c)
    log = logging.getLogger("tornado.access")
    with caplog.at_level(logging.INFO, "tornado.access"):
        log.info("302 GET %s (maya@127.0.0.1) 3.20ms", address)
        whole = f"302 GET /hub -> {address} (maya@127.0.0.1)"
        log.info(whole)
    assert "a-secret" not in caplog.text
    assert caplog.text.count("[secret]") == 2
    assert "maya@127.0.0.1" in caplog.text
    assert ("b.example" in caplog.text) == ("b.example" in address)
