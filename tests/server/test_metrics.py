"""``/metrics``: what this server did, for Prometheus."""

import base64
import json
import os

import pytest
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def figures(jp_fetch):
    """Our figures: value by name and labels."""

    async def read():
        reply = await jp_fetch("metrics")
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(reply.body.decode())
            for sample in family.samples
            if family.name.startswith("jupyter_mesh_")
        }

    return read


def calls(figures, call, result="ok"):
    labels = ("call", call), ("result", result)
    return figures.get(("jupyter_mesh_site_call_seconds_count", *labels), 0)


def moved(figures, direction):
    return figures["jupyter_mesh_content_bytes_total", ("direction", direction)]


async def test_what_was_asked_and_moved_is_counted(jp_fetch, figures):
    name = f"figures-{os.getpid()}.txt"
    body = {"type": "file", "format": "text", "content": "x" * 5000}
    before = await figures()
    await jp_fetch("api", "contents", "mesh", "home", name, method="PUT", body=json.dumps(body))
    await jp_fetch("files", "mesh", "home", name)
    with pytest.raises(Exception, match="404"):
        await jp_fetch("api", "contents", "mesh", "home", "missing")
    after = await figures()
    assert moved(after, "sent") - moved(before, "sent") == 5000
    assert moved(after, "received") - moved(before, "received") == 5000
    for call in ("InitiateFileUpload", "PUT", "InitiateFileDownload", "GET"):
        assert calls(after, call) - calls(before, call) == 1
    assert calls(after, "Stat", "not_found") > calls(before, "Stat", "not_found")
    labels = ("call", "GET"), ("le", "+Inf"), ("result", "ok")
    assert after["jupyter_mesh_site_call_seconds_bucket", *labels] == calls(after, "GET")
    assert after["jupyter_mesh_open_channels",] == 1


async def test_uploads_on_their_way_are_counted(jp_fetch, figures):
    name = f"pieces-{os.getpid()}.bin"
    body = {"type": "file", "format": "base64", "chunk": 1}
    body["content"] = base64.b64encode(b"x" * 3000).decode()
    spooled = ("jupyter_mesh_spool_bytes", ("kind", "uploads"))
    before = (await figures())[spooled]
    target = "api", "contents", "mesh", "home", name
    await jp_fetch(*target, method="PUT", body=json.dumps(body))
    assert (await figures())[spooled] - before == 3000
    await jp_fetch(*target, method="PUT", body=json.dumps(body | {"chunk": -1}))
    assert (await figures())[spooled] == before


async def test_transfers_are_counted_by_state(jp_fetch, figures):
    metadata = base64.b64encode(f"mesh/home/tus-{os.getpid()}.bin".encode()).decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "10",
        "Upload-Metadata": f"path {metadata}",
    }
    await jp_fetch(
        "api", "mesh", "uploads", method="POST", headers=headers, allow_nonstandard_methods=True
    )
    labels = ("kind", "upload"), ("state", "receiving")
    assert (await figures())["jupyter_mesh_transfers", *labels] == 1


async def test_no_label_names_a_person_or_a_file(jp_fetch, figures):
    await jp_fetch("api", "contents", "mesh", "home")
    told = {label for key in await figures() for label, _ in key[1:]}
    # Those of hubs are here where a test before this one has loaded them.
    hubs = {"step", "reason", "mode"}
    assert told <= {"call", "result", "le", "direction", "kind", "state"} | hubs
    assert "einstein" not in str(await figures())
