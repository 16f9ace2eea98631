import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.demo.samples import put_sample
from jupyter_mesh.testing.site import run_node


@pytest.fixture
async def site(tmp_path, monkeypatch):
    """A node, and the environment of its first user's server."""
    async with run_node(tmp_path / "data") as site:
        monkeypatch.setenv("MESH_SITE", site.settings.name)
        monkeypatch.setenv("MESH_GATEWAY", site.gateway)
        monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "token"))
        write_token_file(tmp_path / "token", await site.tokens().token())
        yield site


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["sea-breeze", "keeling-curve"])
async def test_a_sample_runs_clean_where_it_lies(site, name):
    async with site.client() as mesh:
        await put_sample(mesh, name, f"projects/dimuon/{name}")
        await put_sample(mesh, name, f"projects/dimuon/{name}")
        source = await mesh.read(f"projects/dimuon/{name}/{name}.ipynb")
    notebook = nbformat.reads(source.decode(), as_version=4)
    await NotebookClient(notebook, timeout=90).async_execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
