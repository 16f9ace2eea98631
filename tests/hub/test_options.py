"""What is chosen in the start form, and what else comes as options: checked, taken once, and never in the way."""

import pytest

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh_spawner.options import MeshOptions, read_form
from tests.hub.choosing import ChoosingHub, Form, Window, environment_of

pytestmark = pytest.mark.timeout(240)

USERS = ("maya", "swan")

# A spawner with a form of its own, for one user, that takes no field but its own.
FOREIGN = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyter_mesh_spawner.local import MeshLocalSpawner
from traitlets import default

class Theirs(SimpleLocalProcessSpawner):
    @default("options_form")
    def _their_form(self):
        return '<input name="cores" value="2">' if self.user.name == "swan" else ""

    def options_from_form(self, form_data):
        if self.user.name != "swan":
            return form_data
        ((name, (cores,)),) = form_data.items()
        return {name: int(cores)}

    def get_env(self):
        return super().get_env() | {"CORES": str(self.user_options.get("cores"))}

class Both(MeshLocalSpawner, Theirs):
    pass

c.JupyterHub.spawner_class = Both
"""


class TestRead:
    @pytest.mark.parametrize(
        ("value", "url"),
        [
            pytest.param("cs3://alpine/projects/lofar", "cs3://alpine/projects/lofar", id="url"),
            pytest.param(["cs3://alpine/home"], "cs3://alpine/home", id="list, as in a link"),
            pytest.param("s$p!n", "cs3://alpine/.id/s$p!n", id="id"),
            pytest.param("", "", id="empty"),
            pytest.param([], "", id="empty list"),
            pytest.param(None, "", id="null"),
            pytest.param(0, "", id="false"),
        ],
    )
    def test_what_can_be_opened(self, value, url):
        read = MeshOptions.read({"mesh_resource": value}, "alpine")
        assert (read.resource, read.problem) == (url, "")

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("cs3://alpine/home/../../etc/passwd", id="dots"),
            pytest.param("cs3://alpine/home/%2e%2e/x", id="encoded dots"),
            pytest.param("/etc/passwd", id="path"),
            pytest.param("../../../etc", id="path upwards"),
            pytest.param("!!python/object/apply:os.system ['id']", id="yaml"),
            pytest.param("<script>alert(1)</script>", id="html"),
            pytest.param("{user}", id="braces"),
            pytest.param("cs3://coast/home/x", id="another site"),
            pytest.param("cs3://alpine/home/a\nb", id="newline"),
            pytest.param("cs3://alpine/home/\0", id="nul"),
            pytest.param("cs3://alpine/home/%00", id="encoded nul"),
            pytest.param("cs3://alpine/home/" + "x" * 300, id="name too long"),
            pytest.param("cs3://alpine/home/" + "x/" * 500_000, id="1 MB"),
            pytest.param("javascript:alert(1)", id="script"),
            pytest.param({"a": 1}, id="object"),
            pytest.param([["cs3://alpine/home"]], id="list of lists"),
            pytest.param(17, id="number"),
            pytest.param(True, id="true"),
            pytest.param("\ud800", id="half a character"),
        ],
    )
    def test_what_cannot_says_why(self, value):
        read = MeshOptions.read({"mesh_resource": value}, "alpine")
        assert read.resource == ""
        assert read.problem
        assert "\n" not in read.problem

    @pytest.mark.parametrize(
        "value", ["", "a b", "../x", "<b>", "x" * 65, "x\ny", {"a": 1}, ["a", 1][1:], 7, None, "é"]
    )
    @pytest.mark.parametrize("field", ["placement", "environment"])
    def test_what_is_no_name_counts_as_not_chosen(self, field, value):
        assert MeshOptions.read({f"mesh_{field}": value}, "alpine") == MeshOptions()

    def test_names_are_names_only(self):
        read = MeshOptions.read({"mesh_placement": ["coast"], "mesh_environment": "data-3.13"}, "a")
        assert (read.placement, read.environment) == ("coast", "data-3.13")

    @pytest.mark.parametrize(
        ("fields", "url"),
        [
            pytest.param({"what": "files", "project": "lofar", "link": "x"}, "", id="files"),
            pytest.param({"what": "project", "project": "lofar"}, "projects/lofar", id="project"),
            pytest.param({"what": "project", "project": "l/a b"}, "projects/l/a%20b", id="below"),
            pytest.param({"what": "project", "project": "home/x/"}, "home/x", id="folder"),
            pytest.param({"what": "project", "project": "shares/s"}, "shares/s", id="share"),
            pytest.param({"what": "link", "link": "https://h/f/s$p!n"}, ".id/s$p!n", id="link"),
            pytest.param({"what": "resource", "resource": "home/x"}, "home/x", id="of a link page"),
            pytest.param({"resource": "home/x"}, "home/x", id="a form of others"),
            pytest.param({}, "", id="nothing"),
        ],
    )
    def test_the_form(self, fields, url):
        found = read_form({f"mesh_{name}": [text] for name, text in fields.items()}, "alpine")
        assert found.get("mesh_resource", "") == (f"cs3://alpine/{url}" if url else "")

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"what": "project", "project": ""}, id="no project"),
            pytest.param({"what": "project", "project": "../x"}, id="dots"),
            pytest.param({"what": "link", "link": ""}, id="no link"),
            pytest.param({"what": "link", "link": "https://evil.example/"}, id="other page"),
            pytest.param({"what": "link", "link": "x" * 100_000}, id="long"),
        ],
    )
    def test_the_form_says_what_is_wrong(self, fields):
        with pytest.raises(InvalidRequest):
            read_form({f"mesh_{name}": [text] for name, text in fields.items()}, "alpine")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = ChoosingHub(
        tmp_path_factory.mktemp("options"),
        users=USERS,
        projects=[("lofar-survey", "maya"), ("<b>x&y", "maya"), ("lofar-swan", "swan")],
        more=FOREIGN,
    )
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
async def window(hub):
    async with Window(hub) as window:
        yield window


@pytest.fixture
async def maya(hub, window):
    await window.sign_in("maya")
    yield window
    if await hub.model("maya"):
        await hub.stop_server("maya")


async def test_the_form_without_javascript(hub, maya):
    status, page = await maya.get("/hub/spawn")
    assert status == 200
    assert '<option value="lofar-survey">project</option>' in page
    assert "&lt;b&gt;x&amp;y" in page
    assert "<b>x" not in page
    assert "Data analysis &lt;Python&gt;" in page
    assert "Coast Institute · 16 GB, GPU" in page
    assert "Vault" not in page, "it is for the group staff"
    form = Form(page)
    assert form.fields["mesh_what"] == "files"
    assert (form.fields["mesh_placement"], form.fields["mesh_environment"]) == ("", "data")
    await maya.send(form, mesh_what="project", mesh_project="lofar-survey")
    environment = await hub.ready("maya")
    assert environment["WHERE"] == "coast", "it was placed by the rule, on the hub"
    assert environment["WHAT"] == "data"
    assert (
        environment["JUPYTERHUB_DEFAULT_URL"]
        == "/mesh/open?resource=cs3%3A%2F%2Falpine%2Fprojects%2Flofar-survey"
    )
    assert "MESH_REMARKS" not in environment


async def test_a_choice_counts_once(hub, maya):
    chosen = {"mesh_resource": "cs3://alpine/projects/lofar-survey", "cpu": 4}
    environment = await hub.start_with("maya", chosen)
    assert environment["WHERE"] == "coast"
    await hub.stop_server("maya")
    assert await hub.options_kept("maya") == {"cpu": 4}, "what belongs to others stays"
    environment = environment_of(await hub.start_server("maya"))
    assert "WHERE" not in environment
    assert environment["JUPYTERHUB_DEFAULT_URL"] == "/lab"


async def test_what_was_typed_wrongly_is_still_there(hub, maya):
    _, page = await maya.get("/hub/spawn")
    text = 'https://evil.example/"><script>'
    _, _, page = await maya.send(Form(page), mesh_what="link", mesh_link=text)
    assert "This link leads out of the mesh." in page
    form = Form(page)
    assert (form.fields["mesh_what"], form.fields["mesh_link"]) == ("link", text)
    assert '"><script>' not in page
    assert await hub.model("maya") is None


@pytest.mark.parametrize("opt", ["opt-", ""])
async def test_a_link_to_the_form_fills_it_in_and_starts_nothing(hub, maya, opt):
    resource = "cs3://alpine/projects/lofar-survey"
    status, page = await maya.get(
        f"/hub/spawn?{opt}mesh_resource={resource}&{opt}mesh_environment=empty"
    )
    assert status == 200
    form = Form(page)
    assert form.fields["mesh_what"] == "link"
    assert form.fields["mesh_link"] == "cs3://alpine/projects/lofar-survey"
    assert form.fields["mesh_environment"] == "empty"
    assert "spawn-error-msg" not in page
    assert await hub.model("maya") is None


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        pytest.param(
            {"mesh_resource": "cs3://alpine/projects/gone"},
            '"gone" is not there, or not shared with you. Your server starts without it.',
            id="not there",
        ),
        pytest.param(
            {"mesh_resource": "cs3://coast/home/x"},
            "This link leads to coast, and this is alpine. Open it at coast, or have it shared with you here. "
            "Your server starts without it.",
            id="another site",
        ),
        pytest.param(
            {"mesh_resource": "x" * 1_000_000},
            "This is not a link to a file or folder of the mesh. Copy it from the page of your site again. "
            "Your server starts without it.",
            id="1 MB",
        ),
        pytest.param(
            {"mesh_placement": "vault"},
            '"vault" cannot be chosen. Your server runs at Alpine University.',
            id="a placement for others",
        ),
        pytest.param(
            {"mesh_environment": "old"},
            'There is no environment "old" any more. Your server runs in the usual one.',
            id="an environment that is gone",
        ),
    ],
)
async def test_what_cannot_be_never_keeps_a_server_from_starting(hub, maya, options, remark):
    environment = await hub.start_with("maya", options)
    assert environment["MESH_REMARKS"] == remark
    assert environment["JUPYTERHUB_DEFAULT_URL"] == "/lab"
    assert "WHERE" not in environment
    assert remark in hub.log
    await hub.stop_server("maya")
    assert await hub.options_kept("maya") == {}


async def test_in_a_form_of_others(hub, window):
    """Ours stands above theirs, each gets its own fields, and a link brings the same form."""
    await window.sign_in("swan")
    _, page = await window.get("/hub/spawn")
    form = Form(page)
    assert page.count('id="mesh-start"') == 1
    assert (form.fields["cores"], form.fields["mesh_what"]) == ("2", "files")
    await window.send(form, cores="4", mesh_what="project", mesh_project="lofar-swan")
    environment = await hub.ready("swan")
    assert (environment["CORES"], environment["WHERE"]) == ("4", "coast")
    assert environment["JUPYTERHUB_DEFAULT_URL"].endswith("lofar-swan")
    await hub.stop_server("swan")
    assert await hub.options_kept("swan") == {"cores": 4}

    _, page = await window.get("/hub/mesh/open?path=mesh/projects/lofar-swan")
    form = Form(page)
    assert page.count('id="mesh-start"') == 1
    assert (form.fields["cores"], form.fields["mesh_what"]) == ("2", "resource")
    await window.send(form, cores="8")
    environment = await hub.ready("swan")
    assert (environment["CORES"], environment["WHERE"]) == ("8", "coast")
    await hub.stop_server("swan")

    _, _, page = await window.send(form, cores="many")
    assert "invalid literal" in page, "what theirs refuses is told on the form"
    assert await hub.model("swan") is None
