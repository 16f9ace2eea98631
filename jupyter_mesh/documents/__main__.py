"""The process that converts documents: ``python -m jupyter_mesh.documents``, started by the server alone."""

import socket
import sys

# jsonschema would compile the grammar of all URLs for 1.5 s. No notebook needs it; without it, it goes on.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # Python's way to say that there is none

from jupyter_mesh.documents.serve import main

if __name__ == "__main__":
    main(socket.socket(fileno=0))
