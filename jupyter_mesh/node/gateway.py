"""The CS3 gateway: all RPCs that this site serves. The rest answers UNIMPLEMENTED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs

from jupyter_mesh.node.gateway_files import FileRpcs
from jupyter_mesh.node.gateway_history import HistoryRpcs
from jupyter_mesh.node.gateway_links import LinkRpcs
from jupyter_mesh.node.gateway_login import LoginRpcs
from jupyter_mesh.node.gateway_mounts import MountRpcs
from jupyter_mesh.node.gateway_notes import NoteRpcs
from jupyter_mesh.node.gateway_ocm import ContactRpcs
from jupyter_mesh.node.gateway_people import PeopleRpcs
from jupyter_mesh.node.gateway_received import ReceivedRpcs
from jupyter_mesh.node.gateway_remote import RemoteShareRpcs
from jupyter_mesh.node.gateway_shares import ShareRpcs
from jupyter_mesh.node.gateway_spaces import SpaceRpcs
from jupyter_mesh.node.gateway_transfers import TransferRpcs

if TYPE_CHECKING:
    from jupyter_mesh.node.site import Site

__all__ = ["Gateway"]


class Gateway(
    MountRpcs,
    LoginRpcs,
    SpaceRpcs,
    FileRpcs,
    TransferRpcs,
    HistoryRpcs,
    NoteRpcs,
    PeopleRpcs,
    ShareRpcs,
    ReceivedRpcs,
    LinkRpcs,
    ContactRpcs,
    RemoteShareRpcs,
    stubs.GatewayAPIServicer,
):
    """Serves one site over gRPC."""

    def __init__(self, site: Site) -> None:
        self.site = site
