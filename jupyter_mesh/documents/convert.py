"""Notebooks and files <-> their JSON, as jupyter-server does it, on bytes instead of objects."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import nbformat
import orjson
import pybase64
from nbformat.validator import ValidationError

if TYPE_CHECKING:
    from nbformat.sign import NotebookNotary

__all__ = ["Refused", "Unusual", "content_of", "stored_of"]

# What is wrong with a notebook stands in its model: the server's log has no use for it from here.
logging.getLogger("traitlets").setLevel(logging.CRITICAL)

KINDS = ("directory", "file", "notebook")

HUGE = re.compile(rb"[0-9]{19}")
"""What may be an integer beyond 64 bits: orjson makes another number of it."""


class Refused(Exception):
    """What was sent is not what it should be; the text is for the user."""


class Unusual(Exception):
    """A request that the server judges itself."""


def content_of(data: bytes, notary: NotebookNotary) -> tuple[bytes, dict[str, Any]]:
    """JSON of the ``content`` for the bytes of a notebook; whether it is trusted, and what its validation says.

    The cells are marked as trusted or not. Raises Refused with nbformat's reason.
    """
    errors: dict[str, Any] = {}
    try:
        notebook = nbformat.reads(
            data.decode("utf-8"), as_version=4, capture_validation_error=errors
        )
    except Exception as error:  # nbformat lets through whatever its parsers and converters raise
        raise Refused(repr(error)) from error
    trusted = notary.check_signature(notebook)
    notary.mark_cells(notebook, trusted)
    return _dumps(notebook), {"trusted": trusted, "message": _message(errors)}


def stored_of(body: bytes, notary: NotebookNotary) -> tuple[bytes, dict[str, Any]]:
    """The bytes to store for the body of a PUT, and the model in it without its content.

    A notebook that is trusted is signed. Raises Refused for what is no notebook, ValueError for what is no
    JSON, and Unusual for whatever else is not just a file or a notebook with content.
    """
    model = _loads(body)
    if not isinstance(model, dict) or model.get("chunk") is not None:
        raise Unusual
    if model.get("type", "") not in (None, "", *KINDS):
        model["type"] = "file"
    kind, content = model.get("type"), model.pop("content", None)
    if kind == "file" and isinstance(content, str) and model.get("format") in ("text", "base64"):
        try:
            return _decoded(content, model["format"]), {"model": model, "message": ""}
        except ValueError as error:
            raise Unusual from error
    if kind != "notebook" or not isinstance(content, dict):
        raise Unusual
    errors: dict[str, Any] = {}
    try:
        notebook = nbformat.from_dict(content)
        trusted = notary.check_cells(notebook)
        if trusted:
            _signed(notary, notebook)
        text = nbformat.writes(
            notebook, version=nbformat.NO_CONVERT, capture_validation_error=errors
        )
        data = (text if text.endswith("\n") else text + "\n").encode("utf-8")
    except Exception as error:  # as above: what is no notebook fails in many ways
        raise Refused(repr(error)) from error
    return data, {"model": model, "trusted": trusted, "message": _message(errors)}


def _signed(notary: NotebookNotary, notebook: Any) -> None:
    try:
        notary.sign(notebook)
    except Exception:  # noqa: BLE001 - a damaged database: a new one is made, as jupyter-server does
        notary.store = notary.store_factory()
        notary.sign(notebook)


def _message(errors: dict[str, Any]) -> str:
    """The sentence that jupyter-server puts into the model of an invalid notebook."""
    error = errors.get("ValidationError")
    if not isinstance(error, ValidationError):
        return ""
    instance = json.dumps(error.instance, indent=1, default=lambda _: "<UNKNOWN>")
    return f"Notebook validation failed: {error}:\n{instance}"


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Halves of surrogate pairs and integers beyond 64 bits.
        return json.dumps(value).encode()


def _loads(data: bytes) -> Any:
    if not HUGE.search(data):
        # Browsers send no NaN and no half of a surrogate pair, but other clients may.
        with suppress(ValueError):
            return orjson.loads(data)
    return json.loads(data)


def _decoded(content: str, form: str) -> bytes:
    if form == "text":
        return content.encode("utf-8")
    plain = content.replace("\n", "").replace("\r", "").encode("ascii")
    return pybase64.b64decode(plain, validate=True)
