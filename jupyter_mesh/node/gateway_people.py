"""RPCs about people: search, users, groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from cs3.identity.group.v1beta1 import group_api_pb2 as group_api
from cs3.identity.group.v1beta1 import resources_pb2 as groups
from cs3.identity.user.v1beta1 import user_api_pb2 as user_api
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from jupyter_mesh.errors import NotFound
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.wire import user_id, user_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cs3.identity.user.v1beta1 import resources_pb2 as people

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.users import UserRow

__all__ = ["PeopleRpcs", "search_handlers"]

_GATEWAY = "cs3.gateway.v1beta1.GatewayAPI"


class PeopleRpcs(Rpcs):
    """FindUsers, FindGroups, GetUser, GetUserByClaim, GetUserGroups, GetGroup, GetGroupByClaim, GetMembers, HasMember.

    Mail addresses are found, and told to their owners only.
    """

    @answers(user_api.FindUsersResponse)
    def FindUsers(self, caller: Caller, request: Any) -> Any:
        """The users whose name, display name or mail address holds a text, sorted by display name."""
        text = self._searched(request, user_api.Filter.TYPE_QUERY)
        if text is None or not caller.scope:
            return user_api.FindUsersResponse()
        found = self.site.people.find_users(text)
        return user_api.FindUsersResponse(users=[self._told(caller, user) for user in found])

    @answers(group_api.FindGroupsResponse)
    def FindGroups(self, caller: Caller, request: Any) -> Any:
        """The groups whose name holds a text, sorted."""
        text = self._searched(request, group_api.Filter.TYPE_QUERY)
        if text is None or not caller.scope:
            return group_api.FindGroupsResponse()
        found = self.site.people.find_groups(text)
        skip = request.skip_fetching_members
        return group_api.FindGroupsResponse(groups=[self._group(name, skip) for name in found])

    def _searched(self, request: Any, query: int) -> str | None:
        """The text that a search asks for; None when nobody is to be found."""
        if self.site.flavour.spaces:
            # The form of 2025 and before: one plain text (facts/cs3.md §9).
            text: str = request.filter
            return text if text not in ("", "*") else None
        texts = [one.query for one in request.filters if one.type == query]
        if not texts:
            raise Refused(Reason.BAD_REQUEST, "Must pass a filter of type QUERY")
        return str(texts[-1])

    @answers(user_api.GetUserResponse)
    def GetUser(self, caller: Caller, request: Any) -> Any:
        """A user of this site by id."""
        user = self.site.people.by_id(request.user_id.opaque_id)
        return user_api.GetUserResponse(user=self._told(caller, user))

    @answers(user_api.GetUserByClaimResponse)
    def GetUserByClaim(self, caller: Caller, request: Any) -> Any:
        """A user of this site by user name, mail address or id."""
        claim, value = request.claim, request.value
        if claim == "username":
            user = self.site.people.by_name(value)
        elif claim == "mail":
            user = self.site.people.by_mail(value)
        elif claim in ("userid", "opaque_id"):
            user = self.site.people.by_id(value)
        else:
            raise NotFound("There is no such user at this site.")
        return user_api.GetUserByClaimResponse(user=self._told(caller, user))

    @answers(user_api.GetUserGroupsResponse)
    def GetUserGroups(self, caller: Caller, request: Any) -> Any:
        """The groups of oneself; of others none are told."""
        user = self.site.people.by_id(request.user_id.opaque_id)
        return user_api.GetUserGroupsResponse(
            groups=user.groups if user.id == caller.user.id else ()
        )

    @answers(group_api.GetGroupResponse)
    def GetGroup(self, caller: Caller, request: Any) -> Any:
        """A group by its id."""
        del caller
        self._need_group(request.group_id.opaque_id)
        group = self._group(request.group_id.opaque_id, request.skip_fetching_members)
        return group_api.GetGroupResponse(group=group)

    @answers(group_api.GetGroupByClaimResponse)
    def GetGroupByClaim(self, caller: Caller, request: Any) -> Any:
        """A group by its name."""
        del caller
        self._need_group(request.value if request.claim in ("group_name", "display_name") else "")
        group = self._group(request.value, request.skip_fetching_members)
        return group_api.GetGroupByClaimResponse(group=group)

    @answers(group_api.GetMembersResponse)
    def GetMembers(self, caller: Caller, request: Any) -> Any:
        """Who is in a group."""
        del caller
        self._need_group(request.group_id.opaque_id)
        members = self._group(request.group_id.opaque_id, skip=False).members
        return group_api.GetMembersResponse(members=members)

    @answers(group_api.HasMemberResponse)
    def HasMember(self, caller: Caller, request: Any) -> Any:
        """Whether a user is in a group."""
        del caller
        self._need_group(request.group_id.opaque_id)
        members = self.site.people.members(request.group_id.opaque_id)
        return group_api.HasMemberResponse(ok=request.user_id.opaque_id in members)

    def _need_group(self, group: str) -> None:
        if not self.site.people.members(group):
            raise NotFound(f'There is no group "{group}" at this site.')

    def _told(self, caller: Caller, user: UserRow) -> people.User:
        message = user_message(self.site, user)
        if user.id != caller.user.id:
            message.ClearField("mail")
            message.ClearField("groups")
        return message

    def _group(self, name: str, skip: bool) -> groups.Group:
        message = groups.Group(
            id=groups.GroupId(
                idp=self.site.federation.domain, opaque_id=name, type=groups.GROUP_TYPE_REGULAR
            ),
            group_name=name,
            display_name=name,
        )
        if not skip:
            message.members.extend(
                user_id(self.site, user) for user in self.site.people.members(name)
            )
        return message


def search_handlers(rpcs: Any, *, old: bool) -> grpc.GenericRpcHandler:
    """FindUsers and FindGroups in the form that a site speaks, and an error for what cannot be read.

    The ``old`` form reads the filters of the new one as a text that nobody has in his name.
    """
    kinds: dict[str, tuple[Any, Any]] = {
        "FindUsers": (user_api.FindUsersRequest, user_api.FindUsersResponse),
        "FindGroups": (group_api.FindGroupsRequest, group_api.FindGroupsResponse),
    }
    return grpc.method_handlers_generic_handler(
        _GATEWAY,
        {
            name: grpc.unary_unary_rpc_method_handler(
                _readable(getattr(rpcs, name)),
                request_deserializer=_reader(_OLD if old else request),
                response_serializer=reply.SerializeToString,
            )
            for name, (request, reply) in kinds.items()
        },
    )


def _readable(rpc: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def served(request: Any, context: Any) -> Any:
        if request is None:
            await context.abort(
                grpc.StatusCode.INTERNAL,
                "grpc: error unmarshalling request: invalid wire-format data",
            )
        return await rpc(request, context)

    return served


def _reader(kind: Any) -> Callable[[bytes], Any]:
    def read(content: bytes) -> Any:
        try:
            return kind.FromString(content)
        except DecodeError:
            return None

    return read


def _old_search() -> Any:
    """The message of a search before autumn 2025: its field 2 was a text."""
    file = descriptor_pb2.FileDescriptorProto(
        name="jupyter_mesh/old_search.proto", package="jupyter_mesh.node", syntax="proto3"
    )
    message = file.message_type.add(name="OldSearch")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, number, kind in (
        ("filter", 2, kinds.TYPE_STRING),
        ("skip_fetching_members", 3, kinds.TYPE_BOOL),
    ):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("jupyter_mesh.node.OldSearch")
    return message_factory.GetMessageClass(found)


_OLD = _old_search()
