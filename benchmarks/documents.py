"""What is opened and saved: notebooks of a certain size, as bodies of requests."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

PICTURE = 700_000
"""Bytes of one picture: a plot of many points."""


def pictures(size: int) -> dict[str, Any]:
    """A notebook of about ``size`` bytes, nearly all of it pictures, as people's plots are."""
    chance = random.Random(4)  # noqa: S311 - content, not secrecy
    cells = []
    left = size
    while left > 0:
        raw = min(PICTURE, left * 3 // 4)
        picture = base64.encodebytes(chance.randbytes(raw)).decode()
        output = {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": picture, "text/plain": "<Figure size 640x480>"},
        }
        cells.append(_cell(len(cells), "plot(data)", [output]))
        left -= len(picture) + 500
    return _notebook(cells)


def small_cells(size: int) -> dict[str, Any]:
    """A notebook of about ``size`` bytes in cells of 1 KB, half source and half printed text."""
    cells = []
    for number in range(size // 1000):
        source = "".join(f"value_{number}_{line} = {line}\n" for line in range(18))
        output = {"output_type": "stream", "name": "stdout", "text": "0.123456789\n" * 32}
        cells.append(_cell(number, source, [output]))
    return _notebook(cells)


def save_of(notebook: dict[str, Any]) -> bytes:
    """The request that saves it."""
    return json.dumps({"type": "notebook", "format": "json", "content": notebook}).encode()


def chunk(data: str, number: int) -> bytes:
    """The request that brings one piece of an upload, as Lab makes it."""
    model = {"type": "file", "format": "base64", "chunk": number, "content": data}
    return json.dumps(model).encode()


def _cell(number: int, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"cell-{number}",
        "execution_count": number,
        "metadata": {},
        "source": source,
        "outputs": outputs,
    }


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
