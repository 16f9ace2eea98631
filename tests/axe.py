"""What axe-core finds wrong with a page, for whoever reads it with something else than eyes."""

from pathlib import Path

from playwright.sync_api import Locator, Page

AXE = Path(__file__).parents[1] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"


def assert_accessible(place: Locator | Page) -> None:
    """Fails with all that is serious or critical in a page or in a part of one."""
    page = place if isinstance(place, Page) else place.page
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE.read_text())
    root = page.locator("body") if isinstance(place, Page) else place
    found = root.evaluate(
        "async node => (await window.axe.run(node, {resultTypes: ['violations']})).violations"
    )
    serious = [
        f"{each['id']}: {each['help']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert not serious, "\n".join(serious)
