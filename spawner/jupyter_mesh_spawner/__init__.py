"""The hub side of jupyter-mesh: spawners, logins, token hand-over."""

import os

from jupyter_mesh_spawner._version import __version__
from jupyter_mesh_spawner.defaults import apply_defaults

__all__ = ["__version__", "apply_defaults"]

# Local spawners fork, and exec at once. gRPC would stop its threads at each fork to make it safe to go on
# without exec; it reads this when it is loaded, which is later.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
