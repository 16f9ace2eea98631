"""RPCs that start an upload or a download: they hand out a transfer token for the data gateway."""

from __future__ import annotations

from typing import Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import resources_pb2 as protocols
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import Caller, resolve
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.tokens import Transfer
from jupyter_mesh.node.uploads import Uploads
from jupyter_mesh.node.wire import opaque, opaque_text, read_seconds

__all__ = ["TransferRpcs", "condition_of", "number_of"]

_NS = 10**9


class TransferRpcs(Rpcs):
    """InitiateFileUpload and InitiateFileDownload."""

    @answers(gateway.InitiateFileUploadResponse)
    def InitiateFileUpload(self, caller: Caller, request: Any) -> Any:
        """Announce an upload. The file that is there stays as it is until all bytes have come."""
        address = resolve(self.site, caller, request.ref)
        address.require("initiate_file_upload")
        parent, name = self.site.tree.find_parent(address.space, address.base, address.names)
        condition, expected = condition_of(request)
        size = number_of(opaque_text(request.opaque, "Upload-Length"), "Upload-Length")
        new = self.site.tree.child(parent, name) is None
        upload = Uploads(self.site).start(
            caller.user.id,
            parent,
            name,
            size=size,
            condition=condition,
            expected=expected,
            lock=request.lock_id,
            checksum=opaque_text(request.opaque, "Upload-Checksum")
            if self.site.flavour.compares
            else "",
            mtime=read_seconds(opaque_text(request.opaque, "X-OC-Mtime"))
            if self.site.flavour.describes
            else None,
        )
        token = self.site.tokens.transfer(
            Transfer(user=caller.user.id, link=caller.link, upload=upload.id)
        )
        # Resuming needs to know where the end is.
        ways = ("simple", "tus") if size else ("simple",)
        reply = gateway.InitiateFileUploadResponse(
            protocols=[
                protocols.FileUploadProtocol(
                    protocol=way,
                    upload_endpoint=f"{self.site.url}/data",
                    token=token,
                    available_checksums=[
                        resources.ResourceChecksumPriority(
                            type=resources.RESOURCE_CHECKSUM_TYPE_SHA1, priority=100
                        )
                    ]
                    if self.site.flavour.compares
                    else [],
                )
                for way in ways
            ]
        )
        if new and self.site.flavour.spaces:
            reply.opaque.CopyFrom(opaque(created="true"))
        return reply

    @answers(gateway.InitiateFileDownloadResponse)
    def InitiateFileDownload(self, caller: Caller, request: Any) -> Any:
        """Hand out a token to read. Whether there is a file shows at the GET, as at real sites."""
        address = resolve(self.site, caller, request.ref)
        address.require("initiate_file_download")
        names, version = address.names, opaque_text(request.opaque, "version_key")
        if self.site.flavour.spaces:
            # The key of a version is an id of its own; "version_key" is not looked at.
            version = address.base if ".REV." in address.base and not names else ""
        base = address.base.partition(".REV.")[0]
        token = self.site.tokens.transfer(
            Transfer(
                user=caller.user.id,
                link=caller.link,
                space=address.space.id,
                node=base,
                path="/".join(names),
                version=version,
            )
        )
        relative = address.style != "absolute"
        return gateway.InitiateFileDownloadResponse(
            protocols=[
                protocols.FileDownloadProtocol(
                    protocol="spaces" if self.site.flavour.spaces or relative else "simple",
                    download_endpoint=f"{self.site.url}/data",
                    token=token,
                )
            ]
        )


def condition_of(request: Any) -> tuple[str, str]:
    """The condition of an InitiateFileUpload: "" or "match", "absent", "unmodified", and what is expected."""
    option = request.WhichOneof("options")
    if option == "if_match" and request.if_match:
        return "match", request.if_match.removeprefix("W/").strip('"')
    if option == "if_not_exist" and request.if_not_exist:
        return "absent", ""
    if option == "if_unmodified_since":
        since = request.if_unmodified_since
        return "unmodified", str(since.seconds * _NS + since.nanos)
    return "", ""


def number_of(text: str, what: str) -> int | None:
    """A number of bytes, None of ""; raises Refused(BAD_REQUEST)."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(Reason.BAD_REQUEST, f"{what} is not a number of bytes.")
    return int(text)
