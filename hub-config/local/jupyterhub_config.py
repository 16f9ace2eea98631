"""A JupyterHub on this machine for the users of one mesh site. `make demo` runs it; docs/hub.md explains it.

    MESH_SITE=alpine MESH_GATEWAY=127.0.0.1:19000 python -m jupyterhub -f hub-config/local/jupyterhub_config.py

=====================  ===============  ==================================================================
environment            default          what
=====================  ===============  ==================================================================
MESH_SITE              (needed)         name of the site, as users read it
MESH_GATEWAY           (needed)         host:port of the CS3 gateway of the site
MESH_SITE_TITLE        the name         what its people call the site: Alpine University
MESH_HUB_STATE         .hub-<site>      folder for database, keys and the users' scratch files
MESH_HUB_PORT          8000             where browsers come in: http://127.0.0.1:<port>
MESH_HUB_API_PORT      8081             where the hub answers its proxy and the users' servers (loopback)
MESH_HUB_PROXY_PORT    8001             where the proxy takes orders from the hub (loopback)
=====================  ===============  ==================================================================

The files of the site are also the folder `mesh` in each home, where this machine can mount (docs/hub.md).
The program `configurable-http-proxy` (npm) stands beside `python` or on PATH. All servers run under the
account that runs the hub: for one person, a demo, or people who trust each other.
"""

import os
import secrets
import sys
from pathlib import Path

from jupyter_mesh_spawner import apply_defaults

c = get_config()  # noqa: F821  (JupyterHub puts it in scope)

site = os.environ.get("MESH_SITE") or sys.exit("Set MESH_SITE to the name of your site.")
gateway = os.environ.get("MESH_GATEWAY") or sys.exit(
    "Set MESH_GATEWAY to the host:port of its CS3 gateway."
)
state = Path(os.environ.get("MESH_HUB_STATE", f".hub-{site}")).resolve()
port = os.environ.get("MESH_HUB_PORT", "8000")
api_port = os.environ.get("MESH_HUB_API_PORT", "8081")
proxy_port = os.environ.get("MESH_HUB_PROXY_PORT", "8001")

state.mkdir(mode=0o700, parents=True, exist_ok=True)
# The proxy and the users' servers are the ones installed beside this Python.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def secret(name: str) -> bytes:
    """Thirty-two random bytes that stay the same from start to start, in a file nobody else can read."""
    path = state / name
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())


# Where things are
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret = secret("cookie_secret")
c.CryptKeeper.keys = [secret("crypt_key")]

# Login with the name and password of the site
apply_defaults(c)
c.JupyterHub.authenticator_class = "mesh-cs3"
c.CS3Authenticator.mesh_site = site
c.CS3Authenticator.mesh_gateway = gateway
c.CS3Authenticator.allow_all = True

# A JupyterLab for everybody, with the files of the site in it
c.JupyterHub.spawner_class = "mesh-local"
c.MeshLocalSpawner.home_dir_template = str(state / "home" / "{username}")
c.MeshLocalSpawner.notebook_dir = "~"
c.MeshLocalSpawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.MeshLocalSpawner.environment = {
    # Terminals keep the PATH of the server, and nobody is asked about news before the first look.
    "JUPYTER_CONFIG_PATH": str(Path(__file__).resolve().parent / "servers"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "MESH_SITE_TITLE": os.environ.get("MESH_SITE_TITLE", ""),
}
# A laptop with much to do takes its time to start a JupyterLab.
c.MeshLocalSpawner.http_timeout = 120
c.MeshLocalSpawner.interrupt_timeout = c.MeshLocalSpawner.term_timeout = 5
# Ctrl-C is not to take long; what is not at the site by then is uploaded at the next start.
c.MeshLocalSpawner.mesh_mount_grace = 10
if os.geteuid() == 0:
    c.MeshLocalSpawner.args = ["--allow-root"]

# Stop the hub, and everything it started stops with it
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = True
