"""Placement: where a server runs, so that it is near what is opened. Decided with the user's own rights.

The rules are the operator's: what a file or folder must be stored in to be near a placement. The hub decides with
them when a server starts, its start form shows the same decision before, and ``jupyter mesh place`` explains it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from traitlets import Dict, TraitError, Unicode, validate
from traitlets.config import Configurable

from jupyter_mesh.models import ResourceId
from jupyter_mesh.paths import BY_ID, HOME, SHARES, MeshPath, from_url, join, name_of
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.finding import find

if TYPE_CHECKING:
    from collections.abc import Collection

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import ReceivedShare

__all__ = ["HERE", "NAME", "MeshPlacement", "Placement", "Whereabouts", "look"]

HERE = "here"
"""The placement that is always there: the spawner as it is set up."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a form, a link or the API can choose."""

KEYS = {"title", "has", "match", "override", "groups"}
MATCHED = ("site", "storage", "space", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What is known of where something is kept."""

    name: str
    """As people call it."""
    path: str
    """Mesh path under which the user has it."""
    site: str = ""
    """Domain of the institution that keeps it; "" for the user's own."""
    storage: str = ""
    space: str = ""
    """The first two parts of its id at the user's site."""
    owner: str = ""
    """Who shares it, where somebody else does and the site tells the name."""

    def fits(self, match: dict[str, Any]) -> bool:
        """True if all that a rule asks for is so; a rule that asks for nothing fits nothing."""
        return bool(match) and all(
            any(self._is(key, str(pattern)) for pattern in _listed(value))
            for key, value in match.items()
        )

    def _is(self, key: str, pattern: str) -> bool:
        value = str(getattr(self, key))
        below = key == "path" and fnmatchcase(value, f"{pattern}/*")
        return fnmatchcase(value, pattern) or below


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A place where a server can run, as it is offered for one file or folder."""

    name: str
    title: str
    has: str = ""
    """What there is, for people: "16 GB, GPU"."""
    reason: str = ""
    """Why there, or what is worse there, in a sentence; "" where there is nothing to say."""
    near: bool = False
    """True if what is opened is stored there."""
    override: dict[str, Any] = field(default_factory=dict, repr=False)
    """Values for traits of the spawner. Of the hub alone: never shown."""

    def to_json(self) -> dict[str, Any]:
        """For pages and programs."""
        names = ("name", "title", "has", "reason", "near")
        return {name: getattr(self, name) for name in names}


class MeshPlacement(Configurable):
    """Where servers can run and in what, and which place is near which data."""

    here = Unicode(
        help="What people call the place where servers run by default. Left empty, the name of the site."
    ).tag(config=True)
    placements = Dict(
        help=(
            "Places where servers can run, by name: {'coast': {'title': 'Coast Institute', 'has': '16 GB, GPU', "
            "'match': {'site': 'coast.example.org'}, 'override': {'node_selector': {'site': 'coast'}}}}. A server "
            "runs by default at the first place that all of match fits: site is the domain of the institution that "
            "keeps what is opened ('' for the user's own), storage and space are parts of its id, path is the mesh path "
            "(projects/lofar, with all below it); each is a text with * and ?, or a list of them. has is shown to people. "
            "override sets traits of the spawner for that start, and merges dictionaries. With groups, a list of "
            "groups of JupyterHub, the place is for their members alone. The name here stands for the spawner as it is."
        )
    ).tag(config=True)
    environments = Dict(
        help=(
            "What servers can run in, by name, in the order in which the start form offers it: {'data': {'title': "
            "'Data analysis (Python 3.13)', 'override': {'image': 'registry.example.org/data:3.13'}}}. override and "
            "groups are those of placements. A start without a choice runs in what the spawner is set up with."
        )
    ).tag(config=True)

    @validate("placements", "environments")
    def _check(self, proposal: Any) -> Any:
        """Refuse what nothing reads: a misspelt rule must not be passed over in silence."""
        for name, entry in proposal.value.items():
            if not NAME.fullmatch(name) or not _is_table(entry, "match", "override"):
                raise TraitError(
                    f"MeshPlacement.{proposal.trait.name}: {name} is none. A name has letters, digits and . _ -, "
                    "and stands for a dictionary, in which match and override are dictionaries, too."
                )
            unknown = set(entry) - KEYS | set(entry.get("match", {})) - set(MATCHED)
            if unknown:
                raise TraitError(
                    f"MeshPlacement.{proposal.trait.name}: {name} has {', '.join(sorted(unknown))}, which is "
                    f"nothing. There is {', '.join(sorted(KEYS))}, and in match {', '.join(MATCHED)}."
                )
        return proposal.value

    @property
    def is_choice(self) -> bool:
        """True if there is more than one way to start a server."""
        return bool(set(self.placements) - {HERE} or self.environments)

    @property
    def has_rules(self) -> bool:
        """True if what is opened can make a difference."""
        return any(entry.get("match") for entry in self.placements.values())

    def offers(
        self, where: Whereabouts | None, site: str = "", groups: Collection[str] = ()
    ) -> list[Placement]:
        """All places for a user of these groups, the best for ``where`` first; never empty.

        ``site`` is what people call the user's own.
        """
        entries: dict[str, dict[str, Any]] = {HERE: {"title": self.here or site or "Here"}}
        entries[HERE] |= self.placements.get(HERE, {})
        entries |= {name: entry for name, entry in self.placements.items() if name != HERE}
        allowed = {name: entry for name, entry in entries.items() if _allows(entry, groups)}
        near = [
            name for name, entry in allowed.items() if where and where.fits(entry.get("match", {}))
        ]
        order = [*near, *(name for name in allowed if name not in near)]
        return [
            Placement(
                name=name,
                title=allowed[name].get("title", name),
                has=allowed[name].get("has", ""),
                reason=_reason(where, name in near, bool(near)),
                near=name in near,
                override=allowed[name].get("override", {}),
            )
            for name in order
        ]

    def decide(
        self,
        where: Whereabouts | None,
        chosen: str = "",
        site: str = "",
        groups: Collection[str] = (),
    ) -> Placement:
        """The place for one start: the one that was chosen, if it is offered to the user, else the best."""
        offers = self.offers(where, site, groups)
        return next((offer for offer in offers if offer.name == chosen), offers[0])

    def environment(self, chosen: str, groups: Collection[str] = ()) -> dict[str, Any] | None:
        """The entry of an environment; None where there is none of this name for the user."""
        entry: dict[str, Any] | None = self.offered_environments(groups).get(chosen)
        return entry

    def offered_environments(self, groups: Collection[str] = ()) -> dict[str, Any]:
        """Those for a user of these groups."""
        return {name: entry for name, entry in self.environments.items() if _allows(entry, groups)}


async def look(client: MeshClient, url: str) -> Whereabouts:
    """Where something is kept that the user can see. Stat, and a listing of shares for what is one.

    Raises NotFound and NotAllowed for what the user has not, and what any call of a site can raise.
    """
    _, path = from_url(url)
    mesh = MeshPath.parse(path)
    if mesh.area == BY_ID:
        path = join(await find(client, ResourceId.parse(mesh.space)), mesh.rel)
        mesh = MeshPath.parse(path)
    if mesh.is_area:
        return Whereabouts(name=path or client.site, path=path)
    resource = await client.stat(path)
    share = await _share(client, join(SHARES, mesh.space)) if mesh.area == SHARES else None
    return Whereabouts(
        name=_name(mesh),
        path=path,
        site=share.site if share else "",
        storage=resource.id.storage if resource.id else "",
        space=resource.id.space if resource.id else "",
        owner=(share.owner.name or share.sender.name) if share else "",
    )


async def _share(client: MeshClient, path: str) -> ReceivedShare | None:
    """The share that opens at a path; None where the site does not list it."""
    received = await Sharing(client).received()
    return next((each for each in received if each.path == path), None)


def _name(mesh: MeshPath) -> str:
    return name_of(mesh.rel) or mesh.space or "Your files"


def _is_table(entry: Any, *parts: str) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(part, {}), dict) for part in parts)


def _allows(entry: dict[str, Any], groups: Collection[str]) -> bool:
    wanted = entry.get("groups")
    return not wanted or bool(set(wanted) & set(groups))


def _reason(where: Whereabouts | None, near: bool, other: bool) -> str:
    """Why there: near what is opened, or not while another place is."""
    if where is None:
        return ""
    if where.path == HOME:
        return "Your files are stored there." if near else ""
    named = f'"{where.name}"'
    if near:
        return f"{named} is stored there."
    if other:
        return "Files are fetched when read: slower."
    if where.site:
        return f"{named} is stored at {where.site}. Files are fetched when read."
    return ""


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set)) else [value]
