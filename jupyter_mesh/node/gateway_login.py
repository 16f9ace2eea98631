"""RPCs about people: login, who am I, app passwords."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any

from cs3.auth.applications.v1beta1 import applications_api_pb2 as apps
from cs3.auth.applications.v1beta1 import resources_pb2 as app_resources
from cs3.auth.provider.v1beta1 import resources_pb2 as auth
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.errors import NotFound
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers, answers_async
from jupyter_mesh.node.users import AppPassword, UserRow, password_matches
from jupyter_mesh.node.wire import user_message

if TYPE_CHECKING:
    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.bearer import Bearer

__all__ = ["LoginRpcs"]

log = logging.getLogger(__name__)

_WRONG = "wrong password"
_WHOLE = "user"


class LoginRpcs(Rpcs):
    """Authenticate, WhoAmI and app passwords."""

    @answers_async(gateway.AuthenticateResponse, token=False)
    async def Authenticate(self, source: str, request: Any) -> Any:
        """Log in with ``basic``, ``appauth``, or, where the operator allows it, ``machine`` or ``bearer``."""
        if request.type == "basic":
            user, scope = await self._basic(request.client_id, request.client_secret), True
        elif request.type == "appauth":
            user, scope = await self.site.run(
                lambda: self._appauth(request.client_id, request.client_secret)
            )
        elif request.type == "machine" and self.site.machine_key:
            if not hmac.compare_digest(
                request.client_secret.encode(), self.site.machine_key.encode()
            ):
                raise Refused(Reason.BAD_LOGIN, "invalid client credentials")
            user, scope = await self.site.run(lambda: self._machine(request.client_id)), True
        elif request.type == "bearer" and self.site.bearer is not None:
            user, scope = await self._bearer(self.site.bearer, request.client_secret), True
        elif request.type == "publicshares":
            return await self._through_link(request.client_id, request.client_secret, source)
        else:
            raise Refused(Reason.BROKEN, f'This site has no login of the type "{request.type}".')
        if not self.site.flavour.spaces:
            # Reva makes the home at the first login; sites with spaces wait for CreateHome.
            await self.site.run(lambda: self.site.people.add_home(user))
        token = self.site.tokens.access(user.id, scope=scope)
        return gateway.AuthenticateResponse(token=token, user=user_message(self.site, user))

    async def _through_link(self, token: str, secret: str, source: str) -> Any:
        """A token for what a public link leads to; its user is the one who made it, as at real sites."""
        kind, _, password = secret.partition("|")
        link = await self.site.enter_link(token, password if kind == "password" else "", source)
        user = await self.site.run(lambda: self.site.people.by_id(link.creator))
        access = self.site.tokens.access(user.id, link=link.id)
        told = user_message(self.site, user)
        told.ClearField("mail")
        told.ClearField("groups")
        return gateway.AuthenticateResponse(token=access, user=told)

    async def _basic(self, name: str, password: str) -> UserRow:
        stored = await self.site.run(lambda: self.site.people.password_of(name))
        # The same answer, after the same time, whether the user or the password is wrong.
        if not await asyncio.to_thread(password_matches, password, stored):
            raise Refused(Reason.BAD_LOGIN, _WRONG)
        return await self.site.run(lambda: self.site.people.by_name(name))

    def _appauth(self, name: str, password: str) -> tuple[UserRow, bool]:
        try:
            user = self.site.people.by_name(name)
        except NotFound:
            raise Refused(Reason.BAD_LOGIN, _WRONG) from None
        known = self.site.people.app_password(user, password)
        if known is None:
            raise Refused(Reason.BAD_LOGIN, _WRONG)
        return user, known.scope

    def _machine(self, who: str) -> UserRow:
        claim, colon, value = who.partition(":")
        if not colon:
            return self.site.people.by_name(who)
        if claim == "username":
            return self.site.people.by_name(value)
        if claim == "mail":
            return self.site.people.by_mail(value)
        if claim == "userid":
            return self.site.people.by_id(value)
        raise NotFound(f'There is no user "{who}" at this site.')

    async def _bearer(self, bearer: Bearer, token: str) -> UserRow:
        name = await bearer.name_of(token)
        try:
            return await self.site.run(lambda: self.site.people.by_name(name))
        except NotFound:
            # One answer for all, as at Reva: who asks cannot tell an unknown user from an expired token.
            log.warning("A bearer token was refused: there is no user %r here", name[:64])
            raise bearer.refused() from None

    @answers(gateway.WhoAmIResponse, token=False)
    def WhoAmI(self, _: None, request: Any) -> Any:
        """The user of the token *in the request*; a bad one is a status, not a gRPC error."""
        user, _scope, link = self.site.user_of(request.token)
        told = user_message(self.site, user)
        if link:
            told.ClearField("mail")
            told.ClearField("groups")
        return gateway.WhoAmIResponse(user=told)

    @answers(gateway.ListAuthProvidersResponse, token=False)
    def ListAuthProviders(self, _: None, _request: Any) -> Any:
        """The types of login that this site has."""
        machine = ["machine"] if self.site.machine_key else []
        bearer = ["bearer"] if self.site.bearer is not None else []
        return gateway.ListAuthProvidersResponse(
            types=["basic", "appauth", *machine, *bearer, "publicshares"]
        )

    @answers(apps.GenerateAppPasswordResponse)
    def GenerateAppPassword(self, caller: Caller, request: Any) -> Any:
        """Make an app password: one for everything its user may do, or, without scope, for nothing."""
        for key, scope in request.token_scope.items():
            if key != _WHOLE or scope.role != auth.ROLE_OWNER:
                raise Refused(
                    Reason.UNSUPPORTED,
                    'This site makes app passwords with the scope "user", role owner, only.',
                )
        if not caller.scope:
            raise Refused(Reason.NOT_ALLOWED, "This login cannot make app passwords.")
        expires = request.expiration.seconds
        if expires and expires <= time.time():
            raise Refused(Reason.BAD_REQUEST, "The expiration lies in the past.")
        password, made = self.site.people.add_app_password(
            caller.user, label=request.label, scope=_WHOLE in request.token_scope, expires=expires
        )
        return apps.GenerateAppPasswordResponse(
            app_password=self._app_password(caller.user, made, password)
        )

    @answers(apps.ListAppPasswordsResponse)
    def ListAppPasswords(self, caller: Caller, _request: Any) -> Any:
        """The caller's app passwords, with hashes in place of the passwords."""
        known = self.site.people.app_passwords(caller.user) if caller.scope else []
        return apps.ListAppPasswordsResponse(
            app_passwords=[self._app_password(caller.user, one, one.hash) for one in known]
        )

    @answers(apps.InvalidateAppPasswordResponse)
    def InvalidateAppPassword(self, caller: Caller, request: Any) -> Any:
        """Remove an app password by the hash that ListAppPasswords told."""
        if not caller.scope or not self.site.people.remove_app_password(
            caller.user, request.password
        ):
            raise Refused(Reason.MISSING, "There is no such app password.")
        return apps.InvalidateAppPasswordResponse()

    def _app_password(self, user: UserRow, known: AppPassword, shown: str) -> Any:
        made = types.Timestamp(seconds=known.made)
        message = app_resources.AppPassword(
            password=shown,
            label=known.label,
            user=user_message(self.site, user).id,
            ctime=made,
            utime=made,
        )
        if known.expires:
            message.expiration.seconds = known.expires
        if known.scope:
            message.token_scope[_WHOLE].role = auth.ROLE_OWNER
            message.token_scope[_WHOLE].resource.CopyFrom(
                types.OpaqueEntry(decoder="json", value=b'{"path":"/"}')
            )
        return message
