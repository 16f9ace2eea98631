import csv
import io
import json

import pytest

from jupyter_mesh.demo.people import SITES
from jupyter_mesh.demo.samples import sample

SAMPLES = sorted({name for site in SITES for name in (site.home_sample, site.project_sample)})


@pytest.fixture(params=SAMPLES)
def files(request):
    """The files of one sample."""
    return dict(sample(request.param))


def test_every_sample_tells_source_and_licence(files):
    text = files["README.md"].decode()
    assert "**Source**" in text
    assert "**Licence**" in text


def test_notebooks_say_no_place_and_have_no_outputs(files):
    notebooks = [json.loads(content) for name, content in files.items() if name.endswith(".ipynb")]
    assert notebooks
    for notebook in notebooks:
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        text = "".join(line for cell in code for line in cell["source"])
        assert "here() /" in text
        assert not any(place in text for place in ("cs3://", "home/", "projects/"))
        assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.parametrize(
    ("name", "file", "rows"),
    [
        pytest.param("sea-breeze", "weather-new-york-2013.csv", 26_115, id="weather"),
        pytest.param("keeling-curve", "co2-mauna-loa.csv", 2_284, id="co2"),
    ],
)
def test_the_data_are_complete(name, file, rows):
    content = dict(sample(name))[file].decode()
    assert sum(1 for _ in csv.DictReader(io.StringIO(content))) == rows
