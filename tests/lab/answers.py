"""Answers about sharing as our server gives them, for states that real sites take long to come to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

COAST = {"domain": "coast.example", "title": "Coast Institute"}

ABILITIES = [
    "userShares",
    "groupShares",
    "uploader",
    "shareExpiry",
    "shareNotes",
    "links",
    "linkPasswords",
    "linkUploads",
    "federated",
    "invitations",
    "withdrawInvitations",
    "contacts",
    "sites",
    "projects",
]


def person(name: str, *, site: dict | None = None, kind: str = "") -> dict[str, Any]:
    """Somebody of the own site, or of ``site``."""
    return {
        "key": f"key-{name}",
        "kind": kind or ("contact" if site else "user"),
        "name": name,
        "username": "",
        "members": None,
        "site": site,
    }


JAN = person("Jan Novak", site=COAST)


def received(name: str, **changes: object) -> dict[str, Any]:
    """Something that Jan shares."""
    share = {
        "id": f"federated-{name}",
        "name": name,
        "kind": "directory",
        "owner": JAN,
        "sender": JAN,
        "site": COAST,
        "role": "editor",
        "state": "pending",
        "hidden": False,
        "expires": None,
        "created": "2026-11-20T10:00:00+00:00",
        "path": "",
    }
    return share | changes


def shared(path: str, who: dict[str, Any]) -> dict[str, Any]:
    """Something that the user shares."""
    return {
        "id": f"local-{path}-{who['key']}",
        "path": path,
        "name": path.rpartition("/")[2],
        "kind": "directory",
        "with": who,
        "role": "viewer",
        "expires": None,
        "note": "",
        "created": None,
        "federated": who["kind"] == "contact",
    }


def abilities(**lacks: str) -> dict[str, Any]:
    """A site that can do everything, except what is named with its reason."""
    return {name: {"can": name not in lacks, "why": lacks.get(name, "")} for name in ABILITIES}


class Answers:
    """Answers requests of one page; what it does not know goes to the server."""

    def __init__(self, page: Page) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        """Method, address below ``api/mesh`` with its query, and what was sent."""
        self._answers: dict[tuple[str, str], Callable[[Any], Any]] = {}
        page.route(re.compile(r"/api/mesh/"), self._answer)

    def give(self, verb: str, address: str, answer: object, *, status: int = 200) -> None:
        """Answer ``verb address`` from now on; a function gets what was sent, or the query."""
        act = answer if callable(answer) else lambda _: answer
        self._answers[verb, address] = lambda sent: (status, act(sent))

    def give_list(self, address: str, items: list[Any]) -> None:
        """Answer with pages of a list, which may change."""

        def page_of(query: dict[str, str]) -> dict[str, Any]:
            start, limit = int(query.get("cursor", "0")), int(query.get("limit", "500"))
            wanted = query.get("q", "").lower()
            found = [item for item in items if wanted in json.dumps(item).lower()]
            stop = start + limit
            following = str(stop) if stop < len(found) else None
            return {"items": found[start:stop], "next": following, "total": len(found)}

        self.give("GET", address, page_of)

    def fail(self, verb: str, address: str, status: int, message: str) -> None:
        """Answer with a failure, as the server tells it."""
        body = {"message": message, "reason": None, "trace": "ref-4711"}
        self.give(verb, address, body, status=status)

    def of(self, verb: str, address: str) -> list[Any]:
        """What was sent to an address so far."""
        return [sent for method, where, sent in self.asked if (method, where) == (verb, address)]

    def _answer(self, route: Route) -> None:
        request = route.request
        url = urlsplit(request.url)
        address = url.path.partition("/api/mesh/")[2]
        sent: Any = {name: values[0] for name, values in parse_qs(url.query).items()}
        if request.method != "GET" and request.post_data:
            sent = json.loads(request.post_data)
        self.asked.append((request.method, address, sent))
        answer = self._answers.get((request.method, address))
        if answer is None:
            route.continue_()
            return
        status, body = answer(sent)
        if body is None:
            route.fulfill(status=204)
        else:
            route.fulfill(status=status, json=body)
