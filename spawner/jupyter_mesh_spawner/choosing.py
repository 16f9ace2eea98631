"""What the user chooses for a start: asked in the start form, taken once, looked up at the site, applied."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyterhub.utils import maybe_future
from traitlets import Enum
from traitlets.config import Configurable

from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, NotAllowed, NotFound
from jupyter_mesh.paths import BY_ID, from_url, name_of, to_url
from jupyter_mesh_spawner import form
from jupyter_mesh_spawner.failures import SpawnException
from jupyter_mesh_spawner.options import MeshOptions, only_ours, read_form, without_ours
from jupyter_mesh_spawner.placing import apply, groups_of, look_up, rules_of
from jupyter_mesh_spawner.steps import Steps

if TYPE_CHECKING:
    # What it is mixed into; at run time the mixin brings its own traits alone.
    from collections.abc import Mapping

    from jupyterhub.spawner import Spawner as Base

    from jupyter_mesh.placement import Whereabouts
else:
    Base = Configurable

__all__ = ["MeshChoicesMixin"]

LONGEST_REMARK = 500

LINKED: ContextVar[str] = ContextVar("LINKED", default="")
"""What the form is made for when a link has brought the user, as a ``cs3://`` URL."""


class AskFirst(Exception):
    """Raised to show the start form, filled in, where a link would start a server at once. It says nothing."""


