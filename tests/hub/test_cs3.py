"""CS3Authenticator against a node: what a login keeps, and what renews it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError
from traitlets.config import PyFileConfigLoader

from jupyter_mesh.cs3.login import authenticate, revoke_app_password
from jupyter_mesh.errors import LoginEnded, SiteError
from jupyter_mesh.node import Node
from jupyter_mesh.node.users import add_user
from jupyter_mesh_spawner.credential import Credential
from jupyter_mesh_spawner.cs3 import CS3Authenticator
from jupyter_mesh_spawner.local import MeshLocalSpawner
from tests.hub.hubs import LOCAL_CONFIG

PASSWORD = "pa55word-of-ada"
MACHINE_KEY = "machine-key-of-the-site"


@pytest.fixture(params=["spaces", "paths"])
async def node(request, tmp_path):
    add_user(tmp_path / "data", "Ada", PASSWORD, display="Ada Lovelace")
    add_user(tmp_path / "data", "bob", "pa55word-of-bob")
    async with Node(
        name="alpine", data=tmp_path / "data", flavour=request.param, machine_key=MACHINE_KEY
    ) as node:
        yield node


@pytest.fixture
def authenticator(node):
    return CS3Authenticator(mesh_site="alpine", mesh_gateway=node.gateway, allow_all=True)


@pytest.fixture
def machine_key_file(tmp_path):
    path = tmp_path / "machine-key"
    path.write_text(MACHINE_KEY + "\n")
    return str(path)


async def login(authenticator, name="Ada", password=PASSWORD):
    page = SimpleNamespace(request=SimpleNamespace(host="hub.example.org"), settings={})
    model = await authenticator.get_authenticated_user(
        page, {"username": name, "password": password}
    )
    return model and (model, Credential.from_state(model["auth_state"]["mesh"]))


async def test_login_knows_the_user_as_the_site_does(authenticator):
    model, credential = await login(authenticator)
    assert model["name"] == "Ada"
    assert model["user_info"] == {"display_name": "Ada Lovelace"}
    assert credential.label.startswith("jupyter-mesh @ hub.example.org (")
    assert PASSWORD not in json.dumps(model)


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ada", "wrong"), ("nobody", PASSWORD), ("Ada", ""), ("", PASSWORD), ("a\nb", "c\0d")],
    ids=["wrong", "unknown", "no password", "no name", "odd characters"],
)
async def test_refused_logins_look_alike(authenticator, name, password):
    assert await login(authenticator, name, password) is None


async def test_who_is_not_let_in_leaves_no_app_password(authenticator, monkeypatch):
    authenticator.allow_all = False

    async def unwanted(*_):
        raise AssertionError("an app password was made")

    monkeypatch.setattr("jupyter_mesh_spawner.cs3.app_password", unwanted)
    assert await login(authenticator) is None


async def test_app_password_renews(authenticator):
    _, credential = await login(authenticator)
    renewed = await authenticator.mesh_renew(replace(credential, token="ended"))
    assert renewed == replace(
        credential, token=renewed.token, received=renewed.received, expires=renewed.expires
    )
    assert renewed.token != "ended"


async def test_revoked_app_password_ends_the_login(authenticator, node):
    _, credential = await login(authenticator)
    await revoke_app_password(node.gateway, credential.token, credential.label)
    with pytest.raises(LoginEnded, match="Log in again to get to your files"):
        await authenticator.mesh_renew(credential)


async def test_opencloud_answers_internal_for_a_revoked_app_password(authenticator, monkeypatch):
    _, credential = await login(authenticator)

    async def internal(*_):
        raise SiteError("Could not log in to alpine.")

    monkeypatch.setattr("jupyter_mesh_spawner.gateway.authenticate", internal)
    with pytest.raises(LoginEnded, match="Log in again to get to your files"):
        await authenticator.mesh_renew(credential)


async def test_revoking_needs_no_living_token(authenticator, node):
    _, credential = await login(authenticator)
    await authenticator.mesh_revoke(replace(credential, token="ended", expires=0))
    with pytest.raises(LoginEnded):
        await authenticate(node.gateway, "appauth", "Ada", credential.app_password)


async def test_without_app_passwords_the_user_logs_in_again(authenticator):
    authenticator.mesh_app_passwords = False
    _, credential = await login(authenticator)
    assert credential.app_password == credential.label == ""
    with pytest.raises(LoginEnded, match="Log in again to get to your files"):
        await authenticator.mesh_renew(credential)


async def test_machine_key_renews_where_there_are_no_app_passwords(authenticator, machine_key_file):
    authenticator.mesh_app_passwords = False
    authenticator.mesh_machine_key_file = machine_key_file
    _, credential = await login(authenticator)
    renewed = await authenticator.mesh_renew(replace(credential, token="ended"))
    assert renewed.token != "ended"


async def test_machine_key_renews_after_an_app_password(authenticator, node, machine_key_file):
    authenticator.mesh_machine_key_file = machine_key_file
    _, credential = await login(authenticator)
    await revoke_app_password(node.gateway, credential.token, credential.label)
    assert (await authenticator.mesh_renew(replace(credential, token="ended"))).token != "ended"


async def test_unreadable_machine_key_is_an_ended_login(authenticator):
    authenticator.mesh_machine_key_file = "/nowhere/machine-key"
    authenticator.mesh_app_passwords = False
    _, credential = await login(authenticator)
    with pytest.raises(LoginEnded):
        await authenticator.mesh_renew(credential)


async def test_token_of_somebody_else_is_not_taken(authenticator, machine_key_file):
    authenticator.mesh_app_passwords = False
    authenticator.mesh_machine_key_file = machine_key_file
    _, credential = await login(authenticator)
    with pytest.raises(LoginEnded):
        await authenticator.mesh_renew(replace(credential, username="bob"))


async def test_site_away_is_a_sentence_on_the_login_page(authenticator, node):
    await node.stop()
    with pytest.raises(HTTPError) as failure:
        await login(authenticator)
    assert failure.value.status_code == 503
    assert "alpine cannot check your password right now." in str(failure.value)


@pytest.mark.parametrize(
    ("traits", "sentence"),
    [
        ({"mesh_gateway": "127.0.0.1:1"}, "The site has no name"),
        ({"mesh_site": "alpine"}, "is not the address of a gateway"),
        (
            {"mesh_site": "alpine", "mesh_gateway": "nonsense"},
            '"nonsense" is not the address of a gateway',
        ),
    ],
    ids=["no site", "no gateway", "no port"],
)
def test_wrong_address_keeps_the_hub_from_starting(caplog, traits, sentence):
    with pytest.raises(SystemExit):
        CS3Authenticator(**traits)
    assert sentence in caplog.text


@pytest.mark.parametrize("missing", ["MESH_SITE", "MESH_GATEWAY"])
def test_local_configuration_says_what_is_missing(monkeypatch, missing):
    monkeypatch.setenv("MESH_SITE", "alpine")
    monkeypatch.setenv("MESH_GATEWAY", "127.0.0.1:1")
    monkeypatch.delenv(missing)
    with pytest.raises(SystemExit, match=f"^Set {missing} to "):
        PyFileConfigLoader(LOCAL_CONFIG.name, LOCAL_CONFIG.parent).load_config()


def test_secrets_of_a_hub_are_private_files_and_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("MESH_SITE", "alpine")
    monkeypatch.setenv("MESH_GATEWAY", "127.0.0.1:1")
    monkeypatch.setenv("MESH_HUB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", "/bin")
    first, second = (
        PyFileConfigLoader(LOCAL_CONFIG.name, LOCAL_CONFIG.parent).load_config() for _ in range(2)
    )
    assert first.JupyterHub.cookie_secret == second.JupyterHub.cookie_secret
    assert (
        first.CryptKeeper["keys"] == second.CryptKeeper["keys"] != [first.JupyterHub.cookie_secret]
    )
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    for name in ("cookie_secret", "crypt_key"):
        assert (tmp_path / "state" / name).stat().st_mode & 0o777 == 0o600


# JupyterHub takes _mock for tests like this one and passes it on to traitlets.
@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning")
def test_contents_manager_can_be_left_to_the_operator():
    spawner = MeshLocalSpawner(_mock=True)
    spawner.args = ["--debug"]
    assert spawner.get_args() == [
        "--ServerApp.contents_manager_class=jupyter_mesh.contents.CompositeContentsManager",
        "--debug",
    ]
    spawner.mesh_contents_manager = ""
    assert spawner.get_args() == ["--debug"]
    assert spawner.default_url == "/lab"
