"""Addresses without I/O: API path <-> mesh path <-> ``cs3://`` URL, and the rules for names.

===========  =================================  ==========================================
kind         form                               example
===========  =================================  ==========================================
API path     ``mesh/<area>/…``                  ``mesh/home/analysis/fit.ipynb``
mesh path    ``<area>/…``, "" for all areas     ``home/analysis/fit.ipynb``
by id        ``.id/<storage$space!opaque>/…``   ``.id/s$s!1f0c/fit.ipynb``
URL          ``cs3://<site>/<mesh path>``       ``cs3://alpine/home/analysis/fit.ipynb``
===========  =================================  ==========================================

A mesh path has no leading and no trailing slash. Names keep their bytes: nothing is normalised, so NFC
and NFD stay two names. Only URLs are percent-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.models import ResourceId

__all__ = [
    "AREAS",
    "BY_ID",
    "HOME",
    "MAX_NAME_BYTES",
    "MOUNT",
    "PROJECTS",
    "SHARES",
    "MeshPath",
    "from_url",
    "is_within",
    "join",
    "name_of",
    "normalise",
    "parent_of",
    "to_url",
]

MOUNT = "mesh"
"""Folder of the composite tree, and of a mount, that holds the areas."""

HOME, PROJECTS, SHARES = "home", "projects", "shares"
AREAS = (HOME, PROJECTS, SHARES)
BY_ID = ".id"

MAX_NAME_BYTES = 255


def normalise(path: str) -> str:
    """Return ``path`` without leading, trailing and doubled slashes.

    Raises InvalidRequest for "." and "..", NUL, and names over 255 bytes: no such path may reach a site,
    whatever the site would make of it.
    """
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part in (".", ".."):
            raise InvalidRequest(f'"{path}" is not a path here: "{part}" is not allowed.')
        if "\0" in part:
            raise InvalidRequest(
                f'"{path!r}" is not a path here: a name cannot hold a NUL character.'
            )
        try:
            size = len(part.encode())
        except UnicodeEncodeError:
            raise InvalidRequest(f"{path!r} is not a path here: it is not valid Unicode.") from None
        if size > MAX_NAME_BYTES:
            raise InvalidRequest(
                f'"{part[:40]}…" cannot be a name here: it is longer than {MAX_NAME_BYTES} bytes.'
            )
    return "/".join(parts)


def join(*parts: str) -> str:
    """Join path parts, leaving out the empty ones."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def parent_of(path: str) -> str:
    """The folder that holds ``path``; "" at the top."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of ``path``."""
    return path.rpartition("/")[2]


def is_within(path: str, folder: str) -> bool:
    """True if ``path`` is ``folder`` or lies below it."""
    return not folder or path == folder or path.startswith(folder + "/")


@dataclass(frozen=True, slots=True)
class MeshPath:
    """A mesh path taken apart into the space that holds it and the rest.

    ``area`` is "" (the list of areas), one of AREAS or ``.id``; ``space`` is the name of the project or
    share, or the id; ``rel`` is the path inside the space.
    """

    area: str
    space: str = ""
    rel: str = ""

    @classmethod
    def parse(cls, path: str) -> MeshPath:
        """Take a mesh path apart; raises NotFound for an unknown area, InvalidRequest for a bad name or id."""
        parts = normalise(path).split("/")
        area = parts[0]
        if area == HOME:
            return cls(area, "", "/".join(parts[1:]))
        if area in (PROJECTS, SHARES, BY_ID):
            space = parts[1] if len(parts) > 1 else ""
            if area == BY_ID:
                try:
                    ResourceId.parse(space)
                except ValueError as error:
                    raise InvalidRequest(str(error)) from None
            return cls(area, space, "/".join(parts[2:]))
        if area:
            raise NotFound(f'There is no "{path}" in the mesh: it holds home, projects and shares.')
        return cls("")

    def __str__(self) -> str:
        return join(self.area, self.space, self.rel)

    @property
    def is_area(self) -> bool:
        """True for the list of areas, of projects or of shares: folders that no site holds."""
        return not self.area or (self.area in (PROJECTS, SHARES) and not self.space)

    @property
    def is_space_root(self) -> bool:
        """True for the root of a space: it is never deleted, moved or overwritten."""
        return not self.is_area and not self.rel and self.area != BY_ID


def to_url(site: str, path: str) -> str:
    """The ``cs3://`` URL of a mesh path; ``::`` is encoded too, since fsspec chains at it."""
    return f"cs3://{site}/{quote(normalise(path), safe='/$!')}"


def from_url(url: str) -> tuple[str, str]:
    """Site and mesh path of a ``cs3://`` URL; raises InvalidRequest for any other text."""
    scheme, found, rest = url.partition("://")
    site, _, path = rest.partition("/")
    if scheme != "cs3" or not found or not site:
        raise InvalidRequest(f'"{url}" is not an address of the mesh (cs3://site/home/…).')
    path = normalise(unquote(path))
    MeshPath.parse(path)
    return site, path
