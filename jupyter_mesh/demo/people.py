"""Who uses the demo: two people per site, a project they share, and passwords made once for this machine."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SITES", "Person", "SiteInfo", "add_people"]

QUOTA = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the demo."""

    name: str
    display: str


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A site of the demo. The first person owns the project, the second may edit in it."""

    name: str
    title: str
    """What its people call it."""
    people: tuple[Person, Person]
    project: str
    home_sample: str
    """Sample that each person finds at home."""
    project_sample: str
    """Sample that lies in the project."""


SITES = (
    SiteInfo(
        "alpine",
        "Alpine University",
        (Person("maya", "Maya Rossi"), Person("tom", "Tom Berger")),
        project="atmosphere",
        home_sample="sea-breeze",
        project_sample="keeling-curve",
    ),
    SiteInfo(
        "coast",
        "Coast Institute",
        (Person("jan", "Jan Novak"), Person("ines", "Inês Duarte")),
        project="climate",
        home_sample="keeling-curve",
        project_sample="sea-breeze",
    ),
)


def add_people(site: SiteInfo, data: Path, passwords_file: Path) -> dict[str, str]:
    """Make the users and the project of ``site`` if needed; returns the password of each user by name."""
    from jupyter_mesh.node.users import add_project, add_user

    passwords = _passwords(site, passwords_file)
    for person in site.people:
        # Somebody of an earlier start, with the password of then.
        with suppress(AlreadyExists):
            add_user(data, person.name, passwords[person.name], display=person.display, quota=QUOTA)
    owner, editor = site.people
    add_project(data, site.project, {owner.name: "owner", editor.name: "editor"})
    return passwords


def _passwords(site: SiteInfo, file: Path) -> dict[str, str]:
    if not file.exists():
        made = {person.name: _password() for person in site.people}
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(made, out)
    known: dict[str, str] = json.loads(file.read_text())
    return known


def _password() -> str:
    """Three words nobody knows, easy to type: about 37 bits, for a demo on loopback."""
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    return "-".join("".join(map(secrets.choice, (consonants, vowels) * 2)) for _ in range(3))
