"""Shares between two nodes: given, received, answered, changed and ended, as clients see it."""

import time

import pytest
from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm
from cs3.sharing.ocm.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from google.protobuf.field_mask_pb2 import FieldMask

from tests.node.ocm.conftest import code, until

VIEWER = resources.ResourcePermissions(stat=True, list_container=True, initiate_file_download=True)
EDITOR = resources.ResourcePermissions(
    stat=True, list_container=True, initiate_file_download=True, initiate_file_upload=True
)


def ref(share) -> shares.ShareReference:
    return shares.ShareReference(id=shares.ShareId(opaque_id=share.id.opaque_id))


def webdav(permissions=VIEWER, *requirements) -> shares.AccessMethod:
    return shares.AccessMethod(
        webdav_options=shares.WebDAVAccessMethod(permissions=permissions, requirements=requirements)
    )


@pytest.fixture(scope="module")
async def friends(pair, people):
    """einstein at alpine and noether at coast, who know each other."""
    einstein, _, noether, _ = people
    await noether.accept(await einstein.invite(), pair[0].domain)
    (einstein.friend,) = await einstein.contacts()
    (noether.friend,) = await noether.contacts()
    return einstein, noether


async def give(person, folder, *, methods=None, to=None, expires=0, domain=""):
    """CreateOCMShare of a new folder at home."""
    asked = await person.folder(folder)
    request = ocm.CreateOCMShareRequest(
        resource_id=asked,
        grantee=resources.Grantee(type=resources.GRANTEE_TYPE_USER, user_id=to or person.friend.id),
        access_methods=[webdav()] if methods is None else methods,
    )
    request.recipient_mesh_provider.domain = domain or person.friend.id.idp
    if expires:
        request.expiration.seconds = expires
    return await person.call("CreateOCMShare", request)


async def received(person) -> dict:
    reply = await person.call("ListReceivedOCMShares", ocm.ListReceivedOCMSharesRequest())
    assert code(reply) == "OK"
    return {share.name: share for share in reply.shares}


async def given(person) -> dict:
    reply = await person.call("ListOCMShares", ocm.ListOCMSharesRequest())
    assert code(reply) == "OK"
    return {share.name: share for share in reply.shares}


async def test_a_share_arrives_pending_and_names_both_sides(friends, pair):
    einstein, noether = friends
    end = int(time.time()) + 3600
    reply = await give(einstein, "wells", methods=[webdav(EDITOR)], expires=end)
    assert code(reply) == "OK", reply.status.message
    assert reply.recipient_display_name == "noether"
    assert reply.share.access_methods[0].webdav_options.permissions.initiate_file_upload
    there = (await received(noether))["wells"]
    assert there.state == shares.SHARE_STATE_PENDING
    assert there.creator == noether.friend.id
    assert there.expiration.seconds == end
    assert there.shared_resource_type == shares.SHARE_RESOURCE_TYPE_CONTAINER
    options = there.protocols[0].webdav_options
    assert options.permissions.permissions.initiate_file_upload
    assert options.uri.startswith(f"http://{pair[0].domain}/")
    # The secret is for the two nodes alone.
    secrets = (options.shared_secret, there.code, reply.share.token, reply.share.code)
    assert secrets == ("", "", "", "")


async def test_a_removed_share_disappears_at_the_other_side(friends):
    einstein, noether = friends
    share = (await give(einstein, "gone")).share
    assert "gone" in await received(noether)
    assert (
        code(await einstein.call("RemoveOCMShare", ocm.RemoveOCMShareRequest(ref=ref(share))))
        == "OK"
    )
    assert "gone" not in await given(einstein)
    await until(lambda: lacks(noether, "gone"))
    again = await give(einstein, "gone")
    assert code(again) == "OK", again.status.message
    assert (await received(noether))["gone"].state == shares.SHARE_STATE_PENDING


async def lacks(person, name) -> bool:
    return name not in await received(person)


async def test_the_answer_of_the_receiver_is_kept(friends):
    _, noether = friends
    await give(friends[0], "answered")
    share = (await received(noether))["answered"]
    for state in (shares.SHARE_STATE_ACCEPTED, shares.SHARE_STATE_REJECTED):
        request = ocm.UpdateReceivedOCMShareRequest(
            share=shares.ReceivedShare(id=share.id, state=state),
            update_mask=FieldMask(paths=["state"]),
        )
        assert code(await noether.call("UpdateReceivedOCMShare", request)) == "OK"
        assert (await received(noether))["answered"].state == state
    request = ocm.UpdateReceivedOCMShareRequest(
        share=shares.ReceivedShare(id=share.id, hidden=True),
        update_mask=FieldMask(paths=["hidden"]),
    )
    assert code(await noether.call("UpdateReceivedOCMShare", request)) == "OK"
    found = (await received(noether))["answered"]
    assert (found.hidden, found.state) == (True, shares.SHARE_STATE_REJECTED)


async def test_a_changed_share_is_known_to_the_receiver(friends):
    einstein, noether = friends
    share = (await give(einstein, "changed")).share
    request = ocm.UpdateOCMShareRequest(ref=ref(share))
    request.field.add(access_methods=webdav(EDITOR))
    assert code(await einstein.call("UpdateOCMShare", request)) == "OK"
    own = (await given(einstein))["changed"]
    assert own.access_methods[0].webdav_options.permissions.initiate_file_upload

    async def known():
        options = (await received(noether))["changed"].protocols[0].webdav_options
        return options.permissions.permissions.initiate_file_upload

    await until(known)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"methods": []}, "INTERNAL", id="no access method"),
        pytest.param({"methods": [webdav(VIEWER, "must-fly")]}, "INTERNAL", id="requirement"),
        pytest.param({"domain": "evil.example"}, "INVALID_ARGUMENT", id="other site"),
        pytest.param({"to": "somebody"}, "INVALID_ARGUMENT", id="no contact"),
        pytest.param({"expires": 1000}, "INVALID_ARGUMENT", id="in the past"),
    ],
)
async def test_what_cannot_be_shared(friends, options, expected):
    einstein, noether = friends
    if options.get("to"):
        stranger = type(einstein.friend.id)()
        stranger.CopyFrom(einstein.friend.id)
        stranger.opaque_id = "nobody"
        options = {"to": stranger}
    assert code(await give(einstein, "refused", **options)) == expected
    assert "refused" not in await received(noether)
    assert "refused" not in await given(einstein)


async def test_shared_twice_is_one_share(friends):
    einstein, _ = friends
    assert code(await give(einstein, "twice")) == "OK"
    assert code(await give(einstein, "twice")) == "ALREADY_EXISTS"


async def test_shares_of_others_are_not_there(friends, people):
    einstein, noether = friends
    _, marie, _, hopper = people
    share = (await give(einstein, "mine")).share
    there = (await received(noether))["mine"]
    for name in ("GetOCMShare", "RemoveOCMShare"):
        request = getattr(ocm, f"{name}Request")(ref=ref(share))
        assert code(await marie.call(name, request)) == "NOT_FOUND"
    request = ocm.GetReceivedOCMShareRequest(ref=ref(there))
    assert code(await hopper.call("GetReceivedOCMShare", request)) == "NOT_FOUND"
    assert code(await noether.call("GetReceivedOCMShare", request)) == "OK"
    assert not await received(hopper)
