"""Large documents: what goes through files and another process is what a small one would be."""

import asyncio
import base64
import json
import os
import signal
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import put_by_others, stored


def many_cells(trusted: bool = True, **metadata):
    """A notebook of about 1 MB that is too much to parse in the event loop."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"c{number}",
            "metadata": {"trusted": trusted},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "äöü😀 0.1\n" * 30}],
            "source": f"value_{number} = 1\n" * 20,
        }
        for number in range(1200)
    ]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def model_of(content):
    return {"type": "notebook", "format": "json", "content": content}


@pytest.fixture
def part(contents, folder, tmp_path):
    """The part of the manager that has the site, with signatures in a file, as outside of tests."""
    part = contents.site_part(folder)
    part.config.NotebookNotary.db_file = str(tmp_path / "signatures.db")
    return part


@pytest.fixture
def process(part):
    """The process for documents."""
    return part._notebooks._process


@pytest.fixture
def rest(jp_fetch):
    """Sends one request; the status, the headers and what the JSON says."""

    async def send(method, path, body=None, *, headers=None, **query):
        try:
            answer = await jp_fetch(
                "api/contents/" + path,
                method=method,
                body=None if body is None else json.dumps(body),
                params=query,
                headers=headers,
                allow_nonstandard_methods=True,
                request_timeout=60,
            )
        except HTTPClientError as error:
            if error.response is None:
                raise
            answer = error.response
        return answer.code, answer.headers, json.loads(answer.body or "null")

    return send


def pid_of(process) -> int:
    assert process._process is not None, "no process was started"
    return process._process.pid


async def test_a_large_notebook_is_stored_and_read_like_a_small_one(
    rest, folder, contents, part, process
):
    one, other = join(folder, "one.ipynb"), join(folder, "other.ipynb")
    content = many_cells()
    status, headers, saved = await rest("PUT", one, model_of(content))
    assert (status, saved["type"], saved["content"]) == (201, "notebook", None)
    assert headers["Location"].endswith("one.ipynb")
    assert pid_of(process)
    await contents.save(model_of(content), other)
    assert await stored(contents, one) == await stored(contents, other)
    query = {"type": "notebook", "content": 1, "hash": 1}
    status, headers, model = await rest("GET", one, **query)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    expected = await contents.get(one, type="notebook", require_hash=True)
    times = {"created", "last_modified"}
    assert {key: value for key, value in model.items() if key not in times} == {
        key: value for key, value in expected.items() if key not in times
    }
    assert model["content"]["cells"][0]["metadata"]["trusted"] is True
    # Unchanged, it need not be sent again.
    status, again, _ = await rest("GET", one, headers={"If-None-Match": headers["Etag"]}, **query)
    assert (status, again["Etag"]) == (304, headers["Etag"])
    assert (await rest("PUT", one, model_of(content)))[0] == 200


async def test_trust_is_the_same_in_both_processes(rest, folder, contents, part, process):
    path = join(folder, "n.ipynb")
    await put_by_others(contents, path, json.dumps(many_cells()).encode())
    _, _, model = await rest("GET", path, type="notebook")
    assert model["content"]["cells"][0]["metadata"]["trusted"] is False
    # Signed here, read there.
    await contents.trust_notebook(path)
    _, _, model = await rest("GET", path, type="notebook")
    assert model["content"]["cells"][0]["metadata"]["trusted"] is True
    # Signed there, read here.
    await rest("PUT", path, model_of(many_cells(changed=True)))
    assert (await contents.get(path))["content"]["cells"][0]["metadata"]["trusted"] is True
    assert pid_of(process)


@pytest.mark.parametrize("version", [3, 4])
async def test_what_is_no_number_stays_what_it_is(rest, folder, contents, part, process, version):
    """Large or small, in whichever process: what was ``null`` when read would be so when saved."""
    path, odd = join(folder, "n.ipynb"), "[NaN, Infinity, -Infinity, 1e400, 0.1, null]"
    small = {"cells": [], "metadata": {"odd": "odd"}, "nbformat": 4, "nbformat_minor": 5}
    large = many_cells(odd="odd")
    if version == 3:
        rest_of_it = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "", "odd": "odd"}}
        heading = {"cell_type": "heading", "level": 1, "metadata": {}, "source": "x" * 1000}
        small, large = (
            rest_of_it | {"worksheets": [{"metadata": {}, "cells": [heading] * count}]}
            for count in (1, 5000)
        )
    told = []
    for content in (small, large):
        data = json.dumps(content).replace('"odd": "odd"', f'"odd": {odd}')
        await put_by_others(contents, path, data.encode())
        _, _, model = await rest("GET", path, type="notebook")
        told.append(repr(model["content"]["metadata"]["odd"]))
        inside = (await contents.get(path))["content"]["metadata"]["odd"]
        told.append(repr(inside))
    assert told == ["[nan, inf, -inf, inf, 0.1, None]"] * 4
    assert pid_of(process)
    # Saving what was read changes none of it.
    assert (await rest("PUT", path, model_of(model["content"])))[0] == 200
    saved = json.loads(await stored(contents, path))
    assert repr(saved["metadata"]["odd"]) == told[0]


async def test_what_is_wrong_with_a_notebook_is_told(rest, folder, contents, part, process):
    path = join(folder, "n.ipynb")
    invalid = many_cells()
    del invalid["cells"][7]["source"]
    status, _, saved = await rest("PUT", path, model_of(invalid))
    assert (status, saved["message"][:27]) == (201, "Notebook validation failed:")
    _, _, model = await rest("GET", path, type="notebook")
    assert model["message"] == (await contents.get(path))["message"]
    assert pid_of(process)
    await put_by_others(contents, path, json.dumps(many_cells()).encode()[:-10])
    status, _, said = await rest("GET", path, type="notebook")
    assert (status, said["message"][:19]) == (400, "Unreadable Notebook")
    assert path in said["message"]
    status, _, said = await rest("PUT", path, model_of(many_cells() | {"nbformat": "odd"}))
    assert (status, said["message"]) == (
        400,
        f'What was to be saved as "{path}" is not a notebook.',
    )


TEXT = 'Größe "1"\n\t\\ 😀\u2028' * 150_000


@pytest.mark.parametrize(
    ("data", "asked", "form", "mimetype"),
    [
        pytest.param(TEXT.encode(), {}, "text", "text/plain", id="text"),
        pytest.param(TEXT.encode(), {"format": "text"}, "text", "text/plain", id="as-text"),
        pytest.param(
            TEXT.encode(),
            {"format": "base64"},
            "base64",
            "application/octet-stream",
            id="as-base64",
        ),
        pytest.param(TEXT.encode() + b"\xff", {}, "base64", "application/octet-stream", id="bytes"),
        pytest.param(
            TEXT.encode()[:-1], {}, "base64", "application/octet-stream", id="cut-character"
        ),
    ],
)
async def test_a_large_file_is_read_as_what_it_is(
    rest, folder, contents, part, data, asked, form, mimetype
):
    path = join(folder, "file")
    await put_by_others(contents, path, data)
    status, headers, model = await rest("GET", path, content=1, hash=1, **asked)
    assert (status, model["format"], model["mimetype"]) == (200, form, mimetype)
    content = model["content"]
    assert (content.encode() if form == "text" else base64.b64decode(content)) == data
    assert model["hash"] == (await contents.get(path, content=False, require_hash=True))["hash"]
    status, _, _ = await rest(
        "GET", path, headers={"If-None-Match": headers["Etag"]}, hash=1, **asked
    )
    assert status == 304


async def test_bytes_are_no_text(rest, folder, contents, part):
    path = join(folder, "file")
    for data in (TEXT.encode() + b"\xff", TEXT.encode()[:-1]):
        await put_by_others(contents, path, data)
        status, _, said = await rest("GET", path, format="text")
        assert (status, said["reason"]) == (400, "bad format")


async def test_a_large_file_is_saved_from_what_it_is(rest, folder, contents, part, process):
    path = join(folder, "file")
    data = os.urandom(5 << 20)
    body = {"type": "file", "format": "base64", "content": base64.b64encode(data).decode()}
    assert (await rest("PUT", path, body))[0] == 201
    assert await stored(contents, path) == data
    assert (await rest("PUT", path, {"type": "file", "format": "text", "content": TEXT * 2}))[
        0
    ] == 200
    assert await stored(contents, path) == (TEXT * 2).encode()
    assert pid_of(process)
    status, _, said = await rest("PUT", path, body | {"content": body["content"] + "*"})
    assert (status, "Encoding error" in said["message"]) == (400, True)
    assert (await rest("PUT", path, body | {"format": "odd"}))[0] == 400
    assert await stored(contents, path) == (TEXT * 2).encode()


async def test_what_is_no_json_is_400(jp_fetch, folder, part):
    for body in ('{"content": "' + "x" * (5 << 20), "[" * (1 << 20)):
        with pytest.raises(HTTPClientError) as failure:
            await jp_fetch(
                "api/contents/" + join(folder, "a"), method="PUT", body=body, request_timeout=60
            )
        assert failure.value.code == 400


async def test_hooks_see_the_content(rest, folder, contents, part, process):
    path, seen = join(folder, "n.ipynb"), []

    def hook(model, path, contents_manager, **kwargs):
        seen.append(len(model["content"]["cells"]))
        model["content"]["metadata"]["hooked"] = True

    contents.register_pre_save_hook(hook)
    assert (await rest("PUT", path, model_of(many_cells())))[0] == 201
    assert seen == [1200]
    assert json.loads(await stored(contents, path))["metadata"]["hooked"] is True
    assert process._process is None


async def test_signatures_in_memory_stay_in_this_process(rest, folder, contents):
    path = join(folder, "n.ipynb")
    assert (await rest("PUT", path, model_of(many_cells())))[0] == 201
    _, _, model = await rest("GET", path, type="notebook")
    assert model["content"]["cells"][0]["metadata"]["trusted"] is True
    assert contents.site_part(path)._notebooks._process._process is None


async def test_the_process_gets_no_secret_and_comes_back(
    rest, folder, contents, part, process, monkeypatch
):
    path = join(folder, "n.ipynb")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "a-token-of-the-hub")
    assert (await rest("PUT", path, model_of(many_cells())))[0] == 201
    first = pid_of(process)
    told = Path(f"/proc/{first}/environ").read_bytes() + Path(f"/proc/{first}/cmdline").read_bytes()
    assert b"PATH=" in told
    assert b"TOKEN" not in told
    assert "grpc" not in Path(f"/proc/{first}/maps").read_text(), "it needs none of the server"
    os.kill(first, signal.SIGKILL)
    process._process.wait()
    assert (await rest("GET", path, type="notebook"))[0] == 200
    second = pid_of(process)
    assert second != first
    # In the middle of a document it is told, and the next one is converted by a new process.
    os.kill(second, signal.SIGSTOP)
    opening = asyncio.ensure_future(rest("GET", path, type="notebook"))
    while not process._turn.locked():  # noqa: ASYNC110 - a lock tells nobody that it is held
        await asyncio.sleep(0.01)
    os.kill(second, signal.SIGKILL)
    status, _, said = await opening
    assert (status, "Try again" in said["message"]) == (500, True)
    assert (await rest("GET", path, type="notebook"))[0] == 200
    third = pid_of(process)
    await process.close()
    assert not Path(f"/proc/{third}").exists()


async def test_a_broken_download_is_an_error_not_half_a_document(
    rest, folder, contents, part, monkeypatch
):
    path = join(folder, "file")
    await put_by_others(contents, path, os.urandom(3 << 20))
    data = contents.client._data

    async def breaking(*args, **kwargs):
        raise MeshError("The line broke.")
        yield

    for name in ("chunks", "views"):
        if hasattr(data, name):
            monkeypatch.setattr(data, name, breaking)
    status, _, said = await rest("GET", path, format="base64")
    assert (status, said["message"]) == (500, "The line broke.")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_only_a_put_has_a_large_body(jp_fetch, rest, folder, contents, method):
    await rest("PUT", f"{folder}/a", {"type": "file", "format": "text", "content": "x"})
    body = b'{"path": "' + b"x" * (5 << 20) + b'"}'
    address = f"api/contents/{folder}" + ("/a" if method == "PATCH" else "")
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(address, method=method, body=body)
    assert refused.value.code == 413
    assert [each["name"] for each in (await contents.get(folder))["content"]] == ["a"]
