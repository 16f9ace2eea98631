"""RO-Crates: where the environment of one is described."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jupyter_mesh.binder.links import CRATE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["settle_crate"]

CONFIGURED = ("binder", ".binder")
ENVIRONMENT = frozenset(
    (
        "apt.txt", "default.nix", "DESCRIPTION", "environment.yaml", "environment.yml", "install.R",
        "Manifest.toml", "Pipfile", "Pipfile.lock", "postBuild", "Project.toml", "requirements.txt",
        "runtime.txt", "start",
    )
)  # fmt: skip
"""Files that repo2docker reads, without those that replace it as a whole."""

LARGEST = 16 << 20


def settle_crate(folder: Path) -> list[str]:
    """Put the environment files that the crate in ``folder`` names where repo2docker looks; their paths in the crate.

    Nothing is done in a folder without a crate, and in one that repo2docker understands by itself.
    """
    metadata = folder / CRATE
    if any((folder / name).is_dir() for name in CONFIGURED):
        return []
    if any((folder / name).is_file() for name in (*ENVIRONMENT, "Dockerfile")):
        return []
    found: dict[str, str] = {}
    for path in _files(metadata):
        name = path.rpartition("/")[2]
        place = folder.joinpath(*path.split("/"))
        if name in ENVIRONMENT and name not in found and _is_inside(place, folder):
            found[name] = path
    for name, path in found.items():
        (folder / "binder").mkdir(exist_ok=True)
        shutil.copy(folder.joinpath(*path.split("/")), folder / "binder" / name)
    return sorted(found.values())


def _files(metadata: Path) -> list[str]:
    """Paths of the files in a crate, as it describes them; none in what is no crate."""
    try:
        if metadata.stat().st_size > LARGEST:
            return []
        graph: Any = json.loads(metadata.read_bytes())["@graph"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    found = []
    for entity in graph if isinstance(graph, list) else ():
        if not isinstance(entity, dict) or not isinstance(entity.get("@id"), str):
            continue
        kinds = entity.get("@type")
        path = unquote(entity["@id"]).removeprefix("./")
        is_file = "File" in kinds if isinstance(kinds, list) else kinds == "File"
        if is_file and ":" not in path and not path.startswith("/"):
            found.append(path)
    return found


def _is_inside(place: Path, folder: Path) -> bool:
    return place.is_file() and place.resolve().is_relative_to(folder.resolve())
