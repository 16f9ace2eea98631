"""Links to files through the hub: they survive a login, start nothing by themselves, and lead to one's own server."""

import asyncio
import os
import sys
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.hub.choosing import ChoosingHub, Form, Window, environment_of, password_of
from tests.hub.hubs import until

pytestmark = pytest.mark.timeout(240)

ODD = ("ann@x.org", "a+b", "jan.d-o")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = ChoosingHub(
        tmp_path_factory.mktemp("links"),
        users=("maya", "tom", *ODD),
        projects=[("lofar-survey", "maya")],
        more="c.JupyterHub.load_groups = {'staff': {'users': ['tom']}}\n",
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


async def leads_to(window, path):
    """Status, and where a request without following leads."""
    async with window.session.get(window.hub.url + path, allow_redirects=False) as reply:
        return reply.status, reply.headers.get("Location", "")


@pytest.fixture(scope="module")
def id_of(hub):
    """The id of a file of maya's, made at the site."""
    from tests.e2e.processes import Account, Site

    site = Site("alpine", hub.node.gateway, hub.url, hub.node.data, hub.state / "home")
    maya = Account("maya", password_of("maya"), site)

    def id_of(path):
        async def make(mesh):
            return (await mesh.upload(path, b"{}")).id

        return str(maya.ask_site(make))

    return id_of


LINKS = [
    pytest.param("/hub/mesh/open?fileId={id}", id="hub, unquoted"),
    pytest.param("/hub/mesh/open?resource={quoted}&path=mesh/home/x", id="hub, quoted"),
    pytest.param("/hub/user-redirect/mesh/open/Notebooks/fit.ipynb?fileId={id}", id="ocis, ours"),
    pytest.param("/hub/user-redirect/lab/tree/Notebooks/fit.ipynb?fileId={id}", id="ocis, as is"),
    pytest.param("/hub/user-redirect/mesh/open/what?.ipynb?fileId={id}", id="ocis, ? in the name"),
    pytest.param("/hub/mesh/open?projurl=file://eos/user/m/maya/link%20a%26b.ipynb", id="swan"),
]


@pytest.mark.parametrize("link", LINKS)
async def test_a_cold_link_asks_first_and_a_warm_one_opens(hub, maya, id_of, link):
    id = id_of("home/link a&b.ipynb")
    link = link.format(id=id, quoted=quote(id, safe=""))
    status, page = await maya.get(link)
    assert status == 200
    assert 'Open "link a&amp;b.ipynb"?' in page
    assert await hub.model("maya") is None, "a link starts nothing"
    form = Form(page)
    assert form.fields["mesh_what"] == "resource"
    assert "mesh_link" not in form.fields
    _, url, _ = await maya.send(form, mesh_environment="empty")
    assert "/hub/spawn-pending/maya" in url or "/user/maya/mesh/open" in url
    environment = await hub.ready("maya")
    assert environment["JUPYTERHUB_DEFAULT_URL"] == (
        "/mesh/open?resource=cs3%3A%2F%2Falpine%2Fhome%2Flink%2520a%2526b.ipynb"
    )
    # Waiting ends where the link leads.
    (after,) = parse_qs(urlsplit(form.action).query)["next"]
    assert after.startswith("/user/maya/mesh/open?")
    status, landing = await leads_to(maya, link)
    assert (status, landing) == (302, after), "a server that runs is gone to at once"
    asked = parse_qs(urlsplit(landing).query)
    assert asked.get("resource", [id]) == [id]


async def test_the_login_keeps_the_link(hub, window, id_of):
    id = id_of("home/after login.ipynb")
    link = f"/hub/user-redirect/mesh/open/a b.ipynb?fileId={id}"
    status, there = await leads_to(window, quote(link, safe="/?=$!"))
    assert status == 302
    (following,) = parse_qs(urlsplit(there).query)["next"]
    status, page = await window.sign_in("maya", next_page=quote(following, safe=""))
    assert status == 200
    assert 'Open "after login.ipynb"?' in page
    assert await hub.model("maya") is None


async def test_a_link_from_elsewhere_cannot_press_the_button(hub, maya, id_of):
    _, page = await maya.get(f"/hub/mesh/open?fileId={id_of('home/x.ipynb')}")
    form = Form(page)
    form.action = form.action.partition("&_xsrf=")[0]
    status, _, _ = await maya.send(form)
    assert status == 403
    async with maya.session.post(hub.url + "/hub/mesh/open?path=mesh/home") as reply:
        assert reply.status in (403, 405)
    assert await hub.model("maya") is None


@pytest.mark.parametrize(
    ("link", "status", "text"),
    [
        pytest.param("/hub/mesh/open?path=mesh/home/gone.ipynb", 404, "You have no access to &#34;gone.ipynb&#34;", id="gone"),
        pytest.param("/hub/mesh/open?fileId=a$b!c", 404, "You have no access to", id="unknown id"),
        pytest.param("/hub/mesh/open?fileId=nothing", 400, "Its id is none", id="no id"),
        pytest.param("/hub/mesh/open?path=mesh/../../etc/passwd", 400, "not a link of the mesh", id="dots"),
        pytest.param("/hub/mesh/open?resource=cs3://coast/home", 400, "leads to coast", id="other site"),
        pytest.param("/hub/mesh/open?projurl=https://github.com/a/b.git", 400, "out of the mesh", id="git"),
        pytest.param("/hub/mesh/open?path=%3Cscript%3Ealert(1)%3C/script%3E", 400, "&lt;script&gt;", id="html"),
        pytest.param("/hub/mesh/open?path=//evil.example/", 400, "not a link", id="another host"),
        pytest.param("/hub/mesh/open?path=" + "x" * 8_000, 400, "not a link", id="8 kB"),
        pytest.param("/hub/mesh/open?path=%ff%fe", 400, "", id="no text"),
    ],
)  # fmt: skip
async def test_what_cannot_be_opened_is_explained(hub, maya, link, status, text):
    got, page = await maya.get(link)
    assert got == status
    assert text in page
    assert "<script>alert" not in page
    assert await hub.model("maya") is None


async def test_a_link_while_the_site_is_away(hub, maya, id_of):
    link = f"/hub/mesh/open?fileId={id_of('home/x.ipynb')}&path=mesh/home/x.ipynb"
    hub.node.stop()
    try:
        status, page = await maya.get(link)
        assert status == 200
        assert "alpine does not answer now. Your server may start without it." in page
        await maya.send(Form(page))
        environment = await hub.ready("maya")
        assert environment["JUPYTERHUB_DEFAULT_URL"] == "/lab"
        assert (
            "alpine does not answer. Your server starts without it." in environment["MESH_REMARKS"]
        )
        async with hub.api() as api, api.get("users/maya/server/progress") as stream:
            assert stream.status == 200
    finally:
        hub.node.start()


async def test_the_placement_that_the_script_and_the_command_ask_for(hub, maya):
    base = "/hub/api/mesh/users/maya"
    status, found = await maya.ask(f"{base}/placements?what=project&project=lofar-survey")
    assert status == 200
    assert [each["name"] for each in found["placements"]] == ["coast", "here", "broken"]
    assert found["placements"][0]["reason"] == '"lofar-survey" is stored there.'
    assert "override" not in str(found)
    status, found = await maya.ask(f"{base}/placements?resource=home")
    assert (found["placements"][0]["name"], found["problem"]) == ("here", "")
    status, found = await maya.ask(f"{base}/placements?what=link&link=https://evil.example/")
    assert (status, "out of the mesh" in found["problem"]) == (200, True)
    assert (await maya.ask("/hub/api/mesh/users/tom/placements"))[0] == 404
    assert (await maya.ask("/hub/api/mesh/users/tom/places"))[0] == 404
    status, refused = await maya.ask(f"{base}/places", **{"X-XSRFToken": "x"})
    assert status == 403, refused


async def test_search_while_typing(hub, maya, id_of):
    id_of("home/first.txt")
    (hub.node.data / "home" / "maya" / "Analysis").mkdir(exist_ok=True)
    base = "/hub/api/mesh/users/maya/places"
    _, found = await maya.ask(f"{base}?q=LOF")
    assert found["places"] == [{"value": "lofar-survey", "kind": "project"}]
    _, found = await maya.ask(f"{base}?q=anal")
    assert found["places"] == [{"value": "home/Analysis", "kind": "folder"}]
    _, found = await maya.ask(f"{base}?q=home/")
    assert {"value": "home/Analysis", "kind": "folder"} in found["places"]
    for odd in ("../..", "<b>", "nowhere/x", "%00", "x" * 5000, "home/../.."):
        status, found = await maya.ask(f"{base}?q={quote(odd)}")
        assert (status, found["places"]) == (200, []), odd


@pytest.mark.parametrize("user", ODD)
async def test_odd_names(hub, window, user):
    status, page = await window.sign_in(user, next_page=quote("/hub/mesh/open?path=mesh/home"))
    assert (status, 'Open "Your files"?' in page) == (200, True)
    await window.send(Form(page))
    environment = await hub.ready(user)
    assert environment["JUPYTERHUB_DEFAULT_URL"].endswith("cs3%3A%2F%2Falpine%2Fhome")
    status, landing = await leads_to(window, "/hub/user-redirect/mesh/open?path=mesh/home")
    assert status == 302
    assert landing.endswith("/mesh/open?path=mesh%2Fhome")
    assert quote(user, safe="@") in landing
    _, found = await window.ask(f"/hub/api/mesh/users/{quote(user)}/places?q=")
    assert found == {"places": []}
    await hub.stop_server(user)


async def test_a_name_that_is_not_ascii(hub):
    """Such users come from other logins; here they have maya's."""
    async with hub.api() as api:
        async with api.get("users/maya") as reply:
            state = (await reply.json())["auth_state"]
        async with api.post("users/jürgen") as reply:
            assert reply.status == 201
        async with api.patch("users/jürgen", json={"auth_state": state}) as reply:
            assert reply.status == 200
        async with api.get("mesh/users/jürgen/placements") as reply:
            assert reply.status == 200, "the service may start servers"
    environment = await hub.start_with("jürgen", {"mesh_resource": "projects/lofar-survey"})
    assert environment["WHERE"] == "coast"
    assert environment["JUPYTERHUB_DEFAULT_URL"].endswith("lofar-survey")
    await hub.stop_server("jürgen")


async def test_two_servers_of_one_user(hub, maya):
    """Each takes its own choices, and a link leads to the default one."""
    chosen = {"mesh_resource": "cs3://alpine/projects/lofar-survey"}
    one = await hub.start_with("maya", chosen, server="one")
    two = await hub.start_with("maya", {"mesh_placement": "here"}, server="two")
    assert one["JUPYTERHUB_DEFAULT_URL"].endswith("lofar-survey")
    assert two["JUPYTERHUB_DEFAULT_URL"] == "/lab"
    assert (one["WHERE"], two.get("WHERE")) == ("coast", None)
    assert one["MESH_TOKEN_FILE"] != two["MESH_TOKEN_FILE"]
    status, page = await maya.get("/hub/mesh/open?path=mesh/home")
    assert (status, "Start and open" in page) == (200, True)
    async with hub.api() as api:
        for name in ("one", "two"):
            async with api.delete(f"users/maya/servers/{name}") as reply:
                assert reply.status in (202, 204)
    for name in ("one", "two"):

        async def stopped(name=name):
            return await hub.model("maya", name) is None

        await until(stopped, seconds=60)


async def test_a_group_has_its_own_placement(hub, window):
    await window.sign_in("tom")
    _, page = await window.get("/hub/spawn")
    assert "Vault" in page
    environment = await hub.start_with("tom", {"mesh_placement": "vault"})
    assert environment["WHERE"] == "vault"
    await hub.stop_server("tom")
    assert "WHERE" not in environment_of(await hub.start_server("tom"))
    await hub.stop_server("tom")


async def test_what_the_operator_has_set_up_wrongly(hub, maya):
    async with hub.api() as api:
        body = {"mesh_placement": "broken"}
        async with api.post("users/maya/server", json=body) as reply:
            told = await reply.json() if reply.content_length else {}
        assert reply.status == 500
    assert told["message"] == (
        'The placement "broken" is set up wrongly. Choose another one, and tell the operator of this hub.'
    )
    assert "no_such_trait" in hub.log
    assert "WHERE" not in environment_of(await hub.start_server("maya"))


async def test_the_command_in_a_server_asks_the_hub(hub, maya):
    """With the server's own token, which may do little else."""
    environment = environment_of(await hub.start_server("maya"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jupyter_mesh.cli",
        "place",
        "projects/lofar-survey",
        env=os.environ | {name: environment[name] for name in environment if "JUPYTERHUB" in name},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        told, _ = await process.communicate()
    assert told.decode().splitlines()[0] == (
        'lofar-survey would run at Coast Institute · 16 GB, GPU (coast). "lofar-survey" is stored there.'
    )
    assert process.returncode == 0
