"""A hub that starts a container for each user's server, with the files of one site mounted in it.

compose.yaml beside this file runs it in a container; docs/hub.md explains it. Named by the environment:

======================  ========  ==================================================================
environment             default   what
======================  ========  ==================================================================
``MESH_SITE``                     name of the site, as users read it
``MESH_GATEWAY``                  its CS3 gateway, as the hub and the servers reach it
``MESH_NETWORK``                  network of the Docker engine that the hub and the servers share
``MESH_SERVER_IMAGE``             image of the servers
``MESH_MOUNT_MODE``     ``none``  ``host``: the files are also a folder on the disk
``MESH_HUB_STATE``      ``.``     folder for the database, the keys and nothing else
======================  ========  ==================================================================
"""

import os
import secrets
from pathlib import Path

from jupyter_mesh_spawner import apply_defaults

c = get_config()  # noqa: F821  (JupyterHub puts it in scope)

state = Path(os.environ.get("MESH_HUB_STATE", ".")).resolve()


def secret(name: str) -> bytes:
    """Thirty-two random bytes that stay the same from start to start, in a file nobody else can read."""
    path = state / name
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())


c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_bind_url = "http://:8081"
# Servers, and what mounts for them, find the hub by the name of its service.
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret = secret("cookie_secret")
c.CryptKeeper.keys = [secret("crypt_key")]
# Servers live on while the hub is made anew.
c.JupyterHub.cleanup_servers = False

apply_defaults(c)
c.JupyterHub.authenticator_class = "mesh-cs3"
c.CS3Authenticator.mesh_site = os.environ["MESH_SITE"]
c.CS3Authenticator.mesh_gateway = os.environ["MESH_GATEWAY"]
c.CS3Authenticator.allow_all = True

c.JupyterHub.spawner_class = "mesh-docker"
c.MeshDockerSpawner.image = os.environ["MESH_SERVER_IMAGE"]
c.MeshDockerSpawner.network_name = os.environ["MESH_NETWORK"]
c.MeshDockerSpawner.use_internal_ip = True
c.MeshDockerSpawner.mesh_mount_mode = os.environ.get("MESH_MOUNT_MODE", "none")
# Local files stay when the container goes.
c.MeshDockerSpawner.notebook_dir = "/home/jovyan"
c.MeshDockerSpawner.volumes = {"mesh-home-{username}": "/home/jovyan"}
# Nothing here needs a privilege in the server.
c.MeshDockerSpawner.extra_host_config = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
