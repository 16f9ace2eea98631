"""PROPFIND and PROPPATCH: what is asked about a resource, and what is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.webdav.answers import response_xml
from jupyter_mesh.webdav.properties import (
    DAV,
    LIVE,
    PROTECTED,
    QUOTA,
    dead_key,
    dead_value,
    href_of,
    prop_xml,
    quota_value,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from jupyter_mesh.models import Quota, Resource

__all__ = ["Asked", "Change", "asked_of", "changes_of", "described"]

TIMES = {f"{{{DAV}}}lastmodified", f"{{{DAV}}}getlastmodified"}
"""Names under which clients set the time of change: rclone uses the first, in seconds."""

LOCKS = {f"{{{DAV}}}supportedlock", f"{{{DAV}}}lockdiscovery"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a PROPFIND wants to know."""

    names: tuple[str, ...]
    """Properties asked for by name."""
    everything: bool = False
    names_only: bool = False

    @property
    def about_quota(self) -> bool:
        """True if the site has to be asked about its room."""
        return any(name in QUOTA for name in self.names)


def asked_of(body: Element | None) -> Asked:
    """Read the body of a PROPFIND; raises InvalidRequest for another one."""
    if body is None:
        return Asked((), everything=True)
    if body.tag != f"{{{DAV}}}propfind":
        raise InvalidRequest("This is not what a PROPFIND asks.")
    names: list[str] = []
    everything = names_only = named = False
    for child in body:
        # OpenCloud writes <allprop/> without its namespace.
        match child.tag.removeprefix(f"{{{DAV}}}"):
            case "allprop":
                everything = True
            case "propname":
                names_only = True
            case "prop" | "include":
                named = True
                names += [prop.tag for prop in child]
    if not (everything or names_only or named):
        raise InvalidRequest("A PROPFIND asks for properties, their names, or all of them.")
    return Asked(tuple(dict.fromkeys(names)), everything, names_only)


def described(
    resource: Resource,
    asked: Asked,
    prefix: str,
    quota: Quota | None,
    locks: Callable[[str, str], str],
) -> str:
    """The ``d:response`` of one resource. ``locks`` tells the properties that are about locks."""
    names = asked.names
    if asked.everything or asked.names_only:
        dead = [_dead_name(key) for key in resource.metadata if "/" in key]
        names = tuple(dict.fromkeys([*LIVE, *dead, *names]))
    found, missing = [], []
    for name in names:
        value = _value(name, resource, quota, locks)
        if value is not None:
            found.append(prop_xml(name, "" if asked.names_only else value))
        elif name in asked.names:
            missing.append(prop_xml(name))
    href = prefix + href_of(resource.path, resource.is_directory)
    return response_xml(href, (200, "".join(found)), (404, "".join(missing)))


def _value(
    name: str, resource: Resource, quota: Quota | None, locks: Callable[[str, str], str]
) -> str | None:
    if (tell := LIVE.get(name)) is not None:
        return tell(resource)
    if name in QUOTA:
        return quota_value(name, quota) if quota is not None and resource.is_directory else None
    if name in LOCKS:
        return locks(name, resource.path)
    return resource.metadata.get(dead_key(name))


def _dead_name(key: str) -> str:
    namespace, _, local = key.rpartition("/")
    return f"{{{namespace}}}{local}" if namespace else local


@dataclass(frozen=True, slots=True)
class Change:
    """One property that a PROPPATCH sets, or removes (``value`` is None)."""

    name: str
    value: str | None

    @property
    def is_refused(self) -> bool:
        """True for what only the site can change, and for a time that is none."""
        if self.name in TIMES:
            return self.seconds is None
        return self.name in PROTECTED

    @property
    def seconds(self) -> float | None:
        """The time of change that is set, as seconds since 1970; None if this is about something else."""
        if self.name not in TIMES or self.value is None:
            return None
        text = self.value.strip()
        try:
            return float(text)
        except ValueError:
            time = when(text)
        return time.timestamp() if time else None


def changes_of(body: Element | None) -> list[Change]:
    """Read the body of a PROPPATCH, in its order; raises InvalidRequest for another one."""
    if body is None or body.tag != f"{{{DAV}}}propertyupdate":
        raise InvalidRequest("This is not what a PROPPATCH changes.")
    changes = []
    for step in body:
        setting = step.tag == f"{{{DAV}}}set"
        if not setting and step.tag != f"{{{DAV}}}remove":
            continue
        for group in step:
            changes += [Change(prop.tag, dead_value(prop) if setting else None) for prop in group]
    return changes
