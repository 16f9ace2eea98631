"""The hub of ../local with Dask Gateway beside it; docs/compute.md explains it.

    pip install dask-gateway-server dask-gateway
    MESH_SITE=alpine MESH_GATEWAY=127.0.0.1:19000 python -m jupyterhub -f hub-config/compute/jupyterhub_config.py

=====================  ===============  ==================================================================
environment            default          what
=====================  ===============  ==================================================================
MESH_DASK_PORT         8010             where Dask Gateway answers (loopback)
=====================  ===============  ==================================================================

and all that ../local/jupyterhub_config.py knows. As there, everything runs under the account of the hub, the
workers of all users too: for one person, a demo, or people who trust each other.
"""

import os
import sys
from pathlib import Path

import jupyterhub

c = get_config()  # noqa: F821  (JupyterHub puts it in scope)
here = Path(__file__).resolve().parent
load_subconfig(str(here.parent / "local" / "jupyterhub_config.py"))  # noqa: F821  (as well)

NAME = "dask-gateway"
port = os.environ.get("MESH_DASK_PORT", "8010")

c.JupyterHub.services.append(
    {
        "name": NAME,
        "url": f"http://127.0.0.1:{port}",
        "display": False,
        "command": [
            sys.executable,
            "-m",
            "dask_gateway_server",
            "-f",
            str(here / "dask_gateway_config.py"),
        ],
        "environment": {"MESH_DASK_PORT": port},
    }
)
# A server may use it as its user. JupyterHub 5 has no way to add to its roles: there all tokens of users may.
if jupyterhub.version_info >= (6,):
    SCOPE = f"access:services!service={NAME}"
    c.JupyterHub.extra_user_scopes.update({SCOPE})
    c.Spawner.server_token_scopes = [*c.Spawner.server_token_scopes, SCOPE]

# What `dask_gateway.Gateway()` reads: names and addresses. Its key is the hub token that the server has anyway.
c.MeshLocalSpawner.environment.update(
    {
        "DASK_GATEWAY__ADDRESS": f"http://127.0.0.1:{port}/services/{NAME}",
        "DASK_GATEWAY__PROXY_ADDRESS": f"gateway://127.0.0.1:{port}",
        "DASK_GATEWAY__PUBLIC_ADDRESS": f"/services/{NAME}",
        "DASK_GATEWAY__AUTH__TYPE": "jupyterhub",
    }
)
