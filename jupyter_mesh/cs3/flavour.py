"""What kind of site this is, what it can do, and what was learned about it on the way.

There is no call for a version, and versions would lie: features are tried and remembered
(``facts/cs3.md`` §1.8). ``SPACES`` sites (oCIS, OpenCloud) address files by the id of a space's root;
``PATHS`` sites (cs3org Reva) by absolute paths below ``/home``.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Feature", "Flavour", "FlavourKind"]


class FlavourKind(StrEnum):
    """How a site addresses its files."""

    SPACES = "spaces"
    PATHS = "paths"


class Feature(StrEnum):
    """What some sites can do and others cannot."""

    CONDITIONS = "saves under a condition (if_match, if_absent)"
    LOCKS = "locks"
    FILTERED_SEARCH = "looking for people by filters"
    RANGES = "reading parts of a file"
    RECEIVED_INFOS = "received shares with what they hold"
    SHARE_FIELDS = "changing shares field by field"
    SHARE_INFOS = "shares with what they hold"
    TREE_ETAGS = "etags of folders that change with everything below"
    TUS = "uploads that can be resumed"
    VERSION_DOWNLOADS = "reading earlier versions"


GIVEN: dict[FlavourKind, dict[Feature, bool]] = {
    FlavourKind.SPACES: {
        Feature.RECEIVED_INFOS: False,
        Feature.SHARE_INFOS: False,
        Feature.TREE_ETAGS: True,
    },
    FlavourKind.PATHS: {Feature.TREE_ETAGS: False},
}


class Flavour:
    """The kind of a site and its features, each known after the first time it was tried.

    A feature can differ between parts of a site (mounts of other sites have no ranges, for example), so it
    is kept per ``scope``: the root of a space, or "" for the whole site.
    """

    def __init__(self, kind: FlavourKind) -> None:
        self.kind = kind
        self.quotes_etags = True
        """Whether etags of this site stand in quotes; learned from every Stat."""
        self._known: dict[tuple[Feature, str], bool] = {}

    def etag_form(self, etag: str) -> str:
        """An etag as this site writes it: conditions are compared letter by letter."""
        return f'"{etag}"' if self.quotes_etags else etag

    @property
    def has_spaces(self) -> bool:
        """True on a site whose spaces have roots with ids."""
        return self.kind is FlavourKind.SPACES

    def can(self, feature: Feature, scope: str = "") -> bool | None:
        """Whether the site can do this there; None as long as nobody tried.

        Without a scope: whether it can where it was tried first.
        """
        if scope and (feature, scope) in self._known:
            return self._known[feature, scope]
        given = GIVEN[self.kind].get(feature)
        if scope or given is not None:
            return given
        return next((able for (known, _), able in self._known.items() if known is feature), None)

    def learn(self, feature: Feature, able: bool, scope: str = "") -> None:
        """Remember the outcome of a first try."""
        self._known[feature, scope] = able

    def __repr__(self) -> str:
        known = ", ".join(
            f"{feature.name.lower()}={able}"
            for feature in Feature
            if (able := self.can(feature)) is not None
        )
        return f"Flavour({self.kind.value}: {known})"
