"""Links to files, as mails, other programs and the pages of sites write them. No I/O.

What can be read, with its spelling elsewhere in mind:

====================================================  ==============================================
``cs3://alpine/home/fit.ipynb``                       ours, for programs
``…/mesh/open?resource=<id>&path=mesh/home/…``        ours, for people
``…/user-redirect/lab/tree/<path>?fileId=<id>``       the web app of oCIS and OpenCloud
``…/user-redirect/mesh/open/<path>?fileId=<id>``      the same, where ``serverPath`` names us
``https://site/f/<id>``, ``…?fileId=<id>``            pages of such sites
``…?projurl=file://eos/user/m/maya/fit.ipynb``        SWAN
``a$b!c``, ``home/fit.ipynb``, ``mesh/home/…``        an id, or a path
====================================================  ==============================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.models import ResourceId
from jupyter_mesh.paths import (
    AREAS,
    BY_ID,
    HOME,
    MOUNT,
    MeshPath,
    from_url,
    join,
    name_of,
    normalise,
)
from jupyter_mesh.paths import to_url as path_to_url

__all__ = ["LONGEST", "Link"]

LONGEST = 4096
"""Characters of a link that are looked at: more is none."""

OPEN = re.compile(r"/mesh/open(?:/|$)")
NOTEBOOK = re.compile(r"/(?:lab|notebooks|edit)(?:/tree)?/")
EOS = re.compile(r"/*eos/(user|project)/\w/([^/]+)(?:/|$)")
# The web app encodes neither ? nor # in names: what is asked for stands behind the last ?.
ASKED = re.compile(r"\?(?=(?:resource|fileId|path|projurl)=)")

OUTSIDE = "This link leads out of the mesh. Download what it leads to, or have it shared with you."
PUBLIC = "This is a public link. Open it in a browser and save what it shows to your files."
NONE = (
    "This is not a link to a file or folder of the mesh. Copy it from the page of your site again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link leads to: an id, a path, or an id and where it may be. Neither is checked by anybody."""

    id: ResourceId | None = None
    path: str = ""
    """API path (``mesh/home/…``); beside an id, also a path in the home as other programs name it."""
    site: str = ""
    """Name of the site that the link names; "" for the one where it is opened."""

    @classmethod
    def read(cls, text: str, username: str = "") -> Link:
        """The link that somebody has pasted; raises InvalidRequest with a sentence for anything else.

        ``username`` tells which folder of SWAN's storage is this user's home.
        """
        text = text.strip()
        if not text or len(text) > LONGEST or not text.isprintable():
            raise InvalidRequest(NONE)
        if text.startswith("cs3://"):
            return _of_url(text)
        scheme, colon, rest = text.partition(":")
        if colon and scheme in ("http", "https"):
            return _of_page(text, username)
        if colon and scheme == "file":
            return _of_eos(unquote(rest), username)
        if id := _id(text):
            return cls(id=id)
        first = text.strip("/").partition("/")[0]
        if first in (MOUNT, *AREAS):
            return cls(path=_api_path(text))
        raise InvalidRequest(OUTSIDE if colon and "/" in rest else NONE)

    @classmethod
    def asked(cls, query: str, suffix: str = "", username: str = "") -> Link:
        """The link in an address of ours: what stands behind ``mesh/open/``, decoded, and its query, as it came.

        Raises InvalidRequest. With neither, it leads to the top.
        """
        if (cut := list(ASKED.finditer("?" + query))) and cut[-1].start():
            # A name with a question mark in it: its rest came as if it were asked for.
            suffix = f"{suffix}?{unquote(query[: cut[-1].start() - 1])}"
            query = query[cut[-1].start() :]
        asked = dict(reversed(parse_qsl(query[:LONGEST], keep_blank_values=True)))
        path = (asked.get("path") or suffix)[:LONGEST]
        if text := asked.get("resource") or asked.get("fileId"):
            if text.startswith("cs3://"):
                link = _of_url(text)
                return replace(link, path=path) if link.id and path else link
            if id := _id(text):
                return cls(id=id, path=path)
            raise InvalidRequest("Its id is none. Ask for the link again.")
        if text := asked.get("projurl"):
            return cls.read(text, username)
        return cls(path=path)

    @property
    def name(self) -> str:
        """What it says that it leads to, for people; "" where it says nothing."""
        return name_of(self.path.rstrip("/"))

    def to_url(self, site: str) -> str:
        """As ``cs3://`` URL for a site; raises InvalidRequest where it is one of another site, or no place."""
        if self.site and self.site != site:
            raise InvalidRequest(
                f"This link leads to {self.site}, and this is {site}. Open it at {self.site}, "
                "or have it shared with you here."
            )
        if self.id is not None:
            return path_to_url(site, f"{BY_ID}/{self.id}")
        path = _api_path(self.path or MOUNT)
        return path_to_url(site, path.removeprefix(MOUNT).lstrip("/"))

    def query(self) -> str:
        """As the query of ``mesh/open``."""
        asked = {"resource": str(self.id) if self.id else "", "path": self.path}
        if self.site and self.id is None:
            asked = {"resource": self.to_url(self.site)}
        return urlencode({name: text for name, text in asked.items() if text}, quote_via=quote)


