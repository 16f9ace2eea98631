"""``/mesh/open`` by id, and ``/mesh/accept``: links that lead somewhere, change nothing and tell nobody."""

import logging
import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.server.handed import Handed
from jupyter_mesh.sharing import Sharing

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

TOKEN = "marker-1nv1tat10n-t0ken"


@pytest.fixture
def go(http_server_client, jp_base_url, jp_auth_header):
    """Follows no redirect; gives the answer and the query that it leads to."""

    async def go(address, *, login=True):
        reply = await http_server_client.fetch(
            f"{jp_base_url}{address}",
            headers=jp_auth_header if login else {},
            follow_redirects=False,
            raise_error=False,
        )
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        return reply, parse_qs(urlsplit(reply.headers.get("Location", "")).query)

    return go


class TestOpen:
    @pytest.mark.parametrize(
        "spelling", ["resource={}", "fileId={}", "resource={}&path=mesh/home/x"]
    )
    async def test_what_moved_is_found_by_its_id(self, go, site, einstein, folder, spelling):
        made = await einstein.upload(f"{folder}/a b.txt", b"a")
        name = "a b.txt"
        if site.flavour == "spaces":  # Sites of paths make ids out of paths.
            name = "c d.txt"
            await einstein.move(f"{folder}/a b.txt", f"{folder}/{name}")
        for id in (quote(str(made.id), safe=""), quote(quote(str(made.id), safe=""), safe="")):
            reply, query = await go(f"mesh/open?{spelling.format(id)}")
            assert (reply.code, query) == (302, {"mesh": [f"mesh/{folder}/{name}"]}), reply.body

    async def test_the_path_may_end_the_address(self, go, einstein, folder, site):
        made = await einstein.upload(f"{folder}/a.txt", b"a")
        rel = quote(f"{folder.removeprefix('home/')}/a.txt")
        before = site.calls["Stat"]
        id = quote(str(made.id), safe="$!")  # As others write it into their links.
        reply, query = await go(f"mesh/open/{rel}?fileId={id}")
        assert (reply.code, query["mesh"]) == (302, [f"mesh/{folder}/a.txt"])
        assert site.calls["Stat"] - before <= 2, "it is where the link says"

    async def test_links_of_others(self, go, einstein, folder, site, monkeypatch):
        monkeypatch.setenv("JUPYTERHUB_USER", "einstein")
        made = await einstein.upload(f"{folder}/what?.ipynb", b"{}")
        rel = f"{folder.removeprefix('home/')}/what"
        id = quote(str(made.id), safe="$!")
        page = quote(f"https://site/f/{quote(str(made.id), safe='')}", safe="")
        eos = f"file://eos/user/e/einstein/{rel}%3F.ipynb"
        place = quote(f"cs3://alpine/{folder}/what%3F.ipynb", safe="")
        for link in (
            f"mesh/open/{rel}?.ipynb?fileId={id}",  # encodeURI leaves the question mark
            f"mesh/open?projurl={page}",
            f"mesh/open?projurl={quote(eos, safe='')}",
            f"mesh/open?resource={place}",
        ):
            reply, query = await go(link)
            assert (reply.code, query.get("mesh")) == (302, [f"mesh/{folder}/what?.ipynb"]), link

    @pytest.mark.parametrize(
        ("link", "text"),
        [
            ("projurl=https://github.com/a/b.git", b"out of the mesh"),
            ("projurl=file://eos/user/j/jan/x", b"in the home of jan"),
            ("resource=cs3://coast/home/x", b"leads to coast"),
        ],
    )
    async def test_links_that_lead_elsewhere(self, go, link, text):
        reply, _ = await go(f"mesh/open?{link}")
        assert reply.code == 400
        assert text in reply.body

    async def test_another_file_at_the_same_path_is_not_opened(self, go, site, einstein, folder):
        if site.flavour == "paths":
            # The id says no more than the path there, and both lead to what is there now.
            return
        made = await einstein.upload(f"{folder}/a.txt", b"a")
        await einstein.move(f"{folder}/a.txt", f"{folder}/b.txt")
        await einstein.upload(f"{folder}/a.txt", b"other")
        _, query = await go(f"mesh/open?resource={made.id}&path=mesh/{folder}/a.txt")
        assert query["mesh"] == [f"mesh/{folder}/b.txt"]

    async def test_what_is_shared_opens_at_the_place_of_the_receiver(
        self, go, einstein, marie, folder_of
    ):
        path = await folder_of(marie)
        await marie.mkdir(f"{path}/deep")
        made = await marie.upload(f"{path}/deep/fit.ipynb", b"{}")
        (me,) = await marie.find_users("einstein")
        await marie.share(path, me, Role.EDITOR)
        link = f"mesh/open?resource={quote(str(made.id), safe='')}&path={quote(f'mesh/{path}')}"
        mine = Sharing(einstein)
        (share,) = [each for each in await mine.received() if each.name in path]
        if share.state is ShareState.PENDING:
            accepted = await mine.answer(share.id, ShareState.ACCEPTED)
        else:
            accepted = share
        reply, query = await go(link)
        assert (reply.code, query) == (302, {"mesh": [f"mesh/{accepted.path}/deep/fit.ipynb"]})

    async def test_what_waits_for_an_answer_says_so(self, go, site, einstein, marie, folder_of):
        path = await folder_of(marie)
        (me,) = await marie.find_users("einstein")
        await marie.share(path, me, Role.EDITOR)
        mine = Sharing(einstein)
        (share,) = [each for each in await mine.received() if each.name in path]
        if share.state is ShareState.ACCEPTED:
            await mine.answer(share.id, ShareState.DECLINED)
        id = quote(str((await marie.stat(path)).id), safe="")
        reply, _ = await go(f"mesh/open?resource={id}")
        page = reply.body.decode()
        assert reply.code == 404
        assert "marie wants to share" in page
        assert "Accept it first" in page

    async def test_missing_access_is_explained_with_a_text_to_ask(self, go, marie, folder_of):
        path = await folder_of(marie, "<b>x&y.txt")
        id = quote(str((await marie.stat(f"{path}/<b>x&y.txt")).id), safe="")
        hint = quote(f"mesh/{path}/<b>x&y.txt", safe="")
        reply, _ = await go(f"mesh/open?resource={id}&path={hint}")
        page = reply.body.decode()
        assert reply.code == 404
        assert "&lt;b&gt;x&amp;y.txt" in page
        assert "<b>" not in page
        assert "<script" not in page
        assert "I am einstein (einstein), Alpine University." in page
        assert "Back to JupyterLab" in page
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("id", ["x", "%00!%00", "a" * 5000, "..!..", "%F0%9F%99%82"])
    async def test_what_is_no_id_is_told(self, go, id):
        reply, _ = await go(f"mesh/open?resource={id}")
        assert reply.code in (400, 404)
        assert b"Back to JupyterLab" in reply.body

    async def test_the_login_keeps_the_link(self, go):
        id = "a$b!c"
        reply, query = await go(f"mesh/open?resource={quote(id, safe='')}", login=False)
        assert reply.code == 302
        assert urlsplit(reply.headers["Location"]).path.endswith("/login")
        (following,) = query["next"]
        assert parse_qs(urlsplit(following).query) == {"resource": [id]}


