"""Notebooks and files <-> their JSON, as jupyter-server does it, on bytes instead of objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pybase64
from nbformat.validator import ValidationError

from jupyter_mesh.documents.notebook import from_json, notebook_of, stored_form, to_notebook

if TYPE_CHECKING:
    from nbformat.sign import NotebookNotary

__all__ = ["Refused", "Unusual", "content_of", "stored_of"]

KINDS = ("directory", "file", "notebook")


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
        notebook = notebook_of(data, errors)
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
    model = from_json(body)
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
        notebook = to_notebook(content)
        trusted = notary.check_cells(notebook)
        if trusted:
            _signed(notary, notebook)
        data = stored_form(notebook, errors)
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
        # Halves of surrogate pairs, integers beyond 64 bits, NaN and the infinities.
        return json.dumps(value).encode()


def _decoded(content: str, form: str) -> bytes:
    if form == "text":
        return content.encode("utf-8")
    plain = content.replace("\n", "").replace("\r", "").encode("ascii")
    return pybase64.b64decode(plain, validate=True)
