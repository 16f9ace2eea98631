"""Pages of the hub around a login at an OpenID Connect provider."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.handlers.login import LoginHandler
from oauthenticator.oauth2 import OAuthLogoutHandler

from jupyter_mesh_spawner import audit

__all__ = ["OIDCLoginHandler", "OIDCLogoutHandler"]

LEAVE = """\
{% extends "page.html" %}
{% block main %}
<form id="leave" class="container" method="post" action="{{ address }}">
  {% for name, value in fields.items() %}<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
  <p>You are logged out here.</p>
  <button class="btn btn-jupyter" type="submit">Log out of {{ login_service }}, too</button>
</form>
<script>document.getElementById("leave").submit()</script>
{% endblock %}
"""


class OIDCLoginHandler(LoginHandler):
    """The page with the button that leads to the provider. It says why somebody who was logged in is here again."""

    mesh_login_ended = ""
    """Set by ``refresh_user`` of our authenticators."""

    def _render(self, login_error: str | None = None, **kwargs: Any) -> Any:
        if self.mesh_login_ended:
            # Shown above a button, where JupyterHub has no place for errors.
            kwargs["announcement"] = escape(self.mesh_login_ended)
        return super()._render(login_error=login_error, **kwargs)


class OIDCLogoutHandler(OAuthLogoutHandler):
    """Logs out of the hub, and of the provider where the operator says how.

    The provider asks no question when it is shown the ID token of the session. That goes in the body of a form:
    an address would stay in histories and logs.
    """

    _hint = ""

    async def handle_logout(self) -> None:
        """Forget the user's tokens: at once if their session ends now, else with the last server."""
        await super().handle_logout()
        user = self._jupyterhub_user
        if user is None:
            return
        authenticator = self.authenticator
        if authenticator.mesh_logout_url:
            state = await authenticator.mesh_states.read(user)
            self._hint = state.get("id_token") or ""
            await authenticator.mesh_forget(user)
        else:
            await authenticator.mesh_logged_out(user)
        audit.record(self.settings, user.name, "logout", site=authenticator.mesh_site)

    async def render_logout_page(self) -> None:
        """Go on to the provider; come back to this page, which then has nobody to log out."""
        if not self._hint:
            await super().render_logout_page()
            return
        callback = urlsplit(self.authenticator.get_callback_url(self))
        fields = {
            "id_token_hint": self._hint,
            "client_id": self.authenticator.client_id,
            "post_logout_redirect_uri": f"{callback.scheme}://{callback.netloc}{self.request.path}",
        }
        template = self.settings["jinja2_env"].from_string(LEAVE)
        names = {**self.template_namespace, "xsrf_token": self.xsrf_token.decode("ascii")}
        self.set_header("Cache-Control", "no-store")
        self.finish(
            await template.render_async(
                **names, address=self.authenticator.mesh_logout_url, fields=fields
            )
        )
