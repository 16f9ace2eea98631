"""Signed lists of sites: which are believed, what is taken from them, and how they are merged."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from jupyter_mesh.errors import InvalidRequest, MeshError, SiteError
from jupyter_mesh.models import Site
from jupyter_mesh.sharing.directory import Directory, read_directory
from jupyter_mesh.sharing.sites import Sites

KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
LIST = {
    "federation": "Alps",
    "servers": [
        {"url": "https://Alpine.example", "displayName": "Alpine University"},
        {"url": "https://coast.example:8443/", "displayName": " Coast\nInstitute "},
    ],
}


def signed(how: str, payload: object = LIST, key: ECKey = KEY) -> str:
    text = json.dumps(payload)
    if how == "compact":
        return jws.serialize_compact({"alg": "ES256"}, text, key)
    one = jws.serialize_json({"protected": {"alg": "ES256"}}, text, key)
    if how == "flattened":
        return json.dumps(one)
    other = jws.serialize_json({"protected": {"alg": "ES256"}}, text, OTHER)
    signatures = [
        {name: each[name] for name in ("protected", "signature")} for each in (other, one)
    ]
    return json.dumps({"payload": one["payload"], "signatures": signatures})


@pytest.mark.parametrize("how", ["compact", "flattened", "general"])
def test_every_serialisation_is_read(how: str) -> None:
    assert read_directory(signed(how), KEY) == [
        Site(
            domain="alpine.example",
            name="Alpine University",
            homepage="https://alpine.example",
            lists=("Alps",),
        ),
        Site(
            domain="coast.example:8443",
            name="Coast Institute",
            homepage="https://coast.example:8443",
            lists=("Alps",),
        ),
    ]


def _unsigned() -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps(LIST).encode()).decode().rstrip("=")
    return f"{head}.{body}."


BAD = {
    "another key": signed("compact", key=OTHER),
    "another key, flattened": signed("flattened", key=OTHER),
    "no signature": json.dumps(LIST),
    "alg none": _unsigned(),
    "a shared secret": jws.serialize_compact(
        {"alg": "HS256"}, json.dumps(LIST), OctKey.import_key(b"s" * 32)
    ),
    "changed": signed("compact").replace(".", ".e30", 1),
    "a web page": "<html>hello</html>",
    "nothing": "",
    "not a list": signed("compact", {"federation": "Alps", "servers": 3}),
    "no servers": signed("compact", {"federation": "Alps"}),
    "a number": signed("compact", 5),
    "no signatures": json.dumps({"payload": "e30", "signatures": []}),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_is_not_signed_with_the_key_is_left_out(text: str) -> None:
    with pytest.raises(SiteError):
        read_directory(text, KEY)


@pytest.mark.parametrize(
    "url",
    [
        "http://plain.example",
        "https://path.example/cloud",
        "https://query.example?x",
        "https://user@name.example",
        "https://fragment.example#x",
        "https://localhost",
        "https://port.example:99999",
        "ftp://x.example",
        "javascript:alert(1)",
        "",
        7,
        None,
    ],
)
def test_entries_that_break_the_rules_are_dropped(url: object) -> None:
    servers = [{"url": url, "displayName": "Bad"}, LIST["servers"][0], "rubbish"]
    text = signed("compact", {"federation": "Alps", "servers": servers})
    assert [site.name for site in read_directory(text, KEY)] == ["Alpine University"]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[dict, Directory]]:
    """What a directory answers, which tests change, and the directory."""
    answer = {"text": signed("flattened"), "status": 200, "asked": 0}

    async def handle(_: web.Request) -> web.Response:
        answer["asked"] += 1
        headers = {"Location": "/elsewhere"} if answer["status"] == 302 else {}
        return web.Response(text=answer["text"], status=answer["status"], headers=headers)

    app = web.Application()
    app.router.add_get("/list", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    key = tmp_path / "key.json"
    key.write_text(json.dumps(KEY.as_dict(private=False)))
    yield (
        answer,
        Directory(url=f"http://127.0.0.1:{runner.addresses[0][1]}/list", key=key),
    )
    await runner.cleanup()


async def test_a_directory_is_fetched_with_a_key_in_each_form(served, tmp_path: Path) -> None:
    _, directory = served
    pem, keys = tmp_path / "key.pem", tmp_path / "keys.json"
    pem.write_bytes(KEY.as_pem(private=False))
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    for key in (directory.key, pem, keys):
        found = await Directory(url=directory.url, key=key).sites()
        assert [site.domain for site in found] == ["alpine.example", "coast.example:8443"]
    pem.write_text("no key")
    for key in (pem, tmp_path / "missing"):
        with pytest.raises(InvalidRequest):
            await Directory(url=directory.url, key=key).sites()


@pytest.mark.parametrize(
    ("status", "text"),
    [(302, ""), (404, ""), (500, "x"), (200, "x" * ((1 << 20) + 1))],
    ids=["redirect", "missing", "failing", "too long"],
)
async def test_a_bad_answer_is_an_error(served, status: int, text: str) -> None:
    answer, directory = served
    answer |= {"status": status, "text": text}
    with pytest.raises(MeshError):
        await directory.sites()


class _Client:
    """The own site's part of a client."""

    site = "alpine"

    async def domain(self) -> str:
        return "alpine.example"

    async def listed_sites(self) -> list[Site]:
        return [
            Site(domain="alpine.example", name="Alpine", lists=("site",)),
            Site(domain="desert.example", name="Desert", lists=("site",)),
        ]


async def test_lists_are_merged_and_each_site_tells_its_lists(served, caplog) -> None:
    answer, directory = served
    sites = Sites(_Client(), [directory])  # type: ignore[arg-type]
    found = await sites.listed()
    assert [(site.name, site.lists) for site in found] == [
        ("Alpine", ("site", "Alps")),
        ("Coast Institute", ("Alps",)),
        ("Desert", ("site",)),
    ]
    assert [site.domain for site in await sites.listed(" COAST ")] == ["coast.example:8443"]
    assert answer["asked"] == 1
    answer["status"] = 500
    broken = Sites(_Client(), [directory])  # type: ignore[arg-type]
    assert [site.name for site in await broken.listed()] == ["Alpine", "Desert"]
    assert "left out" in caplog.text


@pytest.mark.parametrize(
    "url", ["http://mesh.example/list", "ftp://mesh.example", "https://a:b@mesh.example/", "mesh"]
)
def test_a_list_is_fetched_safely_or_not_at_all(url: str) -> None:
    with pytest.raises(InvalidRequest):
        Directory.of({"url": url, "key": "key.pem"})
