"""What the process for documents does: standard input is a socket to the server, and ends it when it closes.

The server sends one line of JSON with two descriptors, of a file to read and a file to write, and waits for
one line as answer: ``{"size", "sha1", …}``, ``{"refused": reason}``, ``{"unusual": true}`` or
``{"invalid": true}``. The first line, without descriptors, says how notebooks are signed; it is empty for a
process that only compares.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import logging
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_mesh.compare.answer import compared, sides_of
from jupyter_mesh.documents.convert import Refused, Unusual, content_of, stored_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[..., tuple[bytes, dict[str, Any]]]

__all__ = ["main"]

LINE = 1 << 16


def main(server: socket.socket) -> None:
    """Convert until the server closes the socket."""
    # What is wrong with a notebook stands in its model: the server's log has no use for it from here.
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    # Notebooks are no cycles; looking for some in them takes a quarter of the time.
    gc.disable()
    first, _ = _receive(server)
    if first is None:
        return
    ways: dict[str, Way] = (
        {"sides": sides_of, "compare": compared} if not first else _signing(first)
    )
    server.sendall(b"{}\n")
    while True:
        request, files = _receive(server)
        if request is None:
            break
        source, target = files
        try:
            with open(source, "rb") as read, open(target, "wb") as write:
                read.seek(0)
                data, answer = ways[request.pop("way")](read.read(), **request)
                write.write(data)
            digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
            answer |= {"size": len(data), "sha1": digest}
            del data
        except Refused as error:
            answer = {"refused": str(error)}
        except Unusual:
            answer = {"unusual": True}
        except (ValueError, RecursionError):
            answer = {"invalid": True}
        except OSError as error:
            answer = {"errno": error.errno}
        server.sendall(json.dumps(answer).encode() + b"\n")
        gc.collect()


def _signing(first: dict[str, Any]) -> dict[str, Way]:
    """The ways of a process that may sign notebooks for the user."""
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary(
        algorithm=first["algorithm"],
        secret=base64.b64decode(first["secret"]),
        db_file=first["db_file"],
    )
    return {"read": partial(content_of, notary=notary), "save": partial(stored_of, notary=notary)}


def _receive(server: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next line and the descriptors that came with it; None when the server has gone."""
    line, files = b"", list[int]()
    while not line.endswith(b"\n"):
        piece, more, _, _ = socket.recv_fds(server, LINE, 2)
        if not piece:
            for file in files:
                os.close(file)
            return None, []
        line += piece
        files += more
    request: dict[str, Any] = json.loads(line)
    return request, files
