"""What people paste: every way in which an invitation travels, and what is none."""

import pytest

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.models import Invitation, Site
from jupyter_mesh.sharing.invitations import code_of, id_of, link_of, parse_invite

TOKEN = "a55a966e-15c1-4cb9-a39d-4e4c54399baf"
CODE = "YTU1YTk2NmUtMTVjMS00Y2I5LWEzOWQtNGU0YzU0Mzk5YmFmQGNsb3VkLmV4YW1wbGUub3Jn"
HERE = (TOKEN, "cloud.example.org")
LINK = f"https://cloud.example.org/open-cloud-mesh/wayf?token={TOKEN}"
ODD = ("x@y~~~???>>>", "cloud.example.org:8443")

FOUND = {
    "plain": (f"{TOKEN}@cloud.example.org", HERE),
    "base64 without padding": (CODE, HERE),
    "short": ("dG9rQGIuZXhhbXBsZQ", ("tok", "b.example")),
    "short with padding": ("dG9rQGIuZXhhbXBsZQ==", ("tok", "b.example")),
    "short and plain": ("tok@b.example", ("tok", "b.example")),
    "base64url": ("eEB5fn5-Pz8_Pj4-QGNsb3VkLmV4YW1wbGUub3JnOjg0NDM", ODD),
    "base64 with its own alphabet": ("eEB5fn5+Pz8/Pj4+QGNsb3VkLmV4YW1wbGUub3JnOjg0NDM=", ODD),
    "blanks around": (f"  {CODE}\n", HERE),
    "broken line": (f"{CODE[:60]}\n{CODE[60:]}", HERE),
    "upper case host": (f"{TOKEN}@Cloud.Example.ORG", HERE),
    "host with scheme": (f"{TOKEN}@https://cloud.example.org/", HERE),
    "https port": (f"{TOKEN}@cloud.example.org:443", HERE),
    "port": (f"{TOKEN}@localhost:8443", (TOKEN, "localhost:8443")),
    "link": (LINK, HERE),
    "link of Nextcloud": (f"https://cloud.example.org/apps/contacts/wayf?token={TOKEN}", HERE),
    "link of a directory": (
        f"https://mesh.example/page?token={TOKEN}&providerDomain=cloud.example.org",
        HERE,
    ),
    "link with a fragment": (f"https://cloud.example.org/#/wayf?token={TOKEN}", HERE),
    "link in angle brackets": (f"Please open <{LINK}>.", HERE),
    "link in a page": (
        f'<a href="https://m.example/?token={TOKEN}&amp;providerDomain=cloud.example.org">here</a>',
        HERE,
    ),
    "link behind a filter": (
        (
            "See https://eu.filter.example/?url=https%3A%2F%2Fcloud.example.org%2Fwayf%3Ftoken%3D"
            f"{TOKEN}&data=1"
        ),
        HERE,
    ),
    "broken link, quoted-printable": (f"Open\n{LINK[:40]}=\n{LINK[40:]}\nbye", HERE),
    "mail with a code": (
        f"Dear Jan,\n\nthe code is {CODE}.\n\nMaya <maya@cloud.example.org>",
        HERE,
    ),
    "mail with a broken code": (f"Hi,\n{CODE[:50]}\n{CODE[50:]}\nmaya@cloud.example.org", HERE),
    "mail with link and code": (f"Hello\n{LINK}\nor\n{CODE}\nbye", HERE),
    "mail of Reva": (
        f"Hi,\nTo accept use these details:\nToken: {TOKEN}\nProviderDomain: cloud.example.org\n",
        HERE,
    ),
    "bare token": (TOKEN, (TOKEN, "")),
    "no host": (f"{TOKEN}@", (TOKEN, "")),
    "mail with a bare token": (f"Hi jan@b.example, the token is {TOKEN}. Yours, Maya", (TOKEN, "")),
}

NOT_FOUND = {
    "empty": "",
    "blank": " \n",
    "words": "Shall we meet on Monday?",
    "address in a mail": "Write to maya@cloud.example.org about it",
    "link without a token": "https://cloud.example.org/wayf?x=1",
    "truncated code": CODE[:14],
    "no token": "@cloud.example.org",
    "two invitations": f"{LINK} and {LINK.replace('a55a', 'b66b')}",
    "two tokens": f"{TOKEN} or {TOKEN.replace('a55a', 'b66b')}",
    "binary": "\x00\x01\x02" * 10,
    "very long": "a " * 100_000,
}


@pytest.mark.parametrize(("text", "found"), FOUND.values(), ids=FOUND.keys())
def test_an_invitation_is_found(text: str, found: tuple[str, str]) -> None:
    assert parse_invite(text) == found


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_what_is_no_invitation_is_none(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_invite(text)


@pytest.mark.parametrize(
    ("page", "homepage", "begins"),
    [
        ("", "", "https://cloud.example.org/open-cloud-mesh/wayf?token="),
        ("", "http://cloud.example.org", "http://cloud.example.org/open-cloud-mesh/wayf?token="),
        ("", "http://elsewhere.example", "https://cloud.example.org/"),
        ("https://cloud.example.org/ocm/wayf", "", "https://cloud.example.org/ocm/wayf?token="),
    ],
    ids=["default", "same host", "other host", "own page"],
)
def test_what_is_sent_is_understood(page: str, homepage: str, begins: str) -> None:
    own = Site(domain="cloud.example.org", name="Cloud", homepage=homepage, invite_page=page)
    invitation = Invitation(token=TOKEN)
    assert link_of(invitation, own).startswith(begins)
    assert parse_invite(link_of(invitation, own)) == HERE
    assert parse_invite(code_of(invitation, own)) == HERE
    assert TOKEN not in id_of(invitation) + repr(invitation)
