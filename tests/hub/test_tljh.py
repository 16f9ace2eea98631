"""The plugin of The Littlest JupyterHub, by its documented hooks and a configuration as it makes one."""

import os
import pwd
import sys
import types
from importlib.metadata import entry_points

import pluggy
import pytest
from traitlets.config import Config

from jupyter_mesh_spawner import tljh as plugin

# https://tljh.jupyter.org/en/latest/contributing/plugins.html
DOCUMENTED = {
    "tljh_extra_user_conda_packages": (),
    "tljh_extra_user_pip_packages": (),
    "tljh_extra_hub_pip_packages": (),
    "tljh_extra_apt_packages": (),
    "tljh_custom_jupyterhub_config": ("c",),
    "tljh_config_post_install": ("config",),
    "tljh_post_install": (),
    "tljh_new_user_create": ("username",),
}


@pytest.fixture
def manager():
    """The plugin manager of TLJH, with all that is installed here."""
    specs = types.ModuleType("hooks")
    for name, arguments in DOCUMENTED.items():
        made = {}
        exec(f"def {name}({', '.join(arguments)}): 'Documented.'", made)  # noqa: S102  names above
        setattr(specs, name, pluggy.HookspecMarker("tljh")(made[name]))
    manager = pluggy.PluginManager("tljh")
    manager.add_hookspecs(specs)
    manager.load_setuptools_entrypoints("tljh")
    manager.check_pending()
    return manager


@pytest.fixture
def tljh(monkeypatch, tmp_path):
    """What the plugin uses of TLJH; ``tljh.settings`` is what tljh-config has set."""
    base = types.SimpleNamespace(settings={}, made=[])
    modules = {
        "tljh": {},
        "tljh.config": {"STATE_DIR": str(tmp_path)},
        "tljh.configurer": {"load_config": lambda: base.settings},
        "tljh.normalize": {
            "generate_system_username": lambda name: pwd.getpwuid(os.geteuid()).pw_name
        },
        "tljh.user": {"ensure_user": base.made.append},
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)
    monkeypatch.delenv("JUPYTERHUB_CRYPT_KEY", raising=False)
    monkeypatch.setattr(plugin, "RUNTIME", tmp_path / "run")
    monkeypatch.setattr(plugin.configure, "__defaults__", (tmp_path / "run",))
    return base


@pytest.fixture
def c():
    """As TLJH has it when it calls its plugins."""
    from jupyterhub.spawner import SimpleLocalProcessSpawner

    class UserCreatingSpawner(SimpleLocalProcessSpawner):
        pass

    c = Config()
    c.JupyterHub.spawner_class = UserCreatingSpawner
    c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
    c.Authenticator.admin_users = set()
    return c


def test_it_is_found_and_installs_what_is_needed(manager):
    (found,) = entry_points(group="tljh", name="jupyter_mesh")
    assert found.load() is plugin
    assert ["jupyter-mesh-spawner"] in manager.hook.tljh_extra_hub_pip_packages()
    assert ["jupyter-mesh[lab,mount]"] in manager.hook.tljh_extra_user_pip_packages()
    assert ["fuse3"] in manager.hook.tljh_extra_apt_packages()


def test_without_a_site_nothing_is_changed(manager, tljh, c):
    before = repr(c)
    manager.hook.tljh_custom_jupyterhub_config(c=c)
    assert repr(c) == before


def test_two_settings_make_a_mesh_hub(manager, tljh, c, tmp_path):
    tljh.settings = {"mesh": {"site": "alpine", "gateway": "mesh.example.org:9142"}}
    base = c.JupyterHub.spawner_class
    manager.hook.tljh_custom_jupyterhub_config(c=c)
    from jupyterhub.app import JupyterHub

    app = JupyterHub(config=c)
    authenticator = app.authenticator_class(parent=app)
    assert type(authenticator).__name__ == "CS3Authenticator"
    assert (authenticator.mesh_site, authenticator.mesh_gateway) == (
        "alpine",
        "mesh.example.org:9142",
    )
    assert authenticator.allow_all
    assert authenticator.enable_auth_state
    assert issubclass(app.spawner_class, base)
    assert app.spawner_class.__name__ == "MeshUserCreatingSpawner"
    key = tmp_path / "mesh-crypt-key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert c.CryptKeeper["keys"] == [bytes.fromhex(key.read_text())]
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o711
    # The next start finds the same key.
    again = Config({"JupyterHub": {"spawner_class": base}})
    manager.hook.tljh_custom_jupyterhub_config(c=again)
    assert again.CryptKeeper["keys"] == c.CryptKeeper["keys"]


def test_who_may_log_in_stays_with_the_operator(manager, tljh, c):
    tljh.settings = {"mesh": {"site": "alpine", "gateway": "mesh.example.org:9142"}}
    c.Authenticator.allowed_users = {"ada"}
    manager.hook.tljh_custom_jupyterhub_config(c=c)
    assert "allow_all" not in c.CS3Authenticator


def test_another_authenticator_stays(manager, tljh, c):
    tljh.settings = {"mesh": {"site": "alpine", "gateway": "mesh.example.org:9142"}}
    c.JupyterHub.authenticator_class = "ldapauthenticator.LDAPAuthenticator"
    manager.hook.tljh_custom_jupyterhub_config(c=c)
    assert c.JupyterHub.authenticator_class == "ldapauthenticator.LDAPAuthenticator"


async def test_the_system_user_is_there_before_its_token(tljh, c, tmp_path):
    kind = plugin.with_files(c.JupyterHub.spawner_class)
    name = pwd.getpwuid(os.geteuid()).pw_name
    spawner = types.SimpleNamespace(user=types.SimpleNamespace(name="maya"))
    assert kind.mesh_account.fget(spawner) == name
    spawner.mesh_account = name
    assert kind.mesh_owner(spawner) == (os.geteuid(), os.getegid())
