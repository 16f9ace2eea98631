"""The exception of a start that fails, where JupyterHub does not bring it."""

import importlib.util
import logging

import jupyterhub.spawner

from jupyter_mesh_spawner import failures


def test_on_jupyterhub_5_what_is_for_the_log_is_told_to_the_log_alone(monkeypatch, caplog):
    monkeypatch.delattr(jupyterhub.spawner, "SpawnException", raising=False)
    spec = importlib.util.spec_from_file_location("failures_of_5", failures.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # A hub in this process may have taken tornado's log for its own.
    monkeypatch.setattr(module, "app_log", logging.getLogger(__name__))
    error = module.SpawnException(
        "100 % of alpine is away.",
        reason="mesh_site_down",
        log_message="10.1.2.3:443 refuses 5 % of",
        status_code=503,
    )
    assert (error.status_code, error.reason) == (503, "mesh_site_down")
    assert error.jupyterhub_message == "100 % of alpine is away."
    assert error.log_message % error.args == "100 % of alpine is away."
    assert [record.getMessage() for record in caplog.records] == ["10.1.2.3:443 refuses 5 % of"]
