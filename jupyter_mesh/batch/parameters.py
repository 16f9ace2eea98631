"""What a notebook can be given: the assignments in its cell with the tag "parameters"."""

from __future__ import annotations

import ast
import io
import json
import keyword
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Parameter", "check_names", "is_python", "parameters_of", "value_of"]

TAG = "parameters"
WORDS = {"True": True, "False": False, "None": None}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name, and what stands behind it in the notebook."""

    name: str
    source: str
    """As the notebook has it: ``"raw.csv"`` with its quotes, ``datetime.now()``."""
    value: Any
    """The same as a value, if JSON has such; None where it is no literal, too."""
    is_literal: bool
    help: str = ""
    """The comment behind it."""


def parameters_of(notebook: Mapping[str, Any]) -> list[Parameter] | None:
    """The parameters in their order; None where nobody can tell: no such cell, or not in Python.

    Nothing is executed. A notebook that is none in parts has no parameters.
    """
    source = _source(notebook)
    if source is None or not is_python(notebook):
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        text = ast.get_source_segment(source, value) or ""
        literal, is_literal = _literal(value)
        help = comments.get(statement.end_lineno or 0, "")
        found[name] = Parameter(name, text, literal, is_literal, help)
    return list(found.values())


def check_names(names: Iterable[str]) -> None:
    """Raise InvalidRequest for what cannot be a name: papermill makes code of it."""
    for name in names:
        # R has names with dots.
        if not name.replace(".", "_").isidentifier() or keyword.iskeyword(name):
            raise InvalidRequest(f'"{name[:60]}" cannot be the name of a parameter.')


def value_of(text: str) -> Any:
    """What a word of a command line means: JSON or True, False, None where it is that, else the text itself."""
    if text in WORDS:
        return WORDS[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def is_python(notebook: Mapping[str, Any]) -> bool:
    """True unless the notebook says that it is in another language."""
    metadata = notebook.get("metadata")
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        said = metadata.get(part) if isinstance(metadata, dict) else None
        if isinstance(said, dict) and isinstance(said.get(key), str):
            return bool(said[key].lower() == "python")
    return True


def _source(notebook: Mapping[str, Any]) -> str | None:
    """The code of the first cell with the tag."""
    cells = notebook.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        if isinstance(tags, list) and TAG in tags and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = "".join(source) if isinstance(source, list) else source
            return text if isinstance(text, str) else None
    return None


def _literal(value: ast.expr) -> tuple[Any, bool]:
    try:
        found = ast.literal_eval(value)
        json.dumps(found, allow_nan=False)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None, False
    # JSON would make another kind of thing of a tuple and of keys that are numbers.
    return (found, True) if json.loads(json.dumps(found)) == found else (None, False)


def _comments(source: str) -> dict[int, str]:
    """Comments by the line they end."""
    try:
        return {
            token.start[0]: token.string.lstrip("# ").strip()
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
    except (tokenize.TokenError, SyntaxError):
        return {}
