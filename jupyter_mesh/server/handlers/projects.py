"""``<base>/api/mesh/projects``: folders that people at several sites work in together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.sharing import SharingHandler
from jupyter_mesh.server.sharing import LOOK_EVERY
from jupyter_mesh.sharing.projects import Wanted

if TYPE_CHECKING:
    from jupyter_mesh.models import Grantee
    from jupyter_mesh.server.form import Form
    from jupyter_mesh.sharing.projects import Project

__all__ = [
    "ProjectHandler",
    "ProjectLeaveHandler",
    "ProjectPlanHandler",
    "ProjectRepairHandler",
    "ProjectsHandler",
]

MEMBERS = 1000
"""Members of a project at most."""


class OfProjects(SharingHandler):
    """What all of them share."""

    def wanted(self) -> tuple[str, list[Wanted], str]:
        """Name, members and mesh path of what was sent."""
        form = self.form("path", "name", "members")
        path = form.line("path", "")
        return form.line("name"), members_of(form), self.mesh_path(path) if path else ""

    async def changed(self, project: Project, *, status: int = 200) -> None:
        """Answer with a project that was changed."""
        self.live.tell("projects", project.path)
        self.set_status(status)
        self.finish((await self.telling(_people_of(project))).project(project))


class ProjectsHandler(OfProjects):
    """All of them, and a new one."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the projects that the user owns or is a member of."""
        part = self.part_of(await self.sharing.projects.list(age=LOOK_EVERY), _id_of)
        telling = await self.telling(who for each in part.items for who in _people_of(each))
        self.tell_part(part, [telling.project(each) for each in part.items])

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a project of ``name`` and ``members``, in the folder ``path`` where one is given; 201."""
        name, members, path = self.wanted()
        project = await self.sharing.projects.create(name, members, path=path)
        await self.changed(project, status=201)


class ProjectPlanHandler(OfProjects):
    """What would be done."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """The steps that making or changing this project takes. Sends nothing."""
        name, members, path = self.wanted()
        plan = await self.sharing.projects.plan(name, members, path=path)
        telling = await self.telling(step.who for step in plan.steps if step.who is not None)
        self.finish({"steps": [telling.step(step) for step in plan.steps]})


class ProjectHandler(OfProjects):
    """One of them."""

    @web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """The project with its members."""
        project = await self.sharing.projects.get(id)
        self.finish((await self.telling(_people_of(project))).project(project))

    @web.authenticated
    @authorized
    async def patch(self, id: str) -> None:
        """Give it these ``members``: who is not among them any more loses access.

        With the ``version`` of what was seen, 412 if the members have been changed since.
        """
        form = self.form("members", "version")
        members, version = members_of(form), form.line("version", "")
        await self.changed(await self.sharing.projects.change(id, members, version=version))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """End it: all its shares end, the folder stays with its owner."""
        await self.sharing.projects.dissolve(id)
        self.live.tell("projects")
        self.done()


class ProjectRepairHandler(OfProjects):
    """What should be and is not."""

    @web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """Make the shares agree with the list of members again."""
        self.nothing()
        await self.changed(await self.sharing.projects.repair(id))


class ProjectLeaveHandler(OfProjects):
    """Out of it."""

    @web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """Leave a project of somebody else."""
        self.nothing()
        await self.sharing.projects.leave(id)
        self.live.tell("projects")
        self.done()


def members_of(form: Form) -> list[Wanted]:
    """The members that were sent."""
    return [
        Wanted(who=each.person("with"), role=each.role("role"), expires=each.time("expires"))
        for each in form.forms("members", "with", "role", "expires", most=MEMBERS)
    ]


def _people_of(project: Project) -> list[Grantee]:
    return [member.who for member in project.members]


def _id_of(project: Project) -> str:
    return project.id
