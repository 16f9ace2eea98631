import asyncio
import os

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.demo.samples import put_sample
from jupyter_mesh.testing.site import run_node
from jupyter_mesh_spawner.mounts import LocalMount
from tests.mounts import mounted_below, needs_fuse


@pytest.fixture
async def site(tmp_path, monkeypatch):
    """A node, and the environment of its first user's server."""
    async with run_node(tmp_path / "data") as site:
        monkeypatch.setenv("MESH_SITE", site.settings.name)
        monkeypatch.setenv("MESH_GATEWAY", site.gateway)
        monkeypatch.setenv("MESH_TOKEN_FILE", str(tmp_path / "token"))
        write_token_file(tmp_path / "token", await site.tokens().token())
        yield site


NOTEBOOKS = [
    pytest.param("sea-breeze", "sea-breeze", 2, id="sea breeze"),
    pytest.param("sea-breeze", "many-processes", 1, id="many processes"),
    pytest.param("keeling-curve", "keeling-curve", 2, id="Keeling curve"),
]


@pytest.fixture
async def run(site, monkeypatch, tmp_path):
    """Puts a sample where it is to lie and runs a notebook of it in a folder of this machine; gives what it says."""

    async def run(name, notebook, pictures, folder=None):
        place = f"projects/dimuon/{name}"
        monkeypatch.setenv("MESH_FOLDER", f"cs3://{site.settings.name}/{place}")
        async with site.client() as mesh:
            await put_sample(mesh, name, place)
            await put_sample(mesh, name, place)
            source = await mesh.read(f"{place}/{notebook}.ipynb")
        document = nbformat.reads(source.decode(), as_version=4)
        where = {"metadata": {"path": str(folder / place if folder else tmp_path)}}
        client = NotebookClient(document, timeout=150, resources=where)
        # Not here: whoever starts a process in a mount waits for it, and with it for the site, which runs here.
        await asyncio.to_thread(lambda: asyncio.run(client.async_execute()))
        outputs = [output for cell in document.cells for output in cell.get("outputs", [])]
        assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures
        assert [output.text for output in outputs if output.get("name") == "stderr"] == []
        return "".join(output.text for output in outputs if output.get("name") == "stdout")

    return run


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("name", "notebook", "pictures"), NOTEBOOKS)
async def test_it_runs_clean_by_address(run, name, notebook, pictures):
    said = await run(name, notebook, pictures)
    if notebook == "many-processes":
        assert "12 tasks were done by 2 processes" in said
    if notebook == "sea-breeze":
        assert "is not mounted on this machine, so weather-new-york-2013.csv is read by its" in said
        assert "The same data: True" in said


@needs_fuse
@pytest.mark.timeout(240)
async def test_it_reads_its_data_as_a_file_where_they_are_mounted(run, tmp_path):
    environment = {name: os.environ[name] for name in os.environ if name.startswith("MESH_")}
    environment |= {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    mount = LocalMount.beside(environment, "~")
    try:
        await mount.mount(120)
        said = await run("sea-breeze", "sea-breeze", 2, folder=tmp_path / "mesh")
    finally:
        await mount.unmount(10)
    assert "the folder of this notebook is mounted" in said
    assert "26,115 observations." in said
    assert "The same data: True" in said
    assert mounted_below(tmp_path) == []