class TestAccept:
    @pytest.fixture
    def logged(self, caplog, jp_serverapp):
        """Everything that is logged."""
        caplog.set_level(logging.DEBUG)
        for name in ("ServerApp", "MeshExtension", "tornado.access", "tornado.application"):
            caplog.set_level(logging.DEBUG, logger=name)
        return lambda: "\n".join(record.getMessage() for record in caplog.records)

    @pytest.mark.parametrize("login", [True, False], ids=["logged in", "logged out"])
    async def test_the_token_stands_in_no_address_after_the_first(
        self, go, ask, sites, logged, login
    ):
        link = f"mesh/accept?token={TOKEN}&providerDomain={sites[1].domain}"
        reply, _ = await go(link, login=login)
        assert reply.code == 302
        there = reply.headers["Location"]
        assert TOKEN not in there
        address = there[there.index("mesh/accept/") :]
        reply, query = await go(address, login=False)
        assert urlsplit(reply.headers["Location"]).path.endswith("/login")
        assert TOKEN not in reply.headers["Location"]
        assert query["next"][0].endswith(address)
        reply, query = await go(address)
        assert urlsplit(reply.headers["Location"]).path.endswith("/lab")
        (nonce,) = query["mesh-invitation"]

        status, read = await ask("POST", "invitations", "read", json_body={"nonce": nonce})
        assert (status, read["site"]["title"]) == (200, "Coast Institute")
        status, refused = await ask("POST", "invitations", "accept", json_body={"nonce": nonce})
        assert status >= 400, refused
        assert TOKEN not in str(refused)
        assert TOKEN not in logged()

    async def test_an_invitation_is_accepted_by_nonce_once(self, go, ask, part, noether, logged):
        await part()
        letter = await Sharing(noether).invitations.create()
        token, domain = letter.invitation.token, await noether.domain()
        reply, _ = await go(f"mesh/accept?token={token}&providerDomain={domain}")
        nonce = reply.headers["Location"].rpartition("/")[2]
        assert (await ask("GET", "contacts"))[1]["items"] == [], "a link alone changes nothing"
        status, contact = await ask("POST", "invitations", "accept", json_body={"nonce": nonce})
        assert (status, contact["name"]) == (201, "noether")
        status, gone = await ask("POST", "invitations", "read", json_body={"nonce": nonce})
        assert (status, "Open its link again" in gone["message"]) == (404, True)
        assert token not in logged()

    async def test_errors_of_the_server_do_not_log_it(self, go, logged, monkeypatch):
        def fail(*_):
            raise RuntimeError("a mistake of ours")

        monkeypatch.setattr(Handed, "keep", fail)
        reply, _ = await go(f"mesh/accept?token={TOKEN}")
        assert reply.code == 500
        assert TOKEN not in reply.body.decode()
        assert TOKEN not in logged()

    @pytest.mark.parametrize("query", ["", "?token=", "?token=" + "x" * 5000, "?providerDomain=a"])
    async def test_what_is_none_is_told(self, go, query):
        reply, _ = await go(f"mesh/accept{query}")
        assert reply.code == 400
        assert b"This is not an invitation" in reply.body

    async def test_searches_and_cursors_are_not_logged(self, ask, logged):
        await ask("GET", "people", q="marker-search")
        await ask("GET", "contacts", q="marker-search", cursor="marker-cursor")
        assert not re.search("marker-(search|cursor)", logged())
