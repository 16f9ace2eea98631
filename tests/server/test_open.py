"""``/mesh/open?path=…``: a link to a place, never to another host."""

import pytest
from tornado.httpclient import HTTPClientError


@pytest.fixture
def go(jp_fetch):
    """Follows no redirect; gives the status and where it leads."""

    async def go(**query):
        try:
            reply = await jp_fetch("mesh", "open", params=query, follow_redirects=False)
        except HTTPClientError as error:
            reply = error.response
        return reply.code, reply.headers.get("Location", "")

    return go


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        pytest.param("mesh/home/fit.ipynb", "lab?mesh=mesh/home/fit.ipynb", id="file"),
        pytest.param("/mesh/home/", "lab?mesh=mesh/home", id="slashes"),
        pytest.param("mesh/home/a b&c=d#e", "lab?mesh=mesh/home/a%20b%26c%3Dd%23e", id="odd name"),
        pytest.param("mesh/home/100%", "lab?mesh=mesh/home/100%25", id="percent"),
        pytest.param("mesh/home///evil", "lab?mesh=mesh/home/evil", id="doubled slash"),
    ],
)
async def test_leads_to_the_place(go, jp_base_url, path, leads_to):
    assert await go(path=path) == (302, jp_base_url + leads_to)


async def test_without_a_path_leads_to_the_top(go, jp_base_url):
    assert await go() == (302, f"{jp_base_url}lab?mesh=mesh")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("mesh/../../etc", id="dots"),
        pytest.param("//evil.example/mesh", id="other host"),
        pytest.param("https://evil.example", id="address"),
        pytest.param("local.txt", id="not of the mesh"),
    ],
)
async def test_refuses_what_is_no_place(go, path):
    code, location = await go(path=path)
    assert (code, location) == (400, "")
