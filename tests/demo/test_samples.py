import csv
import io
import json

import pytest

from jupyter_mesh.demo.people import SITES
from jupyter_mesh.demo.samples import sample

SAMPLES = sorted({name for site in SITES for name in (site.home_sample, site.project_sample)})


@pytest.fixture(params=SAMPLES)
def files(request):
    """The files of one sample, as they lie in a project."""
    return dict(sample(request.param, "projects/anything/here"))


def test_every_sample_tells_source_and_licence(files):
    text = files["README.md"].decode()
    assert "**Source**" in text
    assert "**Licence**" in text


def test_the_notebook_reads_from_where_it_lies_and_has_no_outputs(files):
    (notebook,) = (
        json.loads(content) for name, content in files.items() if name.endswith(".ipynb")
    )
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert '"projects/anything/here"' in "".join(code[0]["source"])
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.parametrize(
    ("name", "file", "rows"),
    [
        pytest.param("sea-breeze", "weather-new-york-2013.csv", 26_115, id="weather"),
        pytest.param("keeling-curve", "co2-mauna-loa.csv", 2_284, id="co2"),
    ],
)
def test_the_data_are_complete(name, file, rows):
    content = dict(sample(name, "home"))[file].decode()
    assert sum(1 for _ in csv.DictReader(io.StringIO(content))) == rows
