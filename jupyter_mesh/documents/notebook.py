"""Notebooks <-> bytes, with the same results as nbformat's ``reads`` and ``writes``, several times as fast."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import nbformat
import orjson
from nbformat.v4.rwbase import rejoin_lines, split_lines, strip_transient
from nbformat.validator import ValidationError

__all__ = ["from_json", "notebook_of", "stored_form", "to_notebook"]

BLOCK = 1 << 18

DIGITS = bytes(48 if 48 <= each <= 57 else 1 for each in range(256))
HUGE = b"0" * 19
"""What may be an integer beyond 64 bits, once all digits are zeros: orjson makes another number of it."""


class _Float(float):
    """A float that orjson asks about, or refuses: it would write some in another way than Python does."""


def from_json(data: bytes) -> Any:
    """The value in JSON, as ``json.loads`` tells it; raises ValueError.

    orjson refuses to write NaN and the infinities in it, of which it would make ``null``.
    """
    # In blocks that stay in the processor's cache; a regular expression would take longer than parsing does.
    blocks = (data[at : at + BLOCK + len(HUGE)] for at in range(0, len(data), BLOCK))
    if not any(HUGE in block.translate(DIGITS) for block in blocks):
        # Browsers send no NaN and no half of a surrogate pair, but other clients may.
        with suppress(ValueError):
            return orjson.loads(data)
    return json.loads(data.decode("utf-8"), parse_float=_float, parse_constant=_Float)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _Float(value)


def to_notebook(value: Any) -> Any:
    """What ``nbformat.from_dict`` makes of a value from JSON."""
    if type(value) is dict:
        return nbformat.NotebookNode(
            {
                key: to_notebook(each) if type(each) in (dict, list) else each
                for key, each in value.items()
            }
        )
    if type(value) is list:
        return [to_notebook(each) if type(each) in (dict, list) else each for each in value]
    return value


def notebook_of(data: bytes, errors: dict[str, Any]) -> Any:
    """The notebook in ``data`` in the present format, validated once: ``nbformat.reads``."""
    found = None
    with suppress(ValueError, RecursionError):
        found = from_json(data)
    if not isinstance(found, dict) or found.get("nbformat") != 4:
        text = data.decode("utf-8")
        converted = nbformat.reads(text, as_version=4, capture_validation_error=errors)
        _mark_floats(converted)
        return converted
    try:
        notebook = strip_transient(rejoin_lines(to_notebook(found)))
    except AttributeError as error:
        message = f"The notebook is invalid and is missing an expected key: {error}"
        raise ValidationError(message) from None
    _validate(notebook, errors)
    return notebook


def stored_form(notebook: Any, errors: dict[str, Any]) -> bytes:
    """The bytes to store, validated once: ``nbformat.writes`` and a newline. The notebook is used up."""
    if notebook.get("nbformat") == 4:
        _validate(notebook, errors)
        _mark_floats(notebook)
        return _lines(strip_transient(split_lines(notebook)))
    text: str = nbformat.writes(
        notebook, version=nbformat.NO_CONVERT, capture_validation_error=errors
    )
    return (text if text.endswith("\n") else text + "\n").encode("utf-8")


def _validate(notebook: Any, errors: dict[str, Any]) -> None:
    try:
        nbformat.validate(notebook)
    except ValidationError as error:
        errors["ValidationError"] = error


def _lines(value: Any) -> bytes:
    """JSON as nbformat stores it: sorted keys, one space for each level, nothing escaped without need."""
    try:
        data = orjson.dumps(
            value,
            default=lambda each: orjson.Fragment(json.dumps(each)),
            option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
        )
    except TypeError:
        # Halves of surrogate pairs and integers beyond 64 bits.
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
        return (text + "\n").encode("utf-8")
    lines = data.split(b"\n")
    return b"\n".join([line[(len(line) - len(line.lstrip(b" "))) // 2 :] for line in lines])


def _mark_floats(value: Any) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        kind = type(each)
        if kind is float:
            value[key] = _Float(each)
        elif kind is list or isinstance(each, dict):
            _mark_floats(each)
