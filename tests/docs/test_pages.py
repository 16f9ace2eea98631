import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from traitlets import HasTraits

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


def settings_of(folder):
    """The classes below a package folder that have settings of their own, found in the text: nothing is imported."""
    for file in sorted(folder.rglob("*.py")):
        module = ".".join(file.relative_to(folder.parent).with_suffix("").parts)
        if ".tag(config=True)" in file.read_text():
            yield importlib.import_module(module.removesuffix(".__init__"))


@pytest.mark.parametrize("folder", ["jupyter_mesh", "spawner/jupyter_mesh_spawner"])
def test_every_setting_has_help_in_whole_sentences_and_stands_on_the_page(folder):
    page = (ROOT / "docs" / "settings.md").read_text()
    missing, halves = [], []
    for module in settings_of(ROOT / folder):
        for kind in vars(module).values():
            own = isinstance(kind, type) and kind.__module__ == module.__name__
            if not own or not issubclass(kind, HasTraits):
                continue
            for name, trait in kind.class_own_traits(config=True).items():
                text = trait.help.strip()
                if not text[:1].isupper() or not text.endswith("."):
                    halves.append(f"{kind.__name__}.{name}: {text!r}")
                if f".{name}`" not in page:
                    missing.append(f"{kind.__name__}.{name}")
    assert halves == []
    assert missing == []
