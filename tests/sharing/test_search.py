"""Whom a search finds, in which order, in which form it is asked, and what one source that fails leaves."""

import pytest

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import LoginEnded, NotSupported, SiteError
from jupyter_mesh.models import Grantee, GranteeKind
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import RunningSite


def _person(id: str, name: str, kind: GranteeKind = GranteeKind.USER) -> Grantee:
    return Grantee(kind=kind, id=id, idp="alpine.example", name=name, username=id)


async def test_the_form_that_the_site_reads_is_found_out_once(
    node_site: RunningSite, sharing: Sharing
) -> None:
    """Sites of spaces take filters for a name, as OpenCloud does, and find nobody."""
    assert [one.name for one in (await sharing.search("marie")).people] == ["marie"]
    flavour = await sharing.client.flavour()
    assert flavour.can(Feature.FILTERED_SEARCH) is not flavour.has_spaces


async def test_names_of_any_length_and_script_can_be_looked_for(sharing: Sharing) -> None:
    for text in ("Ł" * 200, "名前 名前", "a\x00b c", "100% \\ ' \" %_"):
        assert (await sharing.search(text)).people == ()


async def test_people_groups_and_contacts_are_told_together_by_beginning(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    jana, ajana = _person("1", "Jana Berg"), _person("2", "Ajana")
    group = _person("3", "jana-club", GranteeKind.GROUP)
    novak = _person("4", "Novak Janak", GranteeKind.CONTACT)

    async def people(_: str) -> list[Grantee]:
        return [ajana, jana]

    async def groups(_: str) -> list[Grantee]:
        return [group]

    async def contacts(_: str) -> list[Grantee]:
        return [novak, novak]

    monkeypatch.setattr(sharing.client, "find_users", people)
    monkeypatch.setattr(sharing.client, "find_groups", groups)
    monkeypatch.setattr(sharing.client, "contacts", contacts)
    assert (await sharing.search(" jana ")).people == (jana, group, novak, ajana)


async def test_a_source_that_fails_is_told_and_one_that_is_not_there_is_not(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: str) -> list[Grantee]:
        raise SiteError("Inner words of the site.")

    async def cannot(_: str) -> list[Grantee]:
        raise NotSupported("No groups here.")

    monkeypatch.setattr(sharing.client, "contacts", fails)
    monkeypatch.setattr(sharing.client, "find_groups", cannot)
    found = await sharing.search("marie")
    assert [one.name for one in found.people] == ["marie"]
    assert [problem.partition(" ")[0] for problem in found.problems] == ["Contacts"]
    assert "Inner words" not in found.problems[0]


async def test_a_login_that_has_ended_is_no_part_of_an_answer(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(_: str) -> list[Grantee]:
        raise LoginEnded("Log in again.")

    monkeypatch.setattr(sharing.client, "find_users", ended)
    with pytest.raises(LoginEnded):
        await sharing.search("marie")


async def test_mails_are_never_told(sharing: Sharing) -> None:
    for one in (await sharing.search("physics")).people:
        assert "@" not in f"{one.name}{one.username}"
