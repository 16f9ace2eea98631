import importlib.util
import re
from pathlib import Path

import pytest

from jupyter_mesh.cli import SECTIONS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "spawner").glob("*.md")]
)


@pytest.mark.parametrize("name", ["cli", "settings"])
def test_a_page_that_is_made_is_fresh(name):
    script = ROOT / "docs" / f"make_{name}.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / f"{name}.md").read_text()
    assert page == module.page(), f"run: python docs/make_{name}.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_verb_stands_in_readme_or_docs():
    text = "\n".join(page.read_text() for page in PAGES)
    verbs = [verb for section in SECTIONS.values() for verb in section]
    assert [verb for verb in verbs if f"jupyter mesh {verb}" not in text] == []
