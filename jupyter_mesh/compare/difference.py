"""What differs between two states of a file: notebooks by cells, with nbdime; other text as it is.

Runs in the process for documents: comparing notebooks takes seconds and holds the interpreter.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["NotebookError", "difference"]

TEXT_AT_MOST = 2 << 20
"""Bytes of a text that a browser compares line by line without stalling."""

PARTS = ("source", "outputs", "attachments", "metadata")
"""What a person would call a change of a cell. Ids and execution counts change without one."""

Side = bytes | str | dict[str, Any] | None
"""The content of a file, of an open document as text or notebook, or nothing to compare with."""


class NotebookError(Exception):
    """Raised when something that should be a notebook is none."""


def difference(path: str, old: Side, new: Side) -> dict[str, Any]:
    """``{"kind": "notebook", "rows", "metadata", "language"}``, ``{"kind": "text", "old", "new"}`` or ``{"kind": "other"}``.

    Without an old side the new one alone is told, in the same form.
    """
    if path.endswith(".ipynb"):
        try:
            return _notebooks(None if old is None else _notebook(old), _notebook(new))
        except NotebookError:
            # Damaged notebooks are what one looks for in old versions: they are compared as text.
            pass
    texts = [_text(side) for side in (old, new) if side is not None]
    if any(text is None for text in texts):
        return {"kind": "other"}
    return {"kind": "text", "old": None if old is None else texts[0], "new": texts[-1]}


def _text(side: Side) -> str | None:
    if isinstance(side, dict):
        side = json.dumps(side, indent=1, ensure_ascii=False)
    if isinstance(side, bytes):
        if len(side) > TEXT_AT_MOST or b"\0" in side:
            return None
        try:
            side = side.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return side if side is not None and len(side) <= TEXT_AT_MOST else None


def _notebook(side: Side) -> Any:
    """A notebook in the present format, without validation: what can be shown is shown."""
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    try:
        if not isinstance(side, dict):
            text = side.decode("utf-8") if isinstance(side, bytes) else side
            side = json.loads(text or "")
        notebook = nbformat.from_dict(side)
        if notebook["nbformat"] < 4:
            notebook = nbformat.convert(notebook, 4)
        notebook = rejoin_lines(notebook)
        for cell in notebook["cells"]:
            cell["metadata"] = {
                key: value for key, value in cell.get("metadata", {}).items() if key != "trusted"
            }
            cell["source"] = str(cell["source"])
            if cell["cell_type"] == "code":
                cell["outputs"] = list(cell.get("outputs", ()))
        notebook.setdefault("metadata", nbformat.from_dict({}))
        _language(notebook)
    except Exception as error:
        # Parsers and converters raise whatever the damage leads to.
        raise NotebookError(str(error)) from error
    return notebook


def _notebooks(old: Any, new: Any) -> dict[str, Any]:
    if old is None:
        rows = [{"state": "same", "old": None, "new": cell} for cell in new["cells"]]
        return {"kind": "notebook", "rows": rows, "metadata": None, "language": _language(new)}
    from nbdime import diff_notebooks

    try:
        changes = diff_notebooks(old, new)
    except Exception as error:
        raise NotebookError(str(error)) from error
    cells: list[Any] = next((entry["diff"] for entry in changes if entry["key"] == "cells"), [])
    before, after = ({**side["metadata"]} for side in (old, new))
    return {
        "kind": "notebook",
        "rows": _rows(old["cells"], new["cells"], cells),
        "metadata": None if before == after else {"old": before, "new": after},
        "language": _language(new),
    }


def _language(notebook: Any) -> str:
    """The language of the code cells, as far as the notebook tells it."""
    told = [
        notebook["metadata"].get(section, {}).get(name)
        for section, name in (("language_info", "name"), ("kernelspec", "language"))
    ]
    return next((name for name in told if isinstance(name, str)), "")


def _rows(old: list[Any], new: list[Any], changes: list[Any]) -> list[dict[str, Any]]:
    """Both lists of cells as one, in which what belongs together stands in one row."""
    rows: list[dict[str, Any]] = []
    at = to = 0

    def pair(count: int) -> None:
        nonlocal at, to
        for left, right in zip(old[at : at + count], new[to : to + count], strict=True):
            rows.append(_row(left, right))
        at, to = at + count, to + count

    for change in changes:
        pair(change["key"] - at)
        if change["op"] == "addrange":
            for cell in change["valuelist"]:
                rows.append({"state": "added", "old": None, "new": cell})
                to += 1
        elif change["op"] == "removerange":
            for cell in old[at : at + change["length"]]:
                rows.append({"state": "removed", "old": cell, "new": None})
                at += 1
        else:
            pair(1)
    pair(len(old) - at)
    return rows


def _row(left: Any, right: Any) -> dict[str, Any]:
    parts = [part for part in PARTS if _plain(left.get(part)) != _plain(right.get(part))]
    if parts:
        return {"state": "changed", "old": left, "new": right, "parts": parts}
    # Its outputs are on the screen already, and may be large.
    return {"state": "same", "old": None, "new": {**right, "outputs": []}}


def _plain(part: Any) -> Any:
    """A part of a cell without what changes when it is run again with the same result."""
    if not isinstance(part, list):
        return part
    return [
        {key: value for key, value in each.items() if key != "execution_count"} for each in part
    ]
