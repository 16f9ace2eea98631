"""Code in notebooks finds the files beside it, in Python and in a language that knows nothing of the mesh."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from tests.e2e.processes import wait_for
from tests.mounts import mounted_below, needs_fuse

pytestmark = needs_fuse


@pytest.fixture
def maya(demo):
    return demo.sites["alpine"].accounts["maya"]


@pytest.fixture
def kernel_for_r(maya):
    """IRkernel where only this user's server finds it."""
    program = shutil.which("Rscript")
    has_it = (
        program
        and not subprocess.run(
            [program, "-e", "library(IRkernel)"], capture_output=True, check=False
        ).returncode
    )
    if not has_it:
        pytest.skip("R with IRkernel is not installed here (Debian: r-base-core r-cran-irkernel)")
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    command = f"IRkernel::installspec(prefix = '{maya.local}/.local')"
    subprocess.run(
        [program, "-e", command],
        env=os.environ | {"PATH": path},
        check=True,
        capture_output=True,
    )
    yield "ir"
    shutil.rmtree(maya.local / ".local" / "share" / "jupyter" / "kernels" / "ir")


def test_the_sample_reads_its_data_as_a_file(open_lab, maya):
    lab = open_lab(maya)
    assert mounted_below(maya.local) == [str(maya.local / "mesh")]
    mesh = lab.show_mesh()
    mesh.enter("sea-breeze")
    mesh.open("sea-breeze.ipynb")
    lab.run_all()
    read = f"the folder of this notebook is mounted, {maya.local}/mesh/home/sea-breeze."
    expect(lab.notebook.get_by_text(read)).to_be_visible()
    expect(lab.notebook.get_by_text("The same data: True")).to_be_visible()


def test_r_reads_and_writes_beside_its_notebook(open_lab, maya, kernel_for_r):
    cells = [
        'weather <- read.csv("weather-new-york-2013.csv")',
        'cat(nrow(weather), "rows were read by R in", basename(getwd()))',
        "warm <- aggregate(temp ~ origin, weather, max)",
        'write.csv(warm, "warm.csv", row.names = FALSE)',
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": kernel_for_r, "display_name": "R", "language": "R"}},
    )
    folder = maya.files / "sea-breeze"
    nbformat.write(notebook, folder / "in-r.ipynb")
    lab = open_lab(maya)
    mesh = lab.show_mesh()
    mesh.enter("sea-breeze")
    mesh.open("in-r.ipynb")
    lab.run_all()
    expect(lab.notebook.get_by_text("26115 rows were read by R in sea-breeze")).to_be_visible()
    written = folder / "warm.csv"
    wait_for(lambda: written.exists() and written.read_text().count("\n") == 4, "warm.csv")
    assert '"JFK"' in written.read_text()
