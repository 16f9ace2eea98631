"""Signing in at the site with a token of an identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.errors import LoginEnded
from jupyter_mesh_spawner.authenticator import MeshAuthenticatorMixin

if TYPE_CHECKING:
    from jupyterhub.user import User

    from jupyter_mesh_spawner.credential import Bearer, Credential

__all__ = ["MeshBearerMixin"]


class MeshBearerMixin(MeshAuthenticatorMixin):
    """Gets storage tokens for tokens of an identity provider. A subclass says where those come from.

    What the site gives may live for a day, whatever is left of the provider's token: it is used here no longer
    than that one lives, so that the end of the session at the provider is the end of both.
    """

    async def mesh_bearer(self, user: User, *, anew: bool = False) -> Bearer:
        """The provider's token for the site; with ``anew`` the site has refused the one before.

        Called in turn. Raises LoginEnded when the session at the provider is over.
        """
        raise NotImplementedError

    @property
    def mesh_refusal(self) -> str:
        """The sentence for users whom the site does not let in although the provider does. It does not say why."""
        return (
            f"{self.mesh_site} did not accept your sign-in. Either it does not know you yet, or your sign-in had "
            f"just ended: log out and in again, and if that does not help, ask {self.mesh_site} for an account."
        )

    async def mesh_next(self, user: User, held: Credential | None) -> Credential:
        """Sign in. A refusal is answered with one more token and one more try, never more."""
        bearer = await self.mesh_bearer(user)
        try:
            login = await self.mesh_login("bearer", "", bearer.token)
        except LoginEnded:
            # An unknown user looks the same as a token that has ended on the way.
            refused, bearer = bearer, await self.mesh_bearer(user, anew=True)
            if bearer.token == refused.token:
                raise LoginEnded(self.mesh_refusal) from None
            try:
                login = await self.mesh_login("bearer", "", bearer.token)
            except LoginEnded as error:
                raise LoginEnded(self.mesh_refusal, trace=error.trace) from error
        credential = self.mesh_credential_of(login, until=bearer.expires)
        if held is not None and held.user != credential.user:
            self.log.error("%s answered for another user than %s", self.mesh_site, held.username)
            raise LoginEnded(self.mesh_login_ended)
        return credential
