"""Notebooks are read and stored as nbformat does it, byte for byte."""

import copy
import json
import math

import nbformat
import pytest

from jupyter_mesh.documents.notebook import from_json, notebook_of, stored_form, to_notebook

ODD = {
    "floats": [1e16, 1e-7, 0.1, 1e22, -0.0, 5e-324, 2.5, math.nan, math.inf, -math.inf],
    "integers": [0, -1, 2**53, 2**63 - 1, 2**64 - 1],
    "beyond 64 bits": [10**30, 1e16, {"b": -(2**70), "a": 1.0}],
    "empty": [{}, [], "", [[]], {"a": {}}],
    "order": {"b": 1, "a": 2, "é": 3, "Z": 4, "😀": 5, "\ue000": 6, "": 7},
    "escapes": 'a"\\/\n\r\t\b\f\x1f\x7f\u2028é😀\0   \n  b',
    "deep": [[[[[[[[{"a": [{"b": [1.5, "\n  x"]}]}]]]]]]]],
}


def made(extra):
    """A notebook with every kind of cell and output, and ``extra`` wherever JSON may be anything."""
    data = {
        "application/json": extra,
        "text/plain": "a\nb\n",
        "image/png": "QUJD\nREVG\n",
        "image/svg+xml": "<svg>\n</svg>",
    }
    outputs = [
        {"output_type": "display_data", "data": data, "metadata": {"odd": extra}},
        {"output_type": "stream", "name": "stdout", "text": "x\r\ny\u2028z\n"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["a\n", "b"]},
    ]
    code = {"cell_type": "code", "id": "a", "execution_count": None, "source": "1\n2"}
    cells = [
        code | {"metadata": {"trusted": True, "odd": extra}, "outputs": outputs},
        {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "# é\n"},
        {"cell_type": "raw", "id": "c", "metadata": {}, "source": ""},
    ]
    metadata = {"odd": extra, "orig_nbformat": 4}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": "old"},
    "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "heading", "source": "x", "level": 1}]}
    ],
}


@pytest.mark.parametrize("extra", [pytest.param(extra, id=key) for key, extra in ODD.items()])
def test_the_form_is_that_of_nbformat(extra):
    notebook = made(extra)
    expected = nbformat.writes(nbformat.from_dict(copy.deepcopy(notebook))) + "\n"
    data = stored_form(to_notebook(copy.deepcopy(notebook)), {})
    assert data.decode() == expected
    errors: dict[str, object] = {}
    read = notebook_of(data, errors)
    assert not errors
    again = nbformat.reads(expected, as_version=4)
    assert repr(read) == repr(again)
    assert all(type(cell) is nbformat.NotebookNode for cell in read.cells)


def test_an_old_version_stays_one_in_storage():
    data = stored_form(to_notebook(copy.deepcopy(OLD)), {})
    assert data.decode() == nbformat.writes(nbformat.from_dict(OLD)) + "\n"
    assert notebook_of(data, {}).nbformat == 4


def test_a_fault_is_told_once_and_nothing_is_lost():
    notebook = made([1.5]) | {"surplus": 1}
    errors: dict[str, object] = {}
    data = stored_form(to_notebook(copy.deepcopy(notebook)), errors)
    assert "surplus" in str(errors["ValidationError"])
    assert data.decode() == nbformat.writes(nbformat.from_dict(notebook)) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12345678901234567890123", id="beyond 64 bits"),
        pytest.param("-12345678901234567890", id="beyond, negative"),
        pytest.param(" " * (1 << 18) + "[12345678901234567890]", id="across blocks"),
        pytest.param(" " * ((1 << 18) - 9) + "[12345678901234567890]", id="half across blocks"),
        pytest.param('["12345678901234567890"]', id="in a string"),
        pytest.param("[NaN, -Infinity, 1e400]", id="no numbers"),
        pytest.param('"\\ud800"', id="half of a surrogate pair"),
    ],
)
def test_json_is_what_python_says(text):
    assert repr(from_json(text.encode())) == repr(json.loads(text))