def _id(text: str) -> ResourceId | None:
    """A resource id, also one that was encoded twice."""
    for spelt in (text, unquote(text)):
        try:
            id = ResourceId.parse(spelt)
        except ValueError:
            continue
        if "/" not in spelt and spelt.isprintable():
            return id
    return None


def _api_path(path: str) -> str:
    """An API path of what begins with ``mesh/`` or an area; raises InvalidRequest for anything else."""
    path = normalise(path)
    try:
        MeshPath.parse(path.removeprefix(MOUNT).lstrip("/") if path.startswith(MOUNT) else path)
    except MeshError as error:
        raise InvalidRequest(str(error)) from None
    return path if path == MOUNT or path.startswith(MOUNT + "/") else join(MOUNT, path)


def _of_url(text: str) -> Link:
    try:
        site, path = from_url(text)
    except MeshError as error:
        raise InvalidRequest(str(error)) from None
    mesh = MeshPath.parse(path)
    if mesh.area == BY_ID and not mesh.rel:
        return Link(id=ResourceId.parse(mesh.space), site=site)
    return Link(path=join(MOUNT, path), site=site)


def _of_page(text: str, username: str) -> Link:
    """The link in the address of a page: of a hub, a Jupyter server, or a site."""
    try:
        address = urlsplit(text)
    except ValueError:
        raise InvalidRequest(NONE) from None
    for way in (OPEN, NOTEBOOK):
        if found := way.search(address.path):
            link = Link.asked(address.query, unquote(address.path[found.end() :]), username)
            if link.id or link.path.strip("/").partition("/")[0] == MOUNT:
                return link
    asked = dict(parse_qsl(address.query))
    if "fileId" in asked or "projurl" in asked:
        return Link.asked(address.query, "", username)
    if place := asked.get("mesh"):
        return Link(path=_api_path(place))
    front, _, last = address.path.rpartition("/")
    if front.endswith("/f") and (id := _id(last)):
        return Link(id=id)
    raise InvalidRequest(PUBLIC if front.endswith(("/s", "/i")) else OUTSIDE)


def _of_eos(path: str, username: str) -> Link:
    """What SWAN names by its path in EOS."""
    found = EOS.match(path)
    if found is None:
        raise InvalidRequest(OUTSIDE)
    area, owner = found.groups()
    if area == "project":
        return Link(path=_api_path(join("projects", owner, path[found.end() :])))
    if owner != username:
        raise InvalidRequest(f"This file is in the home of {owner}. Ask {owner} to share it.")
    return Link(path=_api_path(join(HOME, path[found.end() :])))
