"""What nobody should send: refused in one form, and nothing is changed by it."""

import json
import time

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.errors import InvalidRequest, NotFound, TooLarge
from jupyter_mesh.server.form import Form
from jupyter_mesh.server.handed import LASTS, Handed
from jupyter_mesh.server.parts import part_of

MARIE = "user:marie@alpine"


def share(**fields):
    return {"path": "mesh/home/x", "with": MARIE, "role": "viewer"} | fields


BAD_SHARES = [
    pytest.param(None, 400, id="null"),
    pytest.param([], 400, id="list"),
    pytest.param("text", 400, id="text"),
    pytest.param({}, 400, id="nothing"),
    pytest.param(share(path=None), 400, id="no path"),
    pytest.param(share(path=["mesh"]), 400, id="path is a list"),
    pytest.param(share(path="mesh/home/../../etc"), 404, id="dots"),
    pytest.param(share(path="local.txt"), 404, id="not of the mesh"),
    pytest.param(share(path="mesh/home/a\r\nX: y"), 400, id="line break in a path"),
    pytest.param(share(path="mesh/home/" + "a" * 5000), 413, id="long path"),
    pytest.param(share(**{"with": "marie"}), 400, id="no key"),
    pytest.param(share(**{"with": "robot:marie@alpine"}), 400, id="unknown kind"),
    pytest.param(share(**{"with": {"key": MARIE}}), 400, id="key is an object"),
    pytest.param(share(role="owner"), 400, id="owner"),
    pytest.param(share(role="VIEWER"), 400, id="other spelling"),
    pytest.param(share(role=7), 400, id="role is a number"),
    pytest.param(share(expires="tomorrow"), 400, id="no time"),
    pytest.param(share(expires="2031-01-01T00:00:00"), 400, id="time without zone"),
    pytest.param(share(expires=1924992000), 400, id="seconds"),
    pytest.param(share(expires="0001-01-01T00:00:00+23:59"), 400, id="before all time"),
    pytest.param(share(note="x" * (1 << 20)), 413, id="1 MB of note"),
    pytest.param(share(note=["x"]), 400, id="note is a list"),
    pytest.param(share(note="a\0b"), 400, id="NUL in a note"),
    pytest.param(share(note="\ud800"), 400, id="half a character"),
    pytest.param(share(force="yes"), 400, id="force is a text"),
    pytest.param(share(owner="me"), 400, id="unknown field"),
    pytest.param(share(**{"<script>": 1}), 400, id="unknown field with HTML"),
]


@pytest.mark.parametrize(("body", "code"), BAD_SHARES)
async def test_bad_shares_are_refused(ask, site, told, body, code):
    before = site.calls["CreateShare"]
    status, answer = await ask("POST", "shares", json_body=body if body is not None else [None])
    assert status == code, answer
    assert answer["message"]
    assert "Traceback" not in answer["message"]
    assert (site.calls["CreateShare"], told) == (before, [])


