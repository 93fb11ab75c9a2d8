"""The decisions of docs/architecture/ are numbered without gaps, and the index names every one."""

import re

from tests.documents import pages


def test_every_decision_has_one_number_and_is_in_the_index():
    found = {}
    for page in sorted((pages.ROOT / "docs" / "architecture").glob("*.md")):
        for number, title in re.findall(r"^## (\d+)\. (.*)$", page.read_text(), re.MULTILINE):
            assert int(number) not in found, number
            found[int(number)] = (page.name, title)
    assert sorted(found) == list(range(1, len(found) + 1)) and len(found) >= 66
    line = r"^- \[(\d+)\. (.*)\]\(architecture/([a-z_]+\.md)#\S+\)$"
    index = re.findall(line, pages.text("architecture.md"), re.MULTILINE)
    assert {int(number): (page, title) for number, title, page in index} == found
