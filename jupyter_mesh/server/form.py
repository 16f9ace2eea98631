"""Form: the JSON object of a request, read field by field."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from jupyter_mesh.errors import InvalidRequest, TooLarge
from jupyter_mesh.models import Grantee, Role

__all__ = ["Form"]

BODY_LIMIT = 256 * 1024
"""Bytes of a request: several hundred members of a project with the longest ids."""

LINE_LIMIT, TEXT_LIMIT = 1024, 4096
"""Characters of a name, a path or a key, and of a note or a pasted mail."""

NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
NOT_IN_A_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Form:
    """What was sent, with the ``names`` it may hold.

    Raises InvalidRequest for anything but one JSON object of these fields, for a field of another type and,
    without a default, for one that is missing; TooLarge for more than anybody needs to say. ``null`` is missing.
    """

    def __init__(self, body: bytes, *names: str) -> None:
        if len(body) > BODY_LIMIT:
            raise TooLarge(f"The request is longer than {BODY_LIMIT // 1024} KB.")
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("The request is not valid JSON.") from error
        self._fields = _object(fields, names, "The request")

    def has(self, name: str) -> bool:
        """True if the field was sent, ``null`` included: that takes away what was there."""
        return name in self._fields

    def line(self, name: str, default: str | None = None) -> str:
        """A text without line breaks and other control characters."""
        return self._text(name, default, LINE_LIMIT, NOT_IN_A_LINE)

    def text(self, name: str, default: str | None = None, *, longest: int = TEXT_LIMIT) -> str:
        """A text of several lines."""
        return self._text(name, default, longest, NOT_IN_A_TEXT)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            raise _invalid(name)
        return value

    def time(self, name: str) -> datetime | None:
        """A time with its zone, in UTC; None where there is none."""
        text = self.line(name, "")
        try:
            time = datetime.fromisoformat(text).astimezone(UTC) if text else None
            if time is not None and datetime.fromisoformat(text).tzinfo is None:
                raise InvalidRequest(f'The time "{text}" needs a time zone.')
        except (ValueError, OverflowError) as error:
            raise _invalid(name) from error
        return time

    def person(self, name: str) -> Grantee:
        """The one whom a key names."""
        return person(self.line(name))

    def role(self, name: str) -> Role:
        """A role that can be given."""
        text = self.line(name)
        if text not in (Role.VIEWER, Role.EDITOR, Role.UPLOADER):
            raise InvalidRequest(f'The "{name}" is one of viewer, editor and uploader.')
        return Role(text)

    def values(self, name: str) -> dict[str, Any]:
        """An object with whatever names it has."""
        value = self._fields.get(name)
        if not isinstance(value, dict):
            raise _invalid(name)
        return value

    def forms(self, name: str, *names: str, most: int) -> list[Form]:
        """A list of objects, each with these fields."""
        value = self._fields.get(name)
        if not isinstance(value, list):
            raise _invalid(name)
        if len(value) > most:
            raise TooLarge(f'The request holds more than {most} "{name}".')
        forms = []
        for each in value:
            form = object.__new__(Form)
            form._fields = _object(each, names, f'Each of "{name}"')
            forms.append(form)
        return forms

    def _text(self, name: str, default: str | None, longest: int, refused: re.Pattern[str]) -> str:
        value = self._fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise _invalid(name)
        if len(value) > longest:
            raise TooLarge(f'The "{name}" is longer than {longest} characters.')
        if refused.search(value) or not _is_unicode(value):
            raise InvalidRequest(f'The "{name}" holds characters that are not allowed there.')
        return value


def person(key: str) -> Grantee:
    """The one whom a key names; raises InvalidRequest for any other text."""
    try:
        return Grantee.parse(key)
    except ValueError as error:
        raise InvalidRequest("That is the key of nobody (kind:id@idp).") from error


def _object(value: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{what} is not a JSON object.")
    if unknown := value.keys() - set(names):
        raise InvalidRequest(
            f'{what} has a field that is not known here: "{min(unknown)[:40]}". '
            f"Known are: {', '.join(names) or 'none'}."
        )
    return value


def _invalid(name: str) -> InvalidRequest:
    return InvalidRequest(f'The request needs a valid "{name}".')


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
