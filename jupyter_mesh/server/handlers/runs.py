"""``<base>/api/mesh/runs``: notebooks that the server executes in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.form import Form
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from jupyter_mesh.batch.parameters import Parameter
    from jupyter_mesh.server.runs import Run

__all__ = ["RunHandler", "RunParametersHandler", "RunsHandler"]


class RunsHandler(MeshHandler):
    """All of them."""

    auth_resource = "kernels"
    """Who may run code here may run a notebook."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``{"runs": […]}``, oldest first."""
        self.finish({"runs": [as_json(self, run) for run in self.mesh.runs.listed()]})

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Run a notebook: ``{"path", "parameters"}`` → 202 and the run."""
        form = Form(self.request.body, "path", "parameters")
        run = self.mesh.runs.start(form.line("path"), form.values("parameters"))
        self.set_status(202)
        self.finish(as_json(self, run))


class RunHandler(MeshHandler):
    """One run."""

    auth_resource = "kernels"

    @web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """The run as it is now; 404 once it is forgotten."""
        self.finish(as_json(self, self.mesh.runs.get(id)))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Stop it while it runs, forget it when it has ended."""
        await self.mesh.runs.remove(id)
        self.set_status(204)
        self.finish()


class RunParametersHandler(MeshHandler):
    """What a notebook can be given."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The parameters of ``?path=``, and a sentence where they cannot be told."""
        found, message = await self.mesh.runs.parameters(self.get_query_argument("path"))
        self.finish({"parameters": [_parameter(each) for each in found], "message": message})


def as_json(handler: MeshHandler, run: Run) -> dict[str, Any]:
    """A run as the browser gets it."""
    api_path = handler.mesh.files.api_path
    return {
        "id": run.id,
        "path": api_path(run.path),
        "output": api_path(run.output) if run.output else "",
        "state": run.state,
        "done": run.done,
        "total": run.total,
        "message": run.message,
        "started": run.started.isoformat(),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "source": parameter.source,
        "value": parameter.value,
        "isLiteral": parameter.is_literal,
        "help": parameter.help,
    }
