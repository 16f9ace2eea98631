"""Invitations between two nodes: the RPCs at both, and what goes over HTTP in between."""

import pytest
from cs3.identity.user.v1beta1 import resources_pb2 as identities
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.ocm.provider.v1beta1 import provider_api_pb2 as providers

from tests.node.ocm.conftest import code


async def test_an_invitation_makes_two_contacts(pair, people):
    alpine, coast = pair
    einstein, _, noether, _ = people
    reply = await noether.accept(await einstein.invite(), alpine.domain)
    assert code(reply) == "OK", reply.status.message
    assert reply.display_name == "einstein"
    (there,) = await einstein.contacts()
    (here,) = await noether.contacts()
    assert (there.display_name, there.id.idp) == ("noether", coast.domain)
    assert (here.display_name, here.id.idp) == ("einstein", alpine.domain)
    assert {there.id.type, here.id.type} == {identities.USER_TYPE_FEDERATED}
    assert "@" not in here.id.opaque_id
    found = await noether.call(
        "GetAcceptedUser", invites.GetAcceptedUserRequest(remote_user_id=here.id)
    )
    assert found.remote_user == here


@pytest.mark.parametrize(
    ("token", "where", "spaces", "paths"),
    [
        pytest.param("nobody-knows-it", "alpine", "NOT_FOUND", "INVALID_ARGUMENT", id="unknown"),
        pytest.param("", "alpine", "NOT_FOUND", "INVALID_ARGUMENT", id="empty"),
        pytest.param("own", "coast", "INVALID_ARGUMENT", "INVALID_ARGUMENT", id="own site"),
        pytest.param("x", "evil.example", "PERMISSION_DENIED", "PERMISSION_DENIED", id="stranger"),
        pytest.param("x", "", "INVALID_ARGUMENT", "INVALID_ARGUMENT", id="no site"),
    ],
)
async def test_what_cannot_be_accepted(pair, people, flavour, token, where, spaces, paths):
    alpine, coast = pair
    *_, hopper = people
    if token == "own":
        token = await people[2].invite()
    domain = {"alpine": alpine.domain, "coast": coast.domain}.get(where, where)
    reply = await hopper.accept(token, domain)
    assert code(reply) == (spaces if flavour == "spaces" else paths)
    assert not await hopper.contacts()


async def test_sites_are_found_by_their_exact_domain(pair, people):
    alpine, coast = pair
    einstein = people[0]
    reply = await einstein.call("ListAllProviders", providers.ListAllProvidersRequest())
    assert {one.domain: one.full_name for one in reply.providers} == {
        alpine.domain: "Alpine University",
        coast.domain: "Coast Institute",
    }
    for domain, expected in [(coast.domain, "OK"), ("localhost", "INTERNAL"), ("", "INTERNAL")]:
        reply = await einstein.call(
            "GetInfoByDomain", providers.GetInfoByDomainRequest(domain=domain)
        )
        assert code(reply) == expected