@pytest.mark.parametrize(
    ("method", "parts", "body", "code"),
    [
        pytest.param("PATCH", ("shares", "local-x"), {"path": "mesh/home"}, 400, id="move a share"),
        pytest.param("PATCH", ("shares", "local-x"), {"role": None}, 400, id="no role"),
        pytest.param("PATCH", ("shares", "local-nobody's"), {"role": "viewer"}, 404, id="no share"),
        pytest.param("DELETE", ("shares", "7"), None, 404, id="id without a kind"),
        pytest.param("DELETE", ("shares", "local-.."), None, 404, id="id with dots"),
        pytest.param("PATCH", ("received", "local-x"), {}, 400, id="nothing to do"),
        pytest.param(
            "PATCH", ("received", "local-x"), {"state": "accepted", "hidden": True}, 400, id="both"
        ),
        pytest.param("PATCH", ("received", "local-x"), {"state": "withdrawn"}, 400, id="withdrawn"),
        pytest.param("PATCH", ("received", "local-x"), {"hidden": 1}, 400, id="hidden is a number"),
        pytest.param("PATCH", ("received", "local-x"), {"state": "accepted"}, 404, id="not mine"),
        pytest.param("DELETE", ("received", "local-x"), None, 404, id="leave what is not mine"),
        pytest.param("POST", ("links",), {"path": "mesh/home/x"}, 400, id="link without a role"),
        pytest.param(
            "POST",
            ("links",),
            {"path": "mesh/home/x", "role": "viewer", "name": "a\r\nb"},
            400,
            id="CRLF",
        ),
        pytest.param("PATCH", ("links", "x"), {"password": None}, 400, id="null is no password"),
        pytest.param("DELETE", ("links", "x"), None, 404, id="no link"),
        pytest.param("POST", ("invitations",), {"note": "a\r\nBcc: b"}, 400, id="CRLF in a note"),
        pytest.param("POST", ("invitations", "read"), {}, 400, id="no invitation"),
        pytest.param("POST", ("invitations", "read"), {"text": "hello"}, 400, id="no code"),
        pytest.param("POST", ("invitations", "read"), {"text": "a" * 200_000}, 413, id="a book"),
        pytest.param("POST", ("invitations", "read"), {"nonce": "x"}, 404, id="no nonce"),
        pytest.param(
            "POST", ("invitations", "accept"), {"text": "x", "nonce": "x"}, 400, id="text and nonce"
        ),
        pytest.param(
            "POST", ("invitations", "0" * 24, "copy"), {"a": 1}, 400, id="body for nothing"
        ),
        pytest.param("DELETE", ("contacts", "contact:x"), None, 404, id="no key of a contact"),
        pytest.param(
            "POST",
            ("projects",),
            {"name": "x", "members": {"with": MARIE}},
            400,
            id="members is an object",
        ),
        pytest.param("POST", ("projects",), {"name": "x", "members": ["marie"]}, 400, id="names"),
        pytest.param(
            "POST",
            ("projects",),
            {"name": "x", "members": [{"with": MARIE, "role": "viewer"}] * 1001},
            413,
            id="1001 members",
        ),
    ],
)
async def test_bad_requests_are_refused(ask, told, method, parts, body, code):
    status, answer = await ask(method, *parts, json_body=body)
    assert status == code, answer
    assert answer.keys() == {"message", "reason", "trace"}
    assert told == []


@pytest.mark.parametrize("body", ["{", "\udcff", "[" * 100_000, "", "null"])
async def test_what_is_no_json_is_refused(jp_fetch, body):
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch(
            "api", "mesh", "shares", method="POST", body=body.encode("utf-8", "surrogateescape")
        )
    assert caught.value.code == 400
    assert json.loads(caught.value.response.body)["reason"] == "Bad Request"


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "501"}, {"limit": "1e9"}, {"limit": "-1"}, {"cursor": "next"}],
    ids=str,
)
async def test_parts_that_are_none_are_refused(ask, query):
    assert (await ask("GET", "shares", **query))[0] == 400


async def test_an_unknown_address_is_answered_as_all_others(unchecked_fetch):
    with pytest.raises(HTTPClientError) as caught:
        await unchecked_fetch("api", "mesh", "nothing")
    reply = caught.value.response
    assert (reply.code, reply.headers["Cache-Control"]) == (404, "no-store")
    assert json.loads(reply.body).keys() == {"message", "reason", "trace"}


async def test_nobody_may_ask_without_login(jp_fetch):
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("api", "mesh", "shares", headers={"Authorization": "token wrong"})
    assert caught.value.code == 403


