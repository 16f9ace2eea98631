"""What a command shows, and what it may ask: for people on a terminal, or for the program that reads it.

Names come from other people. On a terminal, characters in them that would drive it are shown as escapes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "AS_JSON",
    "YES",
    "ask",
    "can_ask",
    "complain",
    "escaped",
    "has_colours",
    "must_mean_it",
    "print_json",
    "print_lines",
    "shown",
    "size_text",
    "time_text",
]

AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document, for programs; exact values."
)
YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")

# C0, DEL, C1, what turns the direction of text, line separators, and halves of characters.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LINES_AT_ONCE = 500


def escaped(text: str) -> str:
    """``text`` on one line, without anything that moves a cursor, changes a colour or turns the reading around."""
    return UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def shown(text: str) -> str:
    """A name as standard output may show it: escaped on a terminal, as it is for a program."""
    return escaped(text) if sys.stdout.isatty() else text


def complain(verb: str, message: object) -> None:
    """One line on standard error."""
    print(f"jupyter mesh {verb}: {escaped(str(message))}", file=sys.stderr)


def print_json(document: Any) -> None:
    """Print one document. It holds no raw control characters, so that it is safe to look at, too."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # Line ends of the document itself stay; inside strings json has escaped them already.
    print(re.sub(UNSAFE, lambda found: _json_escape(found[0]), text))


def _json_escape(character: str) -> str:
    return character if character == "\n" else f"\\u{ord(character):04x}"


def print_lines(lines: Iterable[str]) -> None:
    """Print many lines in few writes, the first ones at once."""
    waiting: list[str] = []
    at_once = 20
    for line in lines:
        waiting.append(line)
        if len(waiting) >= at_once:
            print("\n".join(waiting), flush=True)
            waiting.clear()
            at_once = LINES_AT_ONCE
    if waiting:
        print("\n".join(waiting))


def has_colours(stream: IO[str]) -> bool:
    """True on a terminal that shows colours, unless NO_COLOR asks for none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return stream.isatty() and not plain


def can_ask() -> bool:
    """True if there is somebody who can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, yes: bool) -> None:
    """Ask on a terminal; any answer but yes ends the command with exit code 1. Elsewhere nobody is asked."""
    if yes or not can_ask():
        return
    # In a running loop, the first Ctrl-C is a word to the loop, which waits for the answer.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        agreed = click.confirm(escaped(question), err=True)
    finally:
        signal.signal(signal.SIGINT, before)
    if not agreed:
        raise click.exceptions.Exit(1)


def must_mean_it(question: str, *, yes: bool) -> None:
    """As ``ask`` for what cannot be undone: where nobody can be asked, ``--yes`` is needed."""
    if not yes and not can_ask():
        raise InvalidRequest("This cannot be undone, and there is nobody to ask: add --yes.")
    ask(question, yes=yes)


def size_text(size: int) -> str:
    """A size for people: "8 B", "1.2 kB", "34 MB"."""
    if size < 1000:
        return f"{size} B"
    number = float(size)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        number /= 1000
        # 999.96 would be shown as 1000.0.
        if number < 999.5 or unit == "PB":
            break
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def time_text(time: datetime) -> str:
    """A time for people, where they are."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
