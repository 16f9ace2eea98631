"""Dask Gateway as a service of the hub: schedulers and workers are processes of its machine."""

import os
import sys

import jupyterhub

c = get_config()  # noqa: F821  (Dask Gateway puts it in scope)

c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
c.JupyterHubAuthenticator.use_service_access_scopes = jupyterhub.version_info >= (6,)
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
# Nothing but the hub and the servers on this machine comes here.
c.DaskGateway.address = "127.0.0.1:0"
c.Proxy.address = f"127.0.0.1:{os.environ['MESH_DASK_PORT']}"
c.Proxy.prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/")

# Dask has no dask-scheduler and dask-worker any more, which Dask Gateway calls by default.
c.ClusterConfig.scheduler_cmd = [sys.executable, "-m", "dask", "scheduler"]
c.ClusterConfig.worker_cmd = [sys.executable, "-m", "dask", "worker"]
c.UnsafeLocalBackend.cluster_start_timeout = c.UnsafeLocalBackend.worker_start_timeout = 120
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.worker_memory = "1 G"
c.ClusterConfig.cluster_max_workers = 4
# A cluster that nobody uses goes, also when its notebook was forgotten.
c.ClusterConfig.idle_timeout = 1800
