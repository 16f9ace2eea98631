"""Content of models: base64 in blocks, with nothing dropped."""

import base64
import os

import pytest

from jupyter_mesh.contents.documents import BLOCK, decode, encode
from jupyter_mesh.testing.contents import refused


@pytest.mark.parametrize("size", [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 2])
async def test_bytes_survive_in_blocks(size):
    data = os.urandom(size)
    content, form = await encode(data, "a", "base64")
    assert (content, form) == (base64.b64encode(data).decode(), "base64")
    model = {"content": content, "format": "base64"}
    assert await decode(model, "a") == data
    lines = {"content": base64.encodebytes(data).decode(), "format": "base64"}
    assert await decode(lines, "a") == data


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("YWJj YWJj", id="space"),
        pytest.param("YWJj-_==", id="other alphabet"),
        pytest.param("YQ==YQ==", id="padding in the middle"),
        pytest.param(
            "A" * (BLOCK // 3 * 4 - 2) + "==" + "YWJj", id="padding at the end of a block"
        ),
        pytest.param("YWJ", id="cut"),
        pytest.param("=", id="padding alone"),
        pytest.param("é", id="not ascii"),
    ],
)
async def test_damaged_base64_is_refused(content):
    with refused(400, "Encoding error"):
        await decode({"content": content, "format": "base64"}, "a")
