"""nbconvert on notebooks of the mesh: by the handler of Jupyter, and by an exporter with what our manager gives."""

import pytest
from nbconvert import HTMLExporter, PythonExporter
from nbconvert.exporters import ScriptExporter
from tornado.httpclient import HTTPClientError

from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import notebook, put_by_others, text


@pytest.fixture
def path(folder, contents, jp_asyncio_loop):
    path = join(folder, "fit.ipynb")
    jp_asyncio_loop.run_until_complete(contents.save(notebook("answer = 6 * 7"), path))
    return path


@pytest.mark.parametrize(
    ("kind", "words", "type"),
    [
        pytest.param("html", "<title>fit</title>", "text/html", id="html"),
        pytest.param("script", "answer = 6 * 7", "text/", id="script"),
        pytest.param("markdown", "answer = 6 * 7", "text/markdown", id="markdown"),
        pytest.param("notebook", '"answer = 6 * 7"', "application/json", id="notebook"),
    ],
)
async def test_a_notebook_is_converted_by_its_address(jp_fetch, path, kind, words, type):
    answer = await jp_fetch("nbconvert", kind, path, request_timeout=60)
    assert answer.code == 200
    assert answer.headers["Content-Type"].startswith(type)
    assert answer.headers["Last-Modified"]
    assert words in answer.body.decode()


async def test_a_conversion_can_be_downloaded(jp_fetch, path):
    answer = await jp_fetch("nbconvert", "script", path, params={"download": "true"})
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "fit" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        pytest.param("none.ipynb", None, 404, id="missing"),
        pytest.param("broken.ipynb", b"{", 400, id="unreadable"),
    ],
)
async def test_what_cannot_be_converted_is_refused(
    jp_fetch, folder, contents, name, content, status
):
    if content is not None:
        await put_by_others(contents, join(folder, name), content)
    with pytest.raises(HTTPClientError) as refusal:
        await jp_fetch("nbconvert", "html", join(folder, name))
    assert refusal.value.code == status


@pytest.mark.parametrize("exporter", [HTMLExporter, PythonExporter, ScriptExporter])
async def test_an_exporter_takes_what_the_manager_gives(path, contents, exporter):
    model = await contents.get(path, type="notebook")
    output, resources = exporter().from_notebook_node(
        model["content"], resources={"metadata": {"name": "fit"}}
    )
    assert "answer" in output
    assert resources["metadata"]["name"] == "fit"
    await contents.save(text(output), join(path.rpartition("/")[0], "out.txt"))
    assert (await contents.get(join(path.rpartition("/")[0], "out.txt")))["content"] == output
