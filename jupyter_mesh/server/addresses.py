"""Which handler answers at which address of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.server.handlers.accept import AcceptHandler, ArrivedHandler
from jupyter_mesh.server.handlers.access import AccessHandler
from jupyter_mesh.server.handlers.base import UnknownHandler
from jupyter_mesh.server.handlers.bin import BinHandler, BinPurgeHandler, BinRestoreHandler
from jupyter_mesh.server.handlers.code import CodeHandler
from jupyter_mesh.server.handlers.compare import CompareHandler
from jupyter_mesh.server.handlers.contacts import (
    ContactEmailHandler,
    ContactHandler,
    ContactsHandler,
)
from jupyter_mesh.server.handlers.download import DownloadHandler
from jupyter_mesh.server.handlers.invitations import (
    InvitationAcceptHandler,
    InvitationCopyHandler,
    InvitationHandler,
    InvitationReadHandler,
    InvitationsHandler,
)
from jupyter_mesh.server.handlers.links import LinkHandler, LinksHandler
from jupyter_mesh.server.handlers.marks import MarksHandler
from jupyter_mesh.server.handlers.mount import ConflictsHandler, FlushHandler, MountHandler
from jupyter_mesh.server.handlers.open import OpenHandler
from jupyter_mesh.server.handlers.people import PeopleHandler
from jupyter_mesh.server.handlers.projects import (
    ProjectHandler,
    ProjectLeaveHandler,
    ProjectPlanHandler,
    ProjectRepairHandler,
    ProjectsHandler,
)
from jupyter_mesh.server.handlers.received import ReceivedHandler, ReceivedShareHandler
from jupyter_mesh.server.handlers.runs import RunHandler, RunParametersHandler, RunsHandler
from jupyter_mesh.server.handlers.shares import ShareHandler, SharesHandler
from jupyter_mesh.server.handlers.sharing import AbilitiesHandler
from jupyter_mesh.server.handlers.sites import SitesHandler
from jupyter_mesh.server.handlers.status import StatusHandler
from jupyter_mesh.server.handlers.transfers import (
    RetryHandler,
    TransferHandler,
    TransfersHandler,
)
from jupyter_mesh.server.handlers.unsaved import UnsavedHandler
from jupyter_mesh.server.handlers.uploads import UploadHandler, UploadsHandler
from jupyter_mesh.server.handlers.versions import (
    VersionContentHandler,
    VersionRestoreHandler,
    VersionsHandler,
)

if TYPE_CHECKING:
    from tornado.web import RequestHandler

__all__ = ["ADDRESSES"]

ADDRESSES: list[tuple[str, type[RequestHandler]]] = [
    (r"/api/mesh/status/?", StatusHandler),
    (r"/api/mesh/versions/?", VersionsHandler),
    (r"/api/mesh/versions/content/?", VersionContentHandler),
    (r"/api/mesh/versions/restore/?", VersionRestoreHandler),
    (r"/api/mesh/bin/?", BinHandler),
    (r"/api/mesh/bin/restore/?", BinRestoreHandler),
    (r"/api/mesh/bin/purge/?", BinPurgeHandler),
    (r"/api/mesh/unsaved/?", UnsavedHandler),
    (r"/api/mesh/transfers/?", TransfersHandler),
    (r"/api/mesh/transfers/([\w-]+)", TransferHandler),
    (r"/api/mesh/transfers/([\w-]+)/retry", RetryHandler),
    (r"/api/mesh/uploads/?", UploadsHandler),
    (r"/api/mesh/uploads/([\w-]+)", UploadHandler),
    (r"/api/mesh/runs/?", RunsHandler),
    (r"/api/mesh/runs/parameters/?", RunParametersHandler),
    (r"/api/mesh/runs/([\w-]+)", RunHandler),
    (r"/api/mesh/compare/?", CompareHandler),
    (r"/api/mesh/code/?", CodeHandler),
    (r"/api/mesh/mount/?", MountHandler),
    (r"/api/mesh/mount/flush/?", FlushHandler),
    (r"/api/mesh/mount/conflicts/?", ConflictsHandler),
    (r"/api/mesh/sharing/?", AbilitiesHandler),
    (r"/api/mesh/access/?", AccessHandler),
    (r"/api/mesh/shares/?", SharesHandler),
    (r"/api/mesh/shares/([^/]+)", ShareHandler),
    (r"/api/mesh/received/?", ReceivedHandler),
    (r"/api/mesh/received/([^/]+)", ReceivedShareHandler),
    (r"/api/mesh/links/?", LinksHandler),
    (r"/api/mesh/marks/?", MarksHandler),
    (r"/api/mesh/links/([^/]+)", LinkHandler),
    (r"/api/mesh/people/?", PeopleHandler),
    (r"/api/mesh/contacts/?", ContactsHandler),
    (r"/api/mesh/contacts/([^/]+)", ContactHandler),
    (r"/api/mesh/contacts/([^/]+)/email", ContactEmailHandler),
    (r"/api/mesh/sites/?", SitesHandler),
    (r"/api/mesh/invitations/?", InvitationsHandler),
    (r"/api/mesh/invitations/read/?", InvitationReadHandler),
    (r"/api/mesh/invitations/accept/?", InvitationAcceptHandler),
    (r"/api/mesh/invitations/([^/]+)", InvitationHandler),
    (r"/api/mesh/invitations/([^/]+)/copy", InvitationCopyHandler),
    (r"/api/mesh/projects/?", ProjectsHandler),
    (r"/api/mesh/projects/plan/?", ProjectPlanHandler),
    (r"/api/mesh/projects/([^/]+)", ProjectHandler),
    (r"/api/mesh/projects/([^/]+)/repair", ProjectRepairHandler),
    (r"/api/mesh/projects/([^/]+)/leave", ProjectLeaveHandler),
    (r"/api/mesh(?:/.*)?", UnknownHandler),
    (r"/mesh/download/?", DownloadHandler),
    (r"/mesh/open(?:/(.*))?", OpenHandler),
    (r"/mesh/accept/?", AcceptHandler),
    (r"/mesh/accept/([\w-]+)", ArrivedHandler),
]
"""``openapi.yaml`` describes what is below ``/api/mesh/``. The first that matches answers."""
