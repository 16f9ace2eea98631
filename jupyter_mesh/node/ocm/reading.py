"""Reading what strangers send: bounded in size, time and depth, typed, and refused with a reason."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from typing import TYPE_CHECKING, Any

from jupyter_mesh.node.ocm.addresses import canonical_domain

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["BadJson", "Fields", "NotTaken", "parse_json", "read_body", "shown"]

_MAX_DEPTH = 16
MAX_BODY = 64 << 10
_BODY_WITHIN = 10.0

_TURNING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_SPACES = frozenset("\n\r\t\u2028\u2029\u0085")
_UNSEEN = ("Cc", "Cs")

_CODES = {
    400: "INVALID_PARAMETER",
    401: "UNAUTHENTICATED",
    403: "UNTRUSTED_SERVICE",
    404: "RESOURCE_NOT_FOUND",
    409: "ALREADY_EXIST",
    413: "INVALID_PARAMETER",
    429: "TOO_MANY_REQUESTS",
    501: "FUNCTION_NOT_IMPLEMENTED",
    503: "PROVIDER_ERROR",
}


def shown(text: str, longest: int = 255) -> str:
    """A text of a stranger that people are to read: in one line, and nothing in it turns what stands around it.

    Control characters are left out, and so is what changes the direction of writing; other invisible characters
    belong to scripts and emoji.
    """
    kept = (" " if one in _SPACES else one for one in text if one not in _TURNING)
    return "".join(one for one in kept if unicodedata.category(one) not in _UNSEEN)[
        :longest
    ].strip()


class BadJson(ValueError):
    """Raised for bytes that are no JSON, or JSON that is nested too deep."""


class NotTaken(Exception):
    """Raised when a message of a peer is refused: ``status`` and a sentence, and the fields that are wrong."""

    def __init__(self, status: int, message: str, **wrong: str) -> None:
        super().__init__(message)
        self.status = status
        self.wrong = wrong

    @property
    def body(self) -> dict[str, Any]:
        """The answer as OCM words it, with the ``code`` that Reva's client reads."""
        found: dict[str, Any] = {
            "code": _CODES.get(self.status, "SERVER_ERROR"),
            "message": str(self),
        }
        if self.wrong:
            found["validationErrors"] = [
                {"name": name, "message": message} for name, message in self.wrong.items()
            ]
        return found


def _no_constant(_: str) -> Any:
    raise BadJson("NaN and Infinity are no JSON.")


def parse_json(body: bytes) -> Any:
    """Any JSON of a bounded depth; raises BadJson."""
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadJson("This is no JSON.") from error
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise BadJson("This JSON is nested too deep.")
        level = [
            value
            for one in level
            if isinstance(one, dict | list)
            for value in (one.values() if isinstance(one, dict) else one)
        ]
    return found


async def read_body(request: web.Request, kind: str) -> bytes:
    """The body of a request with the content type ``kind``; raises NotTaken when it is too large or too slow."""
    if request.content_type != kind:
        raise NotTaken(400, f"The body must be {kind}.")
    if (request.content_length or 0) > MAX_BODY:
        raise NotTaken(413, f"The body is larger than {MAX_BODY >> 10} KiB.")
    found = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN):
            async for piece in request.content.iter_any():
                found += piece
                if len(found) > MAX_BODY:
                    raise NotTaken(413, f"The body is larger than {MAX_BODY >> 10} KiB.")
    except TimeoutError:
        raise NotTaken(400, "The body did not arrive in time.") from None
    return bytes(found)


class Fields:
    """The fields of a JSON object, read one by one; ``done`` tells what was wrong, all at once."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise NotTaken(400, "The body must be a JSON object.")
        self._value = value
        self._wrong: dict[str, str] = {}

    @classmethod
    def of(cls, body: bytes) -> Fields:
        """The fields of a body; raises NotTaken(400) when it is no JSON object."""
        try:
            return cls(parse_json(body))
        except BadJson as error:
            raise NotTaken(400, str(error)) from None

    def text(
        self, name: str, *, required: bool = False, longest: int = 1024, lines: bool = False
    ) -> str:
        """A text; "" where it may be absent. Control characters are refused, but for those of ``lines``."""
        value = self._value.get(name)
        if value is None or value == "":
            if required:
                self.wrong(name, "is required")
            return ""
        if not isinstance(value, str):
            self.wrong(name, "must be a string")
        elif len(value) > longest:
            self.wrong(name, f"is longer than {longest} characters")
        elif any(
            (ord(character) < 32 and not (lines and character in "\n\r\t")) or ord(character) == 127
            for character in value
        ):
            self.wrong(name, "holds control characters")
        else:
            try:
                value.encode()
            except UnicodeEncodeError:
                self.wrong(name, "is not Unicode text")
            else:
                return value
        return ""

    def shown(self, name: str, *, longest: int = 255) -> str:
        """A text that people are to read, as ``shown``; "" where it may be absent."""
        return shown(self.text(name, longest=longest), longest)

    def identifier(self, name: str) -> str:
        """An id: a text, or the number that OCM 1.0 sends."""
        if type(value := self._value.get(name)) is int:
            return str(value)
        return self.text(name, required=True, longest=255)

    def domain(self, name: str) -> str:
        """The canonical domain of a site; "" when it is missing or none, which ``done`` tells."""
        text = self.text(name, required=True, longest=300)
        if text:
            try:
                return canonical_domain(text)
            except ValueError:
                self.wrong(name, "is not the domain of a site")
        return ""

    def whole(self, name: str) -> int:
        """A whole number ≥ 0; 0 where it is absent or null."""
        value = self._value.get(name)
        if value is None:
            return 0
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            self.wrong(name, "must be a whole number")
            return 0
        return value

    def object(self, name: str, *, required: bool = False) -> Fields | None:
        """An object, or None where it is absent."""
        value = self._value.get(name)
        if value is None:
            if required:
                self.wrong(name, "is required")
            return None
        if not isinstance(value, dict):
            self.wrong(name, "must be an object")
            return None
        inner = Fields(value)
        inner._wrong = self._wrong
        return inner

    def words(self, name: str) -> tuple[str, ...]:
        """A list of words, () where it is absent."""
        value = self._value.get(name)
        if value is None:
            return ()
        if (
            not isinstance(value, list)
            or len(value) > 32
            or not all(isinstance(one, str) for one in value)
        ):
            self.wrong(name, "must be a list of words")
            return ()
        return tuple(value)

    def names(self) -> list[str]:
        """The names of all fields."""
        return list(self._value)

    def wrong(self, name: str, message: str) -> None:
        """Note that a field is wrong."""
        self._wrong.setdefault(name, message)

    def done(self) -> None:
        """Raise NotTaken(400) when something was wrong."""
        if self._wrong:
            named = ", ".join(f"{name} {message}" for name, message in self._wrong.items())
            raise NotTaken(400, f"The message cannot be used: {named}.", **self._wrong)
