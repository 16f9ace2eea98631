"""Which sites are known: ``sites.toml`` and the environment, broken, hostile, and changed by two at once."""

import os
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from traitlets.config import Config

from jupyter_mesh.config import MeshSite, SiteSettings
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.sites import (
    Credential,
    config_folder,
    credential_file,
    find_site,
    forget_login,
    forget_site,
    known_sites,
    login_ends,
    make_default,
    read_credential,
    remember_site,
    site_of_server,
    token_file,
    write_credential,
)

ENVIRONMENT = {
    "MESH_SITE": "hub",
    "MESH_GATEWAY": "hub.example.org:9142",
    "MESH_TOKEN_FILE": "/run/mesh/token",
}
ALPINE = SiteSettings(
    name="alpine",
    gateway="alpine.example.org:9142",
    username="ann",
    ca_file=Path("/etc/alpine.crt"),
    data_hosts=("data.example.org",),
)
COAST = SiteSettings(name="coast", gateway="grpc://coast:19000", username="bob")
CREDENTIAL = Credential(
    gateway=ALPINE.gateway,
    username="ann",
    label="jupyter-mesh login ann@here (1)",
    expires=datetime(2099, 1, 1, tzinfo=UTC).timestamp(),
    password="marker-of-an-app-password",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the configuration, empty, and no site in the environment."""
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "jupyter-mesh"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sites.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_site_is_found_as_it_was_kept(folder: Path) -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    remember_site(COAST, "token-of-bob")
    found = find_site("alpine")
    assert found.token_file == folder / "tokens" / "alpine"
    for field in ("name", "gateway", "username", "ca_file", "data_hosts"):
        assert getattr(found, field) == getattr(ALPINE, field), field
    assert find_site() == found, "the first one is the default"
    assert find_site("coast").gateway == COAST.gateway
    make_default("coast")
    assert find_site().name == "coast"
    assert tomllib.loads((folder / "sites.toml").read_text())["default"] == "coast"
    assert read_credential(credential_file("alpine")) == CREDENTIAL
    assert read_credential(credential_file("coast")) is None
    assert [(one.name, one.default) for one in known_sites()] == [
        ("alpine", False),
        ("coast", True),
    ]


def test_all_is_for_its_owner_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }
    assert modes == {
        ".": 0o700,
        ".lock": 0o600,
        "sites.toml": 0o600,
        "tokens": 0o700,
        "tokens/alpine": 0o600,
        "credentials": 0o700,
        "credentials/alpine": 0o600,
    }
    assert "marker" not in repr(read_credential(credential_file("alpine")))


def test_an_open_folder_is_closed(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    remember_site(ALPINE, "token-of-ann")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_comments_and_order_of_a_file_by_hand_stay(folder: Path) -> None:
    text = '# mine\n[sites.zoo]  # the old one\ngateway = "zoo:1"\n\n# end\n'
    write(folder, text)
    remember_site(ALPINE, "token-of-ann")
    now = (folder / "sites.toml").read_text()
    assert now.startswith("# mine\n")
    assert '[sites.zoo]  # the old one\ngateway = "zoo:1"\n' in now
    assert "# end" in now
    assert {one.name for one in known_sites()} == {"zoo", "alpine"}


def test_a_later_login_replaces_the_older_one(folder: Path) -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    remember_site(SiteSettings(name="alpine", gateway="new:1", username="eve"), "token-of-eve")
    found = find_site("alpine")
    assert (found.gateway, found.username, found.ca_file, found.data_hosts) == (
        "new:1",
        "eve",
        None,
        (),
    )
    assert read_credential(credential_file("alpine")) is None


def test_logging_out_keeps_the_address_and_forgetting_does_not() -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    assert login_ends(find_site()) == (True, CREDENTIAL.ends)
    forget_login("alpine")
    assert login_ends(find_site("alpine")) == (False, None)
    forget_site("alpine")
    forget_site("alpine")
    assert known_sites() == []
    with pytest.raises(InvalidRequest, match="No site is known here"):
        find_site()


@pytest.mark.parametrize(
    ("name", "environment", "expected"),
    [
        ("", ENVIRONMENT, "hub"),
        ("hub", ENVIRONMENT, "hub"),
        ("alpine", ENVIRONMENT, "alpine"),
        ("", {}, "alpine"),
        ("", {"MESH_SITE": "coast"}, "coast"),
        ("alpine", {"MESH_SITE": "coast"}, "alpine"),
    ],
    ids=["environment", "its name", "another", "default", "chosen by name", "named over chosen"],
)
def test_the_environment_comes_first(name: str, environment: dict[str, str], expected: str) -> None:
    for site in (ALPINE, COAST):
        remember_site(site, "token-of-somebody")
    environ = {**environment, "XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"]}
    assert find_site(name, environ).name == expected


@pytest.mark.parametrize(
    ("name", "environment", "sentence"),
    [
        ("zoo", {}, 'The site "zoo" is not known here; known: alpine, coast.'),
        ("zoo", ENVIRONMENT, 'The site "zoo" is not known here; known: alpine, coast, hub.'),
        ("", {"MESH_GATEWAY": "x:1"}, "MESH_SITE is not set"),
        ("", {"MESH_SITE": "zoo"}, 'The site "zoo" is not known here; known: alpine, coast.'),
    ],
    ids=["unknown", "unknown beside the environment", "half an environment", "name alone"],
)
def test_an_unknown_site_names_the_known(
    name: str, environment: dict[str, str], sentence: str
) -> None:
    for site in (ALPINE, COAST):
        remember_site(site, "token-of-somebody")
    environ = {**environment, "XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"]}
    with pytest.raises(InvalidRequest) as caught:
        find_site(name, environ)
    assert sentence in str(caught.value)


def test_two_sites_and_no_default(folder: Path) -> None:
    write(folder, '[sites.a]\ngateway = "a:1"\n[sites.b]\ngateway = "b:1"\n')
    with pytest.raises(InvalidRequest, match="say which, of a, b"):
        find_site()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('default = "a"\n[sites.a\ngateway = 1', "at line 2"),
        ('[sites.a]\ngateway = "a:1"\ngateway = "b:1"', "at line"),
        ("[sites.a]\ngateway = 1", "[sites.a]: gateway must be a text"),
        ("[sites.a]\n", '[sites.a]: "" is not the address of a gateway'),
        ('[sites.a]\ngateway = "a:1"\ngatway = "x"', '[sites.a] has a line "gatway"'),
        ('[sites.a]\ngateway = "a:1"\ndata_hosts = "x"', "data_hosts must be a list"),
        ('sites = "a"', '"sites" must be tables'),
        ("[sites]\na = 1", "sites.a must be a table"),
        ("default = 1", '"default" must be the name'),
        ('[sites."../../x"]\ngateway = "a:1"', "cannot name a site"),
        ('[sites."a\\nb"]\ngateway = "a:1"', "cannot name a site"),
    ],
    ids=[
        "broken",
        "twice",
        "number",
        "no gateway",
        "misspelt",
        "no list",
        "no tables",
        "no table",
        "default",
        "path",
        "line break",
    ],
)
def test_a_file_broken_by_hand_is_one_sentence_and_is_not_touched(
    folder: Path, text: str, sentence: str
) -> None:
    path = write(folder, text)
    for work in (find_site, known_sites, lambda: remember_site(ALPINE, "token-of-ann")):
        with pytest.raises(InvalidRequest) as caught:
            work()
        assert sentence in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_text() == text
    assert not (folder / "tokens").exists()


@pytest.mark.parametrize(
    "name",
    ["", "../../x", "a/b", "a\nb", "..", ".hidden", "-x", "a b", "a" * 64, "caf\u00e9", "a\0b"],
)
def test_a_name_that_is_no_name_makes_no_file(folder: Path, name: str) -> None:
    for work in (token_file, credential_file, forget_login, forget_site):
        with pytest.raises(InvalidRequest, match="cannot name a site"):
            work(name)
    if name:
        with pytest.raises(InvalidRequest, match="cannot name a site") as caught:
            remember_site(SiteSettings(name=name, gateway="a:1"), "token-of-ann")
        assert "\n" not in str(caught.value)
    assert not folder.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_what_others_can_reach_is_refused(folder: Path, mode: int) -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    credential_file("alpine").chmod(mode)
    with pytest.raises(InvalidRequest, match="chmod 600") as caught:
        read_credential(credential_file("alpine"))
    assert "marker" not in str(caught.value)
    (folder / "sites.toml").chmod(mode)
    with pytest.raises(InvalidRequest, match=r"sites\.toml can be read by others"):
        find_site("alpine")


def test_links_and_others_files_in_place_of_secrets_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    mine = credential_file("alpine")
    victim = tmp_path / "victim"
    mine.rename(victim)
    mine.symlink_to(victim)
    with pytest.raises(InvalidRequest, match="is a link"):
        read_credential(mine)
    before = victim.read_bytes()
    write_credential(mine, CREDENTIAL)
    assert not mine.is_symlink(), "the link is replaced"
    assert victim.read_bytes() == before
    mine.unlink()
    os.mkfifo(mine, 0o600)
    with pytest.raises(InvalidRequest, match="is not a file"):
        read_credential(mine)
    mine.unlink()
    if os.geteuid() == 0:
        write_credential(mine, CREDENTIAL)
        os.chown(mine, 12345, 12345)
        with pytest.raises(InvalidRequest, match="belongs to another user"):
            read_credential(mine)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"password": "marker"', "\udcff", "x" * (1 << 21)]
)
def test_a_credential_that_is_none_tells_nothing_of_it(text: str) -> None:
    remember_site(ALPINE, "token-of-ann", CREDENTIAL)
    credential_file("alpine").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidRequest) as caught:
        read_credential(credential_file("alpine"))
    assert "marker" not in f"{caught.value}{caught.value.__cause__}"


def test_a_link_of_dotfiles_is_followed_and_kept(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    dotfiles = tmp_path / "dotfiles.toml"
    dotfiles.touch(0o600)
    (folder / "sites.toml").symlink_to(dotfiles)
    remember_site(ALPINE, "token-of-ann")
    assert (folder / "sites.toml").is_symlink()
    assert "alpine" in dotfiles.read_text()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    with pytest.raises(InvalidRequest, match="cannot be written"):
        remember_site(ALPINE, "token-of-ann")


def test_relative_xdg_paths_are_ignored() -> None:
    assert config_folder({"XDG_CONFIG_HOME": "here"}) == Path.home() / ".config" / "jupyter-mesh"


def test_many_processes_keep_sites_at_once(folder: Path) -> None:
    code = (
        "import sys\n"
        "from jupyter_mesh.config import SiteSettings\n"
        "from jupyter_mesh.sites import remember_site\n"
        "for i in range(5):\n"
        "    name = f's{sys.argv[1]}-{i}'\n"
        "    remember_site(SiteSettings(name=name, gateway='a:1'), 'token-' + name)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(4)]
    assert [process.wait(50) for process in processes] == [0] * 4
    names = {f"s{number}-{i}" for number in range(4) for i in range(5)}
    assert {one.name for one in known_sites()} == names
    assert {path.name for path in (folder / "tokens").iterdir()} == names


def test_a_server_takes_its_traits_then_the_environment_then_a_kept_login() -> None:
    def server(environ: dict[str, str], **traits: object) -> SiteSettings:
        environ = {**environ, "XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"]}
        return site_of_server(MeshSite(config=Config({"MeshSite": traits})), environ)

    with pytest.raises(InvalidRequest, match="No site is known here"):
        server({})
    with pytest.raises(InvalidRequest, match="MESH_TOKEN_FILE is not set"):
        server({}, name="x", gateway="x:1")
    remember_site(ALPINE, "token-of-ann")
    remember_site(COAST, "token-of-bob")
    assert server(ENVIRONMENT).name == "hub"
    assert server({}, timeout=5.0).name == "alpine"
    assert server({}, timeout=5.0).timeout == 5.0
    found = server({}, name="coast", ca_file="/ca")
    assert (found.name, found.gateway, found.ca_file) == ("coast", COAST.gateway, Path("/ca"))
