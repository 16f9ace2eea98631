"""RPCs about people and sites beyond this one (``facts/ocm.md`` §16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cs3.identity.user.v1beta1 import resources_pb2 as people
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.ocm.invite.v1beta1 import resources_pb2 as invite_resources
from cs3.ocm.provider.v1beta1 import provider_api_pb2 as sites
from cs3.ocm.provider.v1beta1 import resources_pb2 as site_resources
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.ocm.addresses import canonical_domain, is_loopback
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers, answers_async
from jupyter_mesh.node.wire import user_id

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.ocm.rows import Contact, Invite
    from jupyter_mesh.node.site import Site

__all__ = ["ContactRpcs", "at_peer", "domain_of", "remote_id"]


def remote_id(identifier: str, domain: str) -> people.UserId:
    """The id of somebody at another site."""
    return people.UserId(idp=domain, opaque_id=identifier, type=people.USER_TYPE_FEDERATED)


T = TypeVar("T")


def domain_of(text: str) -> str:
    """The canonical form of what a client says; what is none is no site."""
    try:
        return canonical_domain(text)
    except ValueError:
        return ""


async def at_peer(work: Awaitable[T]) -> T:
    """The result of ``work`` with a peer; its failure is one of this site towards the client."""
    try:
        return await work
    except MeshError as error:
        raise Refused(Reason.BROKEN, str(error)) from error


def _contact(contact: Contact) -> people.User:
    return people.User(
        id=remote_id(contact.id, contact.domain), display_name=contact.name, mail=contact.mail
    )


def _invite(site: Site, invite: Invite) -> invite_resources.InviteToken:
    return invite_resources.InviteToken(
        token=invite.token,
        user_id=user_id(site, invite.user),
        expiration=types.Timestamp(seconds=invite.expires),
        description=invite.description,
    )


def _site(domain: str, title: str, origin: str = "") -> site_resources.ProviderInfo:
    base = origin or f"{'http' if is_loopback(domain) else 'https'}://{domain}"
    kind = site_resources.ServiceType(name="OCM", description="Open Cloud Mesh")
    endpoint = site_resources.ServiceEndpoint(
        type=kind, name="OCM", path=f"{base}/ocm/", is_monitored=True
    )
    service = site_resources.Service(host=domain, endpoint=endpoint, api_version="1.4.0")
    if origin:
        # Where the own invitations lead: clients learn it nowhere else.
        service.additional_endpoints.add(
            type=site_resources.ServiceType(name="WAYF"), name="WAYF", path=f"{base}/ocm/wayf"
        )
    return site_resources.ProviderInfo(
        name=domain,
        full_name=title,
        organization=title,
        domain=domain,
        homepage=base,
        services=[service],
    )


class ContactRpcs(Rpcs):
    """Invitations, contacts, and the sites that this one deals with."""

    @answers(invites.GenerateInviteTokenResponse)
    def GenerateInviteToken(self, caller: Caller, request: Any) -> Any:
        """An invitation of the caller, good for a day."""
        caller.require_scope()
        invite = self.site.federation.invites.make(caller.user, request.description)
        return invites.GenerateInviteTokenResponse(invite_token=_invite(self.site, invite))

    @answers(invites.ListInviteTokensResponse)
    def ListInviteTokens(self, caller: Caller, _request: Any) -> Any:
        """The caller's invitations that can still be accepted."""
        caller.require_scope()
        found = self.site.federation.store.invites_of(caller.user.id)
        return invites.ListInviteTokensResponse(
            invite_tokens=[_invite(self.site, invite) for invite in found]
        )

    @answers_async(invites.ForwardInviteResponse)
    async def ForwardInvite(self, caller: Caller, request: Any) -> Any:
        """Accept an invitation of another site; one of this site is refused."""
        caller.require_scope()
        contact = await at_peer(
            self.site.federation.invites.accept(
                caller.user, request.invite_token.token, request.origin_system_provider.domain
            )
        )
        return invites.ForwardInviteResponse(
            user_id=remote_id(contact.id, contact.domain),
            email=contact.mail,
            display_name=contact.name,
        )

    @answers(invites.FindAcceptedUsersResponse)
    def FindAcceptedUsers(self, caller: Caller, request: Any) -> Any:
        """The caller's contacts whose name, mail address, id or site holds the filter."""
        caller.require_scope()
        wanted = request.filter.casefold()
        found = [
            _contact(contact)
            for contact in self.site.federation.store.contacts_of(caller.user.id)
            if any(
                wanted in text.casefold()
                for text in (contact.name, contact.mail, contact.id, contact.domain)
            )
        ]
        return invites.FindAcceptedUsersResponse(accepted_users=found)

    @answers(invites.GetAcceptedUserResponse)
    def GetAcceptedUser(self, caller: Caller, request: Any) -> Any:
        """One contact of the caller."""
        caller.require_scope()
        asked = request.remote_user_id
        found = self.site.federation.store.contact(
            caller.user.id, asked.opaque_id, domain_of(asked.idp)
        )
        if found is None:
            raise Refused(Reason.MISSING, "user not found")
        return invites.GetAcceptedUserResponse(remote_user=_contact(found))

    @answers(invites.DeleteAcceptedUserResponse)
    def DeleteAcceptedUser(self, caller: Caller, request: Any) -> Any:
        """Forget a contact, on this side alone; an unknown one is forgotten already."""
        caller.require_scope()
        asked = request.remote_user_id
        self.site.federation.store.remove_contact(
            caller.user.id, asked.opaque_id, domain_of(asked.idp)
        )
        return invites.DeleteAcceptedUserResponse()

    @answers(sites.ListAllProvidersResponse)
    def ListAllProviders(self, _caller: Caller, _request: Any) -> Any:
        """This site, and all that it deals with."""
        federation = self.site.federation
        found = [_site(federation.domain, federation.title, federation.origin)]
        found += [
            _site(domain, title)
            for domain, title in sorted(federation.trust.sites().items())
            if domain != federation.domain
        ]
        return sites.ListAllProvidersResponse(providers=found)

    @answers(sites.GetInfoByDomainResponse)
    def GetInfoByDomain(self, _caller: Caller, request: Any) -> Any:
        """The site of exactly that domain."""
        federation = self.site.federation
        domain = domain_of(request.domain)
        if domain == federation.domain:
            info = _site(domain, federation.title, federation.origin)
        else:
            title = federation.trust.title(domain)
            if title is None:
                raise Refused(Reason.MISSING, "provider not found")
            info = _site(domain, title)
        return sites.GetInfoByDomainResponse(provider_info=info)

    @answers(sites.IsProviderAllowedResponse)
    def IsProviderAllowed(self, _caller: Caller, request: Any) -> Any:
        """OK for a site that this one deals with, else UNAUTHENTICATED."""
        federation = self.site.federation
        domain = domain_of(request.provider.domain)
        if domain != federation.domain and federation.trust.title(domain) is None:
            raise Refused(Reason.BAD_TOKEN, "provider is not allowed")
        return sites.IsProviderAllowedResponse()
