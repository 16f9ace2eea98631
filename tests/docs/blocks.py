"""The code blocks of the pages in docs/, as the tests run them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of this language in ``docs/<page>.md``, in their order."""
    return blocks_of((DOCS / f"{page}.md").read_text(), language)


def blocks_of(text: str, language: str) -> list[str]:
    """The blocks of this language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
