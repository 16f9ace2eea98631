"""The page "where are you from": an invitation leads here, and from here to the own site of whoever got it.

Nothing is changed by looking at it. It has no script, loads nothing, and says nothing about what its site can
or cannot reach. The invitation stands in its address, as OCM wants it: no page after it learns that address.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web
from yarl import URL

from jupyter_mesh.errors import MeshError, NotFound
from jupyter_mesh.node.ocm.addresses import canonical_domain, domain_of
from jupyter_mesh.node.ocm.reading import NotTaken

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.federation import Federation

__all__ = ["WhereFrom"]

_MOST_SHOWN = 50
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1f;--paper:#fff;--faint:#5b5b66;--line:#8a8a96;--act:#0b57a4;--on:#fff;--bad:#a3180e}
@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--paper:#17171b;--faint:#b4b4c0;--line:#77778a;--act:#8ec3ff;--on:#10131a;--bad:#ff9d92}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:30rem;margin:0 auto;padding:1.5rem 1rem 3rem;overflow-wrap:anywhere}
h1{font-size:1.375rem;line-height:1.25;margin:0 0 .75rem}
h2{font-size:1rem;margin:1.75rem 0 .5rem}
p{margin:0 0 1rem}
.faint{color:var(--faint)}
.bad{color:var(--bad);border-left:.25rem solid;padding-left:.75rem}
label{display:block;font-weight:600;margin-bottom:.25rem}
input,button,li a{font:inherit;min-height:2.75rem;border-radius:.375rem;width:100%}
input{padding:.5rem .75rem;border:1px solid var(--line);background:var(--paper);color:var(--ink)}
button{margin-top:.75rem;border:0;background:var(--act);color:var(--on);font-weight:600;cursor:pointer}
ul{list-style:none;margin:0;padding:0}
li{margin-bottom:.5rem}
li a{display:block;padding:.5rem .75rem;border:1px solid var(--line);color:var(--act);text-decoration:none;font-weight:600}
li a:hover,li a:focus{text-decoration:underline}
li span{display:block;color:var(--faint);font-weight:400}
:focus-visible{outline:.1875rem solid var(--act);outline-offset:.125rem}
code{font-size:.95em}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_NEUTRAL = "This cannot be used as your institution: check its name, or ask whoever invited you."


class WhereFrom:
    """Serves the page, leads on from it, and takes those of our own people who come from another one."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        form = "'self' https: http:" if federation.settings.allow_loopback else "'self' https:"
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form}; "
                "base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }

    async def page(self, request: web.Request) -> web.StreamResponse:
        """``GET /ocm/wayf?token=[&site=]``: the page, or the way to the site that was chosen."""
        federation = self._federation
        token = request.query.get("token", "")[:1024]
        asked = " ".join(request.query.get("site", "")[:500].split())
        try:
            # Behind one proxy, visitors of this page do not use up what other sites may ask.
            federation.limits.admit(f"page {request.remote}")
        except NotTaken as error:
            return self._answer(
                429, "Too many requests", f'<p class="bad">{escape(str(error))}</p>'
            )
        inviter = await federation.site.run(lambda: self._inviter(token))
        if not inviter:
            return self._answer(
                404,
                "This invitation cannot be used",
                "<p>It has ended, or its address is not complete. Ask for a new one.</p>",
            )
        sites = await federation.site.run(federation.trust.sites)
        sites.pop(federation.domain, None)
        found, problem = self._chosen(asked, sites)
        if found and not problem and len(found) == 1:
            (domain,) = found
            page = await self._dialog(domain, token)
            if page:
                raise web.HTTPSeeOther(page, headers=self._headers)
            problem = (
                f"{sites[domain]} does not answer now, or has no page for invitations. Try again later, or copy "
                "this into your own program there:"
            )
            return self._form(
                inviter, token, asked, sites, problem, code=f"{token}@{federation.domain}"
            )
        shown = {domain: sites[domain] for domain in found} if found else sites
        return self._form(inviter, token, asked, shown, problem)

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """``GET /ocm/accept?token=&providerDomain=``: where people of this site accept an invitation."""
        target = self._federation.settings.accept_url
        if not target:
            return self._answer(
                404, "No such page", "<p>This site takes invitations elsewhere.</p>"
            )
        passed = {
            name: value[:1024]
            for name in ("token", "providerDomain")
            if (value := request.query.get(name))
        }
        raise web.HTTPSeeOther(str(URL(target).update_query(passed)), headers=self._headers)

    def _inviter(self, token: str) -> str:
        """Who made an invitation that can still be accepted, or ""."""
        invite = self._federation.store.invite(token) if token else None
        if invite is None:
            return ""
        try:
            return self._federation.site.people.by_id(invite.user).display
        except NotFound:
            return ""

    def _chosen(self, asked: str, sites: dict[str, str]) -> tuple[list[str], str]:
        """The sites that a text means, and what to say about it."""
        if not asked:
            return [], ""
        try:
            domain = (
                domain_of(URL(asked)) if "://" in asked else canonical_domain(asked.split("/")[0])
            )
        except ValueError:
            domain = ""
        wanted = asked.casefold()
        own = self._federation
        if domain == own.domain or wanted == own.title.casefold():
            return [], (
                f"This invitation comes from {own.title} itself: it is for people of other institutions. Share with "
                "people of your own one directly."
            )
        if domain in sites:
            return [domain], ""
        same = [one for one, title in sites.items() if title.casefold() == wanted]
        found = same or [
            one for one, title in sites.items() if wanted in title.casefold() or wanted in one
        ]
        return found, "" if found else _NEUTRAL

    async def _dialog(self, domain: str, token: str) -> str:
        """The page of a site that accepts an invitation of ours, with it; "" when it cannot be told."""
        try:
            peer = await self._federation.discovery.of(domain)
        except MeshError:
            return ""
        if not peer.invite_dialog:
            return ""
        given = {"token": token, "providerDomain": self._federation.domain}
        return str(URL(peer.invite_dialog).update_query(given))

    def _form(
        self,
        inviter: str,
        token: str,
        asked: str,
        sites: dict[str, str],
        problem: str,
        *,
        code: str = "",
    ) -> web.Response:
        shown = sorted(sites.items(), key=lambda site: site[1].casefold())
        rows = "".join(
            f'<li><a href="?{escape(urlencode({"token": token, "site": domain}))}">{escape(title)}'
            f"<span>{escape(domain)}</span></a></li>"
            for domain, title in shown[:_MOST_SHOWN]
        )
        more = len(shown) - _MOST_SHOWN
        if more > 0:
            rows += f'<li class="faint">and {more} more: type a part of the name</li>'
        trouble = (
            f'<p class="bad" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
        )
        if code:
            trouble += f"<p><code>{escape(code)}</code></p>"
        described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
        body = (
            f"<p>Choose where you have your account. You log in there, see who invites you once more, and only "
            f"then anything is accepted.</p>{trouble}"
            '<form method="get" role="search">'
            f'<input type="hidden" name="token" value="{escape(token)}">'
            '<label for="site">Your institution: name or address</label>'
            f'<input id="site" name="site" type="search" value="{escape(asked)}" required autocomplete="organization" '
            f'autocapitalize="none" spellcheck="false"{described}>'
            '<button type="submit">Continue</button></form>'
            + (f"<h2>Institutions</h2><ul>{rows}</ul>" if rows else "")
        )
        title = f"{inviter} ({self._federation.title}) invites you to share files"
        return self._answer(400 if problem else 200, title, body)

    def _answer(self, status: int, title: str, body: str) -> web.Response:
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
            f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
        )
        return web.Response(
            status=status, text=page, content_type="text/html", headers=self._headers
        )
