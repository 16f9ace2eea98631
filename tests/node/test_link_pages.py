"""Public links in a browser: what is shown, what may be put in, what nobody gets through them."""

import re
import time

import aiohttp
import pytest
from cs3.sharing.link.v1beta1 import link_api_pb2 as api
from cs3.sharing.link.v1beta1 import resources_pb2 as messages
from yarl import URL

from .conftest import code
from .sharing import link

SECRET = "Marker-Secret-1905!"


@pytest.fixture
async def browser():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def docs(einstein):
    await einstein.mkdir("docs")
    await einstein.mkdir("docs/sub")
    await einstein.put("docs/sub/<b>&.txt", b"deep")
    await einstein.put("docs/page.html", b"<script>alert(1)</script>")
    await einstein.put("secret.txt", b"not for you")
    return einstein


def where(site, made, rest=""):
    return f"{site.node.url}/s/{made.token}{rest}"


async def test_a_folder_is_browsed_and_files_are_downloaded(site, docs, browser):
    made = await link(docs, "docs", life=3600)
    async with browser.get(where(site, made)) as reply:
        text = await reply.text()
        assert reply.status == 200
        assert "<h1>docs</h1>" in text
        assert "Shared by Albert" in text
        assert "until " in text
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["Cache-Control"] == "no-store"
        assert "<script" not in text
        assert "Upload" not in text
    async with browser.get(where(site, made, "/in/sub")) as reply:
        text = await reply.text()
        assert "&lt;b&gt;&amp;.txt" in text
        (href,) = re.findall(r'href="(/s/[^"]+/get/[^"]+)"', text)
    async with browser.get(site.node.url + href) as reply:
        assert await reply.read() == b"deep"
    async with browser.get(where(site, made, "/get/page.html")) as reply:
        assert await reply.read() == b"<script>alert(1)</script>"
        assert reply.headers["Content-Disposition"].startswith("attachment")
        assert reply.headers["Content-Security-Policy"] == "sandbox"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file(site, docs, browser):
    made = await link(docs, "docs/page.html")
    async with browser.get(where(site, made)) as reply:
        assert f'href="/s/{made.token}/get"' in await reply.text()
    async with browser.get(where(site, made, "/get")) as reply:
        assert (reply.status, await reply.read()) == (200, b"<script>alert(1)</script>")


ELSEWHERE = [
    "/get/../secret.txt",
    "/get/%2e%2e/secret.txt",
    "/get/..%2fsecret.txt",
    "/in/..",
    "/in/%2e%2e",
]


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_nothing_outside_the_link(site, docs, browser, path):
    made = await link(docs, "docs")
    async with browser.get(URL(where(site, made, path), encoded=True)) as reply:
        assert reply.status in (400, 404)
        text = await reply.text()
        assert "not for you" not in text
        assert "secret.txt" not in text


async def expire(client, made):
    change = api.UpdatePublicShareRequest.Update(
        type=api.UpdatePublicShareRequest.Update.TYPE_EXPIRATION,
        grant={"expiration": {"seconds": int(time.time()) - 10}},
    )
    ref = messages.PublicShareReference(id=made.id)
    request = api.UpdatePublicShareRequest(ref=ref, update=change)
    return code(await client.call("UpdatePublicShare", request))


async def end(client, made):
    ref = messages.PublicShareReference(id=made.id)
    return code(await client.call("RemovePublicShare", api.RemovePublicShareRequest(ref=ref)))


async def delete(client, _made):
    return await client.delete("docs")


@pytest.mark.parametrize("finish", [expire, end, delete])
async def test_an_ended_link_leads_nowhere(site, docs, browser, finish):
    made = await link(docs, "docs", "editor")
    assert await finish(docs, made) == "OK"
    for path in ("", "/in/sub", "/get/page.html"):
        async with browser.get(where(site, made, path)) as reply:
            assert reply.status == 404
            assert "leads nowhere" in await reply.text()
    assert (await upload(browser, where(site, made, "/add"), ("new", b"x")))[0] == 404


async def test_a_link_that_never_was(site, browser):
    async with browser.get(f"{site.node.url}/s/no-such-token") as reply:
        assert reply.status == 404
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


