"""Shares and links over the raw stubs."""

import time

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as api
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages
from cs3.sharing.link.v1beta1 import link_api_pb2 as link_api
from cs3.sharing.link.v1beta1 import resources_pb2 as links
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from google.protobuf.field_mask_pb2 import FieldMask

from .conftest import code

VIEWER = (
    "stat",
    "get_path",
    "get_quota",
    "list_container",
    "initiate_file_download",
    "list_file_versions",
    "list_grants",
    "list_recycle",
)
EDITOR = (
    *VIEWER,
    "create_container",
    "initiate_file_upload",
    "delete",
    "move",
    "restore_file_version",
    "restore_recycle_item",
    "purge_recycle",
)
UPLOADER = ("stat", "create_container", "initiate_file_upload")
ROLES = {"viewer": VIEWER, "editor": EDITOR, "uploader": UPLOADER, "none": ()}


def booleans(role):
    return resources.ResourcePermissions(**dict.fromkeys(ROLES[role], True))


def with_user(client):
    return resources.Grantee(
        type=resources.GRANTEE_TYPE_USER,
        user_id={"idp": "alpine", "opaque_id": getattr(client, "user", client), "type": 1},
    )


def with_group(name):
    return resources.Grantee(
        type=resources.GRANTEE_TYPE_GROUP, group_id={"idp": "alpine", "opaque_id": name}
    )


def request(info, grantee, role="editor", life=None, **more):
    grant = messages.ShareGrant(
        grantee=grantee, permissions=messages.SharePermissions(permissions=booleans(role))
    )
    if life is not None:
        grant.expiration.seconds = int(time.time() + life)
    return api.CreateShareRequest(resource_info=info, grant=grant, **more)


async def share(client, path, grantee, role="editor", space="home", life=None):
    """Share something; returns the share."""
    info = await client.info(path, space)
    reply = await client.call("CreateShare", request(info, grantee, role, life))
    assert code(reply) == "OK", reply.status.message
    return reply.share


async def remove(client, given):
    ref = messages.ShareReference(id=given.id)
    return await client.call("RemoveShare", api.RemoveShareRequest(ref=ref))


async def received(client, **values):
    reply = await client.call("ListReceivedShares", api.ListReceivedSharesRequest(**values))
    assert code(reply) == "OK", reply.status.message
    return reply.shares


async def given(client, *filters):
    reply = await client.call("ListShares", api.ListSharesRequest(filters=filters))
    assert code(reply) == "OK", reply.status.message
    return reply.shares


async def answer(client, given, *paths, **values):
    wish = messages.ReceivedShare(share=messages.Share(id=given.id), **values)
    mask = FieldMask(paths=paths or list(values))
    return await client.call(
        "UpdateReceivedShare", api.UpdateReceivedShareRequest(share=wish, update_mask=mask)
    )


async def accept(client, given, name="shared"):
    """Accept a share, so that ``client.ref(path, name)`` leads below it."""
    reply = await answer(client, given, state=messages.SHARE_STATE_ACCEPTED)
    assert code(reply) == "OK", reply.status.message
    enter(client, given, name)
    return reply.share


def enter(client, given, name="shared"):
    client.roots[name] = given.resource_id


def below(root, path=""):
    """A reference relative to a resource id, as clients of both flavours use for shares."""
    return resources.Reference(resource_id=root, path=f"./{path}" if path else ".")


async def stat(client, root, path=""):
    return await client.call("Stat", provider.StatRequest(ref=below(root, path)))


async def link(client, path, role="viewer", password="", life=None, space="home", name=""):
    """Make a public link; returns it."""
    info = await client.info(path, space)
    if name:
        info.arbitrary_metadata.metadata["name"] = name
    grant = links.Grant(
        permissions=links.PublicSharePermissions(permissions=booleans(role)), password=password
    )
    if life is not None:
        grant.expiration.seconds = int(time.time() + life)
    reply = await client.call(
        "CreatePublicShare", link_api.CreatePublicShareRequest(resource_info=info, grant=grant)
    )
    assert code(reply) == "OK", reply.status.message
    return reply.share
