"""What is read of public links: all of it, as it is, and nothing that a strange site makes of it."""

import pytest
from aiohttp import web

from jupyter_mesh.binder.links import PublicLink
from jupyter_mesh.binder.reading import open_link, tree_id
from jupyter_mesh.errors import MeshError, NotAllowed, NotFound, Unavailable
from jupyter_mesh.models import Role

from .conftest import CONFIGURED


async def test_all_files_come_as_they_are(shared, read, tmp_path):
    async with read(await shared.link("work")) as (linked, files):
        for file in files:
            await linked.save(file, tmp_path)
    there = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert there == CONFIGURED


async def test_a_folder_below_and_a_single_file(shared, read, tmp_path):
    async with read(f"{await shared.link('work')}/analysis") as (_, files):
        assert [file.path for file in files] == ["empty", "fit ü #1%.ipynb"]
    async with read(await shared.link("crate/fit.py")) as (linked, (file,)):
        await linked.save(file, tmp_path)
        assert (tmp_path / file.path).read_bytes() == b"print('fit')\n"


async def test_the_id_changes_with_the_content_and_with_nothing_else(shared, read):
    await shared.put("changing", {"a/b.txt": b"one"})
    link = await shared.link("changing")
    ids = []
    for content in (None, b"two", None):
        if content:
            await shared.put("changing", {"a/b.txt": content})
        async with read(link) as (_, files):
            ids.append(tree_id(files))
    assert ids[0] != ids[1] == ids[2]
    assert len(ids[0]) == 40


@pytest.mark.parametrize(
    ("role", "error"),
    [
        pytest.param(Role.UPLOADER, NotAllowed, id="only takes files"),
        pytest.param(None, NotFound, id="none"),
    ],
)
async def test_links_that_show_nothing(shared, read, role, error):
    await shared.put("inbox", {"a.txt": b"secret"})
    url = await shared.link("inbox", role) if role else f"{shared.site.url}/s/NoSuchToken123"
    with pytest.raises(error):
        async with read(url):
            pass


ANSWER = """<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">
<d:response><d:href>/dav/public-files/TokenToken/</d:href><d:propstat><d:prop>
<d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
{more}</d:multistatus>"""
FILE = """<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:resourcetype/><d:getetag>"e"</d:getetag>
<d:getcontentlength>{size}</d:getcontentlength></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"""


@pytest.fixture
async def stranger():
    """A site that answers what it is told to; gives a function that starts it."""
    runners = []

    async def start(answer, get=b""):
        async def handle(request):
            if request.method == "PROPFIND":
                return web.Response(status=207, text=answer, content_type="application/xml")
            return web.Response(body=get)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runners.append(runner := web.AppRunner(app))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/s/TokenToken"

    yield start
    for runner in runners:
        await runner.cleanup()


def listed(href, size=1):
    return ANSWER.format(more=FILE.format(href=f"/dav/public-files/TokenToken/{href}", size=size))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param("no XML", "cannot be understood", id="no XML"),
        pytest.param("<a/>", "cannot be understood", id="another document"),
        pytest.param('<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "be understood", id="entities"),
        pytest.param(listed(".."), "whose name cannot be", id="above"),
        pytest.param(listed("a", 11 << 30), "more than 10000 files or 10 GB", id="too large"),
    ],
)
async def test_a_site_that_answers_nonsense(stranger, read, answer, sentence):
    url = await stranger(answer)
    with pytest.raises(MeshError, match=sentence):
        async with read(url):
            pass


async def test_what_is_not_in_the_folder_is_passed_over(stranger, read):
    url = await stranger(listed("a%2Fb"))
    async with read(url) as (_, files):
        assert files == []


async def test_more_than_was_announced_is_not_written(stranger, tmp_path):
    url = await stranger(listed("a", 4), get=b"x" * 100)
    async with open_link(PublicLink.parse(url)) as linked:
        (file,) = await linked.files()
        with pytest.raises(MeshError, match="did not arrive as a whole"):
            await linked.save(file, tmp_path)
    assert (tmp_path / "a").stat().st_size <= 4


async def test_a_site_that_is_away():
    with pytest.raises(Unavailable):
        async with open_link(PublicLink.parse("http://127.0.0.1:1/s/TokenToken")) as linked:
            await linked.files()