async def test_a_password_is_asked_once(site, docs, browser):
    made = await link(docs, "docs", password=SECRET)
    async with browser.get(where(site, made)) as reply:
        text = await reply.text()
        assert reply.status == 401
        assert 'type="password"' in text
        assert "docs" not in text
    async with browser.get(where(site, made, "/get/page.html")) as reply:
        assert reply.status == 401
    async with browser.post(where(site, made, "/password"), data={"password": "x"}) as reply:
        assert reply.status == 403
        assert "not the password" in await reply.text()
    async with browser.post(
        where(site, made, "/password"), data={"password": SECRET}, allow_redirects=False
    ) as reply:
        assert reply.status == 303
        cookie = reply.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert f"Path=/s/{made.token}" in cookie
        assert SECRET not in cookie
    async with browser.get(where(site, made)) as reply:
        assert reply.status == 200
    other = await link(docs, "docs", password=SECRET)
    async with browser.get(
        where(site, other), headers={"Cookie": cookie.partition(";")[0]}
    ) as reply:
        assert reply.status == 401
    change = api.UpdatePublicShareRequest.Update(
        type=api.UpdatePublicShareRequest.Update.TYPE_PASSWORD, grant={"password": "another"}
    )
    request = api.UpdatePublicShareRequest(
        ref=messages.PublicShareReference(id=made.id), update=change
    )
    assert code(await docs.call("UpdatePublicShare", request)) == "OK"
    async with browser.get(where(site, made)) as reply:
        assert reply.status == 401, "a new password ends what was entered with the old one"


async def test_passwords_cannot_be_tried_for_ever(site, docs, browser):
    made = await link(docs, "docs", password=SECRET)
    for _ in range(10):
        async with browser.post(where(site, made, "/password"), data={"password": "x"}) as reply:
            assert reply.status == 403
    async with browser.post(where(site, made, "/password"), data={"password": SECRET}) as reply:
        assert reply.status == 403


async def upload(browser, url, *files):
    form = aiohttp.FormData(quote_fields=False)
    for name, content in files:
        form.add_field("files", content, filename=name)
    async with browser.post(url, data=form) as reply:
        return reply.status, await reply.text()


async def test_an_uploader_puts_in_and_sees_nothing(site, docs, browser):
    made = await link(docs, "docs", "uploader")
    async with browser.get(where(site, made)) as reply:
        text = await reply.text()
        assert "page.html" not in text
        assert "Upload" in text
    for path in ("/get/page.html", "/in/sub"):
        async with browser.get(where(site, made, path)) as reply:
            assert (reply.status, path) in ((403, "/get/page.html"), (200, "/in/sub"))
            assert "txt" not in await reply.text()
    status, text = await upload(
        browser, where(site, made, "/add"), ("page.html", b"second"), ("../../evil", b"third")
    )
    assert status == 200
    assert "2 files were added." in text
    assert set(await docs.ls("docs")) == {"sub", "page.html", "page (1).html", "evil"}
    assert await docs.get("docs/page.html") == b"<script>alert(1)</script>"
    assert await docs.get("docs/page (1).html") == b"second"
    assert set(await docs.ls()) == {"docs", "secret.txt"}


async def test_a_viewer_puts_nothing_in(site, docs, browser):
    made = await link(docs, "docs")
    status, _ = await upload(browser, where(site, made, "/add"), ("new", b"x"))
    assert status == 403
    assert set(await docs.ls("docs")) == {"sub", "page.html"}


async def test_what_cannot_be_added_is_told(site, browser):
    poor = await site.client("poor")
    await poor.mkdir("in")
    made = await link(poor, "in", "editor")
    status, text = await upload(
        browser, where(site, made, "/add"), ("small", b"x"), ("large", b"x" * 2000)
    )
    assert status == 507
    assert "large" in text
    assert "no room" in text
    assert set(await poor.ls("in")) == {"small"}
    assert not list((site.data / ".node" / "uploads").iterdir())


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_a_form_that_is_none(site, docs, browser, kind):
    made = await link(docs, "docs", "editor")
    async with browser.post(
        where(site, made, "/add"), data=b"rubbish", headers={"Content-Type": kind}
    ) as reply:
        assert reply.status in (200, 400)
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert set(await docs.ls("docs")) == {"sub", "page.html"}