@pytest.mark.parametrize(
    ("marked", "origin", "code"),
    [
        pytest.param(True, None, 201, id="own page"),
        pytest.param(False, None, 403, id="form elsewhere"),
        pytest.param(True, "https://evil.example", 404, id="script elsewhere"),
    ],
)
async def test_a_browser_needs_its_xsrf_mark(
    http_server_client, jp_base_url, jp_serverapp, site, marked, origin, code
):
    """Cookies come with every request, whoever made the page; the mark is known to our pages alone."""
    url = f"{jp_base_url}api/mesh/invitations"
    token = jp_serverapp.identity_provider.token
    page = await http_server_client.fetch(f"{jp_base_url}api/mesh/sharing?token={token}")
    cookies = dict(
        cookie.split(";")[0].split("=", 1) for cookie in page.headers.get_list("Set-Cookie")
    )
    login = await http_server_client.fetch(
        f"{jp_base_url}tree?token={token}", follow_redirects=False, raise_error=False
    )
    cookies |= dict(
        cookie.split(";")[0].split("=", 1) for cookie in login.headers.get_list("Set-Cookie")
    )
    assert "_xsrf" in cookies
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    if marked:
        headers["X-XSRFToken"] = cookies["_xsrf"]
    if origin:
        headers["Origin"] = origin
    before = site.calls["GenerateInviteToken"]
    reply = await http_server_client.fetch(
        url, method="POST", body='{"note": "by cookie"}', headers=headers, raise_error=False
    )
    assert reply.code == code, reply.body
    assert site.calls["GenerateInviteToken"] - before == (code == 201)


class TestForm:
    def test_reads_each_kind(self):
        form = Form(b'{"a": "x", "b": true, "c": "2031-01-01T00:00:00+02:00", "d": null}', *"abcde")
        assert (form.line("a"), form.flag("b")) == ("x", True)
        time = form.time("c")
        assert time is not None
        assert time.isoformat() == "2030-12-31T22:00:00+00:00"
        assert (form.line("d", "none"), form.has("d"), form.has("e")) == ("none", True, False)
        assert form.time("d") is None

    def test_a_note_may_have_lines(self):
        assert Form(b'{"note": "a\\nb\\tc"}', "note").text("note") == "a\nb\tc"

    def test_is_not_longer_than_it_may_be(self):
        with pytest.raises(TooLarge):
            Form(b'{"a": "' + b"x" * (256 * 1024) + b'"}', "a")


class TestParts:
    @staticmethod
    def told(items, limit, cursor=""):
        part = part_of(items, limit, cursor, str)
        return list(part.items), part.next

    def test_each_item_comes_once(self):
        items, cursor, seen = list(range(1000)), "", []
        while cursor is not None:
            some, cursor = self.told(items, "7", cursor)
            seen += some
        assert seen == items

    def test_what_comes_first_later_moves_nothing(self):
        _, cursor = self.told([1, 2, 3, 4, 5, 6], "3")
        assert self.told([0, -1, 1, 2, 3, 4, 5, 6], "3", cursor) == ([4, 5, 6], None)

    @pytest.mark.parametrize("gone", [[3], [2, 3], [1], [1, 3]], ids=str)
    def test_what_goes_moves_nothing(self, gone):
        _, cursor = self.told([1, 2, 3, 4, 5, 6], "3")
        left = [each for each in [1, 2, 3, 4, 5, 6] if each not in gone]
        assert self.told(left, "3", cursor) == ([4, 5, 6], None)

    def test_the_end_is_the_end(self):
        _, cursor = self.told([1, 2, 3, 4], "2")
        assert self.told([], "2", cursor) == ([], None)

    @pytest.mark.parametrize("cursor", ["x", "3", "3-zz", "3-" + "0" * 11, "-1-" + "0" * 12])
    def test_refuses_a_cursor_that_is_none(self, cursor):
        with pytest.raises(InvalidRequest):
            part_of([1], "", cursor, str)


class TestHanded:
    def test_ends_after_a_while(self, monkeypatch):
        handed = Handed()
        nonce = handed.keep("token", "a.example")
        assert handed.read(nonce) == "token@a.example"
        now = time.monotonic()
        monkeypatch.setattr("jupyter_mesh.server.handed.time.monotonic", lambda: now + LASTS + 1)
        with pytest.raises(NotFound):
            handed.read(nonce)

    def test_is_bounded(self):
        handed = Handed()
        nonces = [handed.keep("token", str(number)) for number in range(150)]
        with pytest.raises(NotFound):
            handed.read(nonces[0])
        assert handed.read(nonces[-1])
