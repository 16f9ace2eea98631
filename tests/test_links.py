"""Every spelling of a link that others write, and what each leads to."""

import pytest

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.links import Link

ID = "a1$b2!c3"
QUOTED = "a1%24b2%21c3"
TWICE = "a1%2524b2%2521c3"
HUB = "https://hub.example.org"


@pytest.mark.parametrize(
    ("query", "suffix", "id", "path"),
    [
        # What the web app of oCIS and OpenCloud builds: the id as it is, the path through encodeURI.
        pytest.param(f"fileId={ID}", "Notebooks/fit.ipynb", ID, "Notebooks/fit.ipynb", id="ocis"),
        pytest.param(f"fileId={QUOTED}", "fit.ipynb", ID, "fit.ipynb", id="ocis, quoted"),
        pytest.param(f"fileId={TWICE}", "fit.ipynb", ID, "fit.ipynb", id="ocis, quoted twice"),
        pytest.param(f".ipynb?fileId={ID}", "what", ID, "what?.ipynb", id="? in the name"),
        pytest.param(f"b?c%20d?fileId={ID}", "a", ID, "a?b?c d", id="more ? in the name"),
        pytest.param(f"a=1&b?fileId={ID}", "x", ID, "x?a=1&b", id="= and & in the name"),
        pytest.param("", "a", "", "a", id="# in the name: the browser keeps the rest"),
        # Ours.
        pytest.param(f"resource={QUOTED}&path=mesh%2Fhome%2Fa", "", ID, "mesh/home/a", id="ours"),
        pytest.param("path=mesh/home/a%20b", "", "", "mesh/home/a b", id="path"),
        pytest.param("path=mesh/home/100%", "", "", "mesh/home/100%", id="percent"),
        pytest.param("resource=cs3://alpine/home/x", "", "", "mesh/home/x", id="url"),
        pytest.param(f"resource=cs3://alpine/.id/{ID}", "", ID, "", id="url by id"),
        pytest.param("", "", "", "", id="nothing"),
        pytest.param(f"fileId={ID}&fileId=x", "", ID, "", id="the first one counts"),
        # SWAN.
        pytest.param("projurl=file://eos/user/m/maya/a.ipynb", "", "", "mesh/home/a.ipynb", id="eos"),
        pytest.param(
            "projurl=file%3A%2F%2F%2Feos%2Fuser%2Fm%2Fmaya%2Fa%20b.ipynb",
            "",
            "",
            "mesh/home/a b.ipynb",
            id="eos, quoted",
        ),
        pytest.param(
            "projurl=file://eos/project/l/lofar/a.ipynb", "", "", "mesh/projects/lofar/a.ipynb",
            id="eos project",
        ),
        pytest.param(
            f"projurl={HUB}/f/{QUOTED}", "", ID, "", id="projurl with a page of the site"
        ),
    ],
)  # fmt: skip
def test_asked(query, suffix, id, path):
    link = Link.asked(query, suffix, "maya")
    assert (str(link.id or ""), link.path) == (id, path)
    again = Link.asked(link.query())
    assert (again.id, again.path) == (link.id, link.path), "as a link of ours it says the same"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param(f"{HUB}/hub/user-redirect/lab/tree/N/fit.ipynb?fileId={ID}", f".id/{ID}", id="ocis"),
        pytest.param(f"{HUB}/hub/user-redirect/mesh/open/N/fit.ipynb?fileId={ID}", f".id/{ID}", id="ocis, ours"),
        pytest.param(f"https://site/f/{ID}", f".id/{ID}", id="page of a file"),
        pytest.param(f"https://site/files/spaces/personal/m/x?fileId={ID}", f".id/{ID}", id="files app"),
        pytest.param(f"{HUB}/user/jan/mesh/open?resource={QUOTED}&path=mesh/home/x", f".id/{ID}", id="ours"),
        pytest.param(f"{HUB}/user/jan/lab/tree/mesh/projects/l/x.ipynb", "projects/l/x.ipynb", id="lab"),
        pytest.param(f"{HUB}/user/jan/lab?mesh=mesh/projects/l", "projects/l", id="panel"),
        pytest.param(f"{HUB}/hub/user-redirect/download?projurl=file://eos/user/m/maya/x", "home/x", id="swan"),
        pytest.param("cs3://alpine/home/a%20b", "home/a%20b", id="url"),
        pytest.param("  mesh/home/a ", "home/a", id="api path"),
        pytest.param("projects/lofar", "projects/lofar", id="path"),
        pytest.param(ID, f".id/{ID}", id="id"),
    ],
)  # fmt: skip
def test_pasted(text, url):
    assert Link.read(text, "maya").to_url("alpine") == f"cs3://alpine/{url}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "not a link", id="nothing"),
        pytest.param("hello", "not a link", id="a word"),
        pytest.param("https://site/s/AbCd", "public link", id="public link"),
        pytest.param("https://github.com/a/b.git", "out of the mesh", id="git"),
        pytest.param("https://site/x.zip", "out of the mesh", id="archive"),
        pytest.param("local:/notebooks/x.ipynb", "out of the mesh", id="local"),
        pytest.param("file:///etc/passwd", "out of the mesh", id="file of the machine"),
        pytest.param("file://eos/user/j/jan/x", "home of jan", id="home of somebody else"),
        pytest.param("file://eos/user/m/maya/../../j/jan", r"\.\.", id="upwards"),
        pytest.param("https://[", "not a link", id="no address"),
        pytest.param("javascript:alert(1)//", "out of the mesh", id="script"),
        pytest.param("home/a\u202eb", "not a link", id="turned around"),
        pytest.param("x" * 5000, "not a link", id="long"),
    ],
)
def test_what_is_none_says_why(text, why):
    with pytest.raises(InvalidRequest, match=why):
        Link.read(text, "maya").to_url("alpine")


def test_a_link_of_another_site_is_not_opened_here():
    with pytest.raises(InvalidRequest, match="leads to coast, and this is alpine"):
        Link.read("cs3://coast/home/x").to_url("alpine")
