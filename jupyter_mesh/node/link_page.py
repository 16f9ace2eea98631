"""The pages of a public link, as text. Everything that people have named is escaped where it is put in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_mesh.node.entries import Entry

__all__ = ["HEADERS", "Page", "address", "ended_page", "password_page", "refused_page"]

_STYLE = """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
html { background: light-dark(#fff, #1c1c1e); color: light-dark(#1c1c1e, #eee); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
ul { list-style: none; margin: 1rem 0; padding: 0; }
li { border-bottom: 1px solid #8886; display: flex; gap: 1rem; align-items: baseline; }
li a { flex: 1; padding: .6rem 0; }
small, .quiet { color: light-dark(#555, #bbb); }
form { margin: 1rem 0; display: grid; grid-template-columns: minmax(0, 1fr); gap: .6rem; }
input, button { font: inherit; padding: .6rem; }
input { width: 100%; }
button { cursor: pointer; justify-self: start; }
a { color: light-dark(#0b57d0, #a8c7fa); }
:focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: 2px; }
.problem { border-left: .3rem solid light-dark(#b3261e, #f2b8b5); padding-left: .6rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
"""What every answer below the address of a link says: nothing is run, embedded, passed on or kept."""


def address(token: str, what: str, names: Iterable[str] = ()) -> str:
    """Where something of a link is: ``what`` is "" for the start, "in" a folder, or "get" a file."""
    return "/".join(("/s", *(quote(part, safe="") for part in (token, what, *names) if part)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One view of a link that may be entered."""

    site: str
    token: str
    title: str
    """Name of what the link leads to."""
    names: tuple[str, ...]
    """The way from there to what is shown."""
    expires: int
    """Nanoseconds since 1970, 0 for never."""
    owner: str
    can_upload: bool = False
    notice: str = ""
    problem: str = ""

    def folder(self, entries: Sequence[Entry] | None) -> str:
        """A folder; None for one whose content may not be seen."""
        parts = []
        if entries is None:
            parts.append(
                '<p class="quiet">You can add files here. What is here already is not shown.</p>'
            )
        elif entries:
            parts.append(f"<ul>{''.join(map(self._row, entries))}</ul>")
        else:
            parts.append("<p>This folder is empty.</p>")
        if self.can_upload:
            where = address(self.token, "add", self.names)
            parts.append(
                f'<form method="post" enctype="multipart/form-data" action="{escape(where)}">'
                '<label for="files">Add files</label>'
                '<input id="files" type="file" name="files" multiple required>'
                "<button>Upload</button></form>"
            )
        return self._whole("".join(parts))

    def file(self, entry: Entry) -> str:
        """A file."""
        where = address(self.token, "get", self.names)
        name = escape(entry.name)
        return self._whole(
            f'<p><a href="{escape(where)}" download>Download {name}</a> <small>{_size(entry.size)}</small></p>'
        )

    def _row(self, entry: Entry) -> str:
        names = (*self.names, entry.name)
        if entry.folder:
            where, text, size = address(self.token, "in", names), f"{entry.name}/", "folder"
        else:
            where, text, size = address(self.token, "get", names), entry.name, _size(entry.size)
        download = "" if entry.folder else " download"
        return (
            f'<li><a href="{escape(where)}"{download}>{escape(text)}</a><small>{size}</small></li>'
        )

    def _whole(self, body: str) -> str:
        until = f" · until {_day(self.expires)}" if self.expires else ""
        way = ""
        if self.names:
            steps = [(self.title, address(self.token, ""))]
            steps += [
                (name, address(self.token, "in", self.names[: at + 1]))
                for at, name in enumerate(self.names[:-1])
            ]
            links = " / ".join(
                f'<a href="{escape(where)}">{escape(name)}</a>' for name, where in steps
            )
            way = f'<nav aria-label="Folders above">{links} /</nav>'
        notes = f'<p role="status">{escape(self.notice)}</p>' if self.notice else ""
        if self.problem:
            notes += f'<p role="alert" class="problem">{escape(self.problem)}</p>'
        here = self.names[-1] if self.names else self.title
        return _document(
            here,
            f"{way}<h1>{escape(here)}</h1>"
            f'<p class="quiet">Shared by {escape(self.owner)} at {escape(self.site)}{until}</p>{notes}{body}',
        )


def password_page(token: str, *, wrong: bool) -> str:
    """What asks for the password of a link; it tells nothing of what the link leads to."""
    alert = (
        '<p role="alert" class="problem" id="wrong">This is not the password of this link. '
        "After ten wrong ones it takes a minute until the next.</p>"
        if wrong
        else ""
    )
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    where = escape(address(token, "password"))
    return _document(
        "Password",
        f"<h1>This link has a password</h1>{alert}"
        f'<form method="post" action="{where}"><label for="password">Password</label>'
        f'<input id="password" name="password" type="password" required autofocus autocomplete="off"{described}>'
        "<button>Open</button></form>",
    )


def ended_page() -> str:
    """What is said of a link that is none, has ended, or leads to something that is gone."""
    return _document(
        "Nothing here",
        "<h1>This link leads nowhere</h1>"
        "<p>It may have ended, or is not complete. Ask whoever sent it to you for a new one.</p>",
    )


def refused_page(token: str) -> str:
    """What is said of something that a link does not allow, or that cannot be done."""
    where = escape(address(token, ""))
    return _document(
        "Not possible",
        "<h1>This link does not allow this</h1>"
        f'<p><a href="{where}">Go to what it leads to</a>, or ask whoever sent it to you.</p>',
    )


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _size(size: int) -> str:
    if size < 1000:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = size / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _day(nanoseconds: int) -> str:
    when = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