class MeshChoicesMixin(Base):
    """The part of MeshSpawnerMixin that is about the user's choices."""

    mesh_form = Enum(
        ["auto", "always", "never"],
        "auto",
        help=(
            "Whether users choose what to open and where to run before their server starts. With auto they do where "
            "there are placements or environments to choose from (MeshPlacement); else their server starts at once "
            "and they open projects in JupyterLab. A form of your own (options_form) stays, below ours. With never "
            "ours is left out; you can still put it into your own: await spawner.mesh_options_form()."
        ),
    ).tag(config=True)

    user_options: dict[str, Any]
    options_form: Any
    mesh_site: str
    mesh_options: MeshOptions
    """What the user chose for this start; set before ``mesh_create``."""
    mesh_steps: Steps
    """What this start does and has done; all go through ``mesh_step``."""
    mesh_placement = ""
    """Name of the placement of this start, for logs and metrics; "" before it is decided."""
    _mesh_opens = ""
    _mesh_remarks: tuple[str, ...] = ()
    _mesh_filled: Mapping[str, Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mesh_options = MeshOptions()
        self.mesh_steps = Steps()
        if not self.options_form and self._mesh_asks():
            # The pages of the hub look at the trait to know whether there is a form.
            self.options_form = MeshChoicesMixin.mesh_options_form

    @property
    def mesh_site_title(self) -> str:
        """What people call the site of the user."""
        title = self.environment.get("MESH_SITE_TITLE", "")
        return title if isinstance(title, str) and title else self.mesh_site

    def mesh_step(self, text: str) -> None:
        """Tell the user who waits what is being done from now on."""
        raise NotImplementedError

    def mesh_remark(self, text: str) -> None:
        """Tell the user who waits, and the logs of hub and server, what is not as it was wished."""
        text = text if len(text) <= LONGEST_REMARK else f"{text[:LONGEST_REMARK]}…"
        self.mesh_steps.remark(text)
        self._mesh_remarks = (*self._mesh_remarks, text)
        self.log.warning("%s: %s", self._log_name, text)

    async def mesh_options_form(self) -> str:
        """Our part of the start form as HTML, for ``get_options_form`` and for forms of the operator's own."""
        if url := LINKED.get():
            return await form.render(self, resource=url)
        filled, self._mesh_filled = self._mesh_filled, None
        if filled is None and (handler := getattr(self, "handler", None)) is not None:
            filled = {
                name.removeprefix("opt-"): [value.decode("utf-8", "replace") for value in values]
                for name, values in handler.request.query_arguments.items()
            }
        return await form.render(self, filled)

    async def mesh_link_form(self, url: str) -> str:
        """The whole form for a link: nothing to choose of what is opened, and all the rest as ever."""
        before = LINKED.set(url)
        try:
            html = await self.get_options_form()
            return html if form.MARK in html else await self.mesh_options_form() + html
        finally:
            LINKED.reset(before)

    async def get_options_form(self) -> str:
        """Ours, then the operator's."""
        own = self.options_form == MeshChoicesMixin.mesh_options_form
        theirs = str(await super().get_options_form() or "")
        if own or form.MARK in theirs or not self._mesh_asks(bool(theirs)):
            return theirs
        return await self.mesh_options_form() + theirs

    async def run_options_from_form(self, form_data: dict[str, Any]) -> dict[str, Any]:
        """The options that the operator's part makes of its fields, and ours; what ours cannot be is told there."""
        # Shown again if anything is wrong with it.
        self._mesh_filled = only_ours(form_data)
        theirs = await maybe_future(super().run_options_from_form(without_ours(form_data)))
        try:
            ours = read_form(form_data, self.mesh_site, self.user.name)
        except InvalidRequest as error:
            raise SpawnException(str(error), reason="mesh_choice", status_code=400) from error
        return {**(theirs or {}), **ours}

    async def options_from_query(self, query_data: dict[str, Any]) -> dict[str, Any]:
        """The same for a link to the start form. A link with fields of ours fills in the form, and starts nothing."""
        named = only_ours(query_data)
        if named and self._mesh_asks(bool(self.options_form)):
            raise AskFirst
        theirs = await maybe_future(super().options_from_query(without_ours(query_data)))
        ours = MeshOptions.read(named, self.mesh_site, self.user.name).to_options()
        return {**(theirs or {}), **ours}

    async def _run_apply_user_options(self, user_options: dict[str, Any]) -> None:
        # JupyterHub warns of options that apply_user_options does not know. Ours are taken by start().
        await super()._run_apply_user_options(without_ours(user_options))

    def get_env(self) -> dict[str, str]:
        """What is opened first, and what the server's own log has to say of it."""
        env: dict[str, str] = super().get_env()
        if self._mesh_opens:
            # Not by default_url, in which JupyterHub would replace what stands in braces.
            env["JUPYTERHUB_DEFAULT_URL"] = (
                f"/mesh/open?resource={quote(self._mesh_opens, safe='')}"
            )
        if self._mesh_remarks:
            env["MESH_REMARKS"] = "\n".join(self._mesh_remarks)
        return env

    def mesh_take_options(self) -> None:
        """Take the user's choices, for this start alone: a later one without choices must not repeat them."""
        self._mesh_opens, self._mesh_remarks, self.mesh_placement = "", (), ""
        self.mesh_options = MeshOptions.read(self.user_options, self.mesh_site, self.user.name)
        left = without_ours(self.user_options)
        if left != self.user_options:
            self.user_options = self.orm_spawner.user_options = left
            self.user.db.commit()

    async def mesh_place(self) -> None:
        """Look up what is to be opened with the user's own rights, decide where to run, and set traits for that.

        What cannot be opened is remarked, and the server starts without it. Raises SpawnException for a placement or
        environment that the operator has set up wrongly.
        """
        rules, chosen, groups = rules_of(self), self.mesh_options, groups_of(self)
        if chosen.problem:
            self.mesh_remark(f"{chosen.problem} Your server starts without it.")
        where = None
        if chosen.resource or rules.has_rules:
            where = await self._mesh_look(chosen.resource)
        placement = rules.decide(where, chosen.placement, self.mesh_site_title, groups)
        self.mesh_placement = placement.name
        if rules.placements:
            self.mesh_step(
                f"Placing next to {where.name}"
                if where and placement.near and chosen.resource
                else f"Placing at {placement.title}"
            )
        if chosen.placement not in ("", placement.name):
            self.mesh_remark(
                f'"{chosen.placement}" cannot be chosen. Your server runs at {placement.title}.'
            )
        self.log.info(
            "%s is placed at %s. %s", self._log_name, placement.name, placement.reason or ""
        )
        environment = rules.environment(chosen.environment, groups)
        if chosen.environment and environment is None:
            self.mesh_remark(
                f'There is no environment "{chosen.environment}" any more. Your server runs in the usual one.'
            )
        self._mesh_apply("environment", chosen.environment, (environment or {}).get("override", {}))
        self._mesh_apply("placement", placement.name, placement.override)
        if where and chosen.resource:
            self._mesh_opens = to_url(self.mesh_site, where.path)

    async def _mesh_look(self, url: str) -> Whereabouts | None:
        """Where what was chosen is kept, "" for the user's files; None, with a remark, where it cannot be opened."""
        _, path = from_url(url) if url else ("", "")
        named = f'"{name_of(path)}"' if path and not path.startswith(BY_ID) else "What you chose"
        try:
            return await look_up(self, url)
        except (NotFound, NotAllowed) as error:
            cause: MeshError = error
            text = f"{named} is not there, or not shared with you."
        except LoginEnded as error:
            cause, text = error, str(error)
        except MeshError as error:
            cause = error
            text = f"{named} cannot be opened: {self.mesh_site_title} does not answer."
        self.log.info("%s has not found %s: %s", self._log_name, url or "its home", cause)
        if url:
            self.mesh_remark(f"{text} Your server starts without it.")
        return None

    def _mesh_apply(self, kind: str, name: str, override: Mapping[str, Any]) -> None:
        try:
            apply(self, override)
        except Exception as error:
            # The operator's values: whatever is wrong with them, the user can choose something else.
            self.log.exception("The override of the %s %s cannot be applied", kind, name)
            raise SpawnException(
                f'The {kind} "{name}" is set up wrongly. Choose another one, and tell the operator of this hub.',
                reason="mesh_override",
                status_code=500,
            ) from error

    def _mesh_asks(self, anyway: bool = False) -> bool:
        """True if our part of the form is shown; where there is a form ``anyway``, it costs nobody a click."""
        if self.mesh_form == "auto":
            return anyway or rules_of(self).is_choice
        return bool(self.mesh_form == "always")
