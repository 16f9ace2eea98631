"""The invitation in whatever somebody pastes: a link, a code in any spelling, or a whole mail around it."""

from __future__ import annotations

import base64
import binascii
import re
from html import unescape
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from jupyter_mesh.cs3.domains import domain_of
from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse_invite"]

LONGEST = 100_000
"""Characters of a mail that are looked at."""

LINK = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
AROUND = "<>()[]{}\"'`.,;:!*_|"
"""What may stand around a code or link in a sentence."""

DOMAIN = re.compile(r"[^\s/@?#\\<>\"'%]+")
TOKEN = re.compile(r"[0-9A-Za-z_~+/=-]{16,}")
"""What a bare token looks like in a text of its own: sites make UUIDs of 36 characters."""

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

LABELLED = re.compile(
    r"\btoken\W{1,3}(?P<token>[^\s<>]{16,}).{0,80}?\bprovider ?domain\W{1,3}(?P<host>[^\s<>]+)",
    re.IGNORECASE | re.DOTALL,
)
"""The two lines in mails of Reva."""

LONG_LINE = 50
"""Characters from which on mail programs may have broken a line."""

NONE = "No invitation was found in this text. Paste the link or the code that you were sent, or the whole mail."
SEVERAL = "There is more than one invitation in this text. Paste the one that you want to accept."


def parse_invite(text: str) -> tuple[str, str]:
    """The token of an invitation and the domain that it comes from; "" for a token without one.

    Reads links with ``token`` (and ``providerDomain``), ``token@domain`` plain or in any spelling of base64,
    bare tokens, and mails that hold one of them. Raises InvalidRequest if there is none, or more than one.
    """
    # Mail programs break long lines, "=" at their ends in some.
    text = re.sub(r"=\r?\n", "", text[:LONGEST])
    lines = text.split("\n")
    words = text.split()
    broken = len(words) == len(lines) and all(len(word) >= LONG_LINE for word in words[:-1])
    if (len(words) == 1 or broken) and (found := _read("".join(words))):
        return found
    for candidates in (_links(text), _codes(words), _labelled(text)):
        several = set(candidates)
        if len(several) == 1:
            return several.pop()
        if several:
            raise InvalidRequest(SEVERAL)
    bare = set(UUID.findall(text))
    if len(words) == 1 and TOKEN.fullmatch(words[0]):
        bare.add(words[0])
    if len(bare) == 1:
        return bare.pop(), ""
    raise InvalidRequest(SEVERAL if bare else NONE)


def _read(word: str) -> tuple[str, str] | None:
    """One link or code without anything around it."""
    if word.casefold().startswith(("http://", "https://")):
        return _of_link(word)
    if "@" not in word:
        word = _decoded(word)
    token, _, host = word.rpartition("@")  # The token may contain "@".
    return _checked(token, host)


def _checked(token: str, host: str) -> tuple[str, str] | None:
    domain = domain_of(host)
    good = token and token.isprintable() and " " not in token and DOMAIN.fullmatch(domain)
    return (token, domain) if good else None


def _decoded(word: str) -> str:
    """What base64 holds, with or without padding, in both alphabets; "" if it is none."""
    bare = word.translate(str.maketrans("+/", "-_")).rstrip("=")
    try:
        return base64.b64decode(
            bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        return ""


def _of_link(link: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(link)
        query = dict(parse_qsl(parts.query)) or dict(parse_qsl(parts.fragment.partition("?")[2]))
    except ValueError:
        return None
    if "token" in query:
        return _checked(query["token"], query.get("providerDomain") or parts.netloc)
    # Mail filters put the link into one of their own.
    inner = query.get("url", "") or query.get("q", "") or query.get("u", "")
    if inner and inner != link and inner.casefold().startswith(("http://", "https://")):
        return _of_link(inner)
    return None


def _links(text: str) -> Iterator[tuple[str, str]]:
    for match in LINK.findall(unescape(text)):
        if found := _of_link(match.rstrip(AROUND)):
            yield found


def _codes(words: list[str]) -> Iterator[tuple[str, str]]:
    """Codes among other words: the address of a person, which looks the same, is none."""
    words = [word.strip(AROUND) for word in words]
    for first, second in pairwise([*words, ""]):
        # A code that was broken into two lines is looked for where one alone is none.
        for word in (first, first + second):
            if found := _code(word):
                yield found
                break


def _code(word: str) -> tuple[str, str] | None:
    plain = word if "@" in word else _decoded(word) if TOKEN.fullmatch(word) else ""
    token, _, host = plain.rpartition("@")
    is_site = "." in host or ":" in host or host == "localhost"
    if not is_site or not (UUID.fullmatch(token) if "@" in word else len(token) >= 16):
        return None
    return _checked(token, host)


def _labelled(text: str) -> Iterator[tuple[str, str]]:
    for match in LABELLED.finditer(text):
        host = match["host"].strip(AROUND)
        if found := _checked(match["token"].strip(AROUND), host):
            yield found
