"""Links between the documents lead somewhere."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("client", "serving", "zoo", "tests/data")),
]


def headings(page):
    """Anchors as GitHub makes them of headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for place, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        if place.startswith(("http:", "https:")):
            continue
        target = page.parent / place if place else page
        assert target.exists(), f"{page.name}: {place}"
        assert not anchor or anchor in headings(target), f"{page.name}: {place}#{anchor}"
