"""Shares with users and groups of a site: who may give them, how they are told, how they end."""

import grpc
import pytest
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages

from .conftest import code
from .sharing import (
    accept,
    given,
    received,
    remove,
    share,
    stat,
    with_user,
)


@pytest.fixture
async def marie(site):
    return await site.client("marie")


async def outcome(call):
    """The CS3 code of an answer, or the name of the gRPC error."""
    try:
        return code(await call)
    except grpc.aio.AioRpcError as error:
        return f"gRPC {error.code().name}"


async def test_a_share_is_told_to_both_sides(einstein, marie, flavour):
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"content")
    made = await share(einstein, "docs", with_user(marie), "viewer")
    info = await einstein.info("docs")
    assert made.resource_id == info.id
    assert (made.owner.opaque_id, made.creator.opaque_id) == (einstein.user, einstein.user)
    assert made.grantee.user_id.opaque_id == marie.user
    assert made.ctime.seconds
    assert not made.permissions.permissions.initiate_file_upload
    assert await given(einstein) == [made]
    (mine,) = await received(marie)
    assert mine.share == made
    assert mine.state == (
        messages.SHARE_STATE_PENDING if flavour == "spaces" else messages.SHARE_STATE_ACCEPTED
    )
    assert not mine.mount_point.path
    assert not await received(einstein)
    assert not await given(marie)
    await accept(marie, made)
    reply = await stat(marie, made.resource_id, "f")
    assert code(reply) == "OK"
    assert code(await remove(einstein, made)) == "OK"
    assert code(await stat(marie, made.resource_id, "f")) == "NOT_FOUND"
    assert not await received(marie)
