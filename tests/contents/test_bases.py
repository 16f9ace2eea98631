"""Who read what: one window's look is not another's."""

from datetime import UTC, datetime

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyter_mesh.contents import bases
from jupyter_mesh.contents.bases import Bases, front_end, front_end_of
from jupyter_mesh.models import Kind, Resource


def file(path="home/a", etag="e1", size=1):
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Resource(path=path, name="a", kind=Kind.FILE, modified=now, etag=etag, size=size)


def as_window(name, work):
    token = front_end.set(name)
    try:
        return work()
    finally:
        front_end.reset(token)


def test_each_window_has_its_own_and_a_new_one_the_latest():
    known = Bases()
    for window, etag in (("a", "e1"), ("b", "e2")):
        as_window(window, lambda etag=etag: known.read(file(etag=etag)))
    for window, etag in (("a", "e1"), ("b", "e2"), ("c", "e2")):
        assert as_window(window, lambda: known.get("home/a")).etag == etag
    assert known.get("home/b") is None


def test_a_rename_moves_what_every_window_read():
    known = Bases()
    for window, base in (("a", file()), ("b", file(etag="e0", size=7))):
        as_window(window, lambda base=base: known.read(base))
    new = file("home/new", "after the rename")
    before = known.of("home/a")
    known.forget("home/a")
    known.moved(before, new)
    assert as_window("a", lambda: known.get("home/new")) == new
    assert as_window("b", lambda: known.get("home/new")).etag == "e0"
    assert known.get("home/a") is None


def test_windows_are_bounded(monkeypatch):
    monkeypatch.setattr(bases, "FRONT_ENDS", 2)
    known = Bases()
    for window in "abc":
        as_window(window, lambda window=window: known.read(file(etag=window)))
    assert sorted(known.of("home/a")) == ["b", "c"]


LAB = "http://localhost:8888/user/jan/lab"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"Referer": f"{LAB}/tree/a"}, {"Referer": f"{LAB}/tree/b"}, True, id="a tab"),
        pytest.param(
            {"Referer": f"{LAB}/workspaces/auto-B/tree/a"},
            {"Referer": f"{LAB}/workspaces/auto-B?reset"},
            True,
            id="a workspace",
        ),
        pytest.param(
            {"Referer": f"{LAB}/tree/a"},
            {"Referer": f"{LAB}/workspaces/auto-B/tree/a"},
            False,
            id="two workspaces",
        ),
        pytest.param({"X-XSRFToken": "1"}, {"X-XSRFToken": "2"}, False, id="two browsers"),
        pytest.param({"User-Agent": "x"}, {"User-Agent": "y"}, False, id="two programs"),
    ],
)
def test_windows_are_told_apart(one, other, same):
    start = RequestStartLine("GET", "/", "HTTP/1.1")
    marks = [
        front_end_of(
            HTTPServerRequest(
                start_line=start, headers=HTTPHeaders({"Host": "localhost"} | headers)
            )
        )
        for headers in (one, other)
    ]
    assert (marks[0] == marks[1]) is same
    assert all(marks)
