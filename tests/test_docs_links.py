"""The manual leads nowhere wrong: links, headings, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/.]+)(?:::(\w+))?`")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to."""
    return {
        re.sub(r"[^\w -]", "", found).lower().replace(" ", "-") for found in _HEADING.findall(prose(page))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert ROOT in (there, *there.parents), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    for path, name in _TEST.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path
        if name:
            assert re.search(
                rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
            ), name


def test_the_readme_lists_every_page() -> None:
    links = set(_LINK.findall(PAGES[0].read_text(encoding="utf-8")))
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= links


def test_a_link_that_leads_nowhere_would_be_seen() -> None:
    assert _LINK.findall("see [a page](docs/none.md#x), ![no](picture.png)") == ["docs/none.md#x"]
    assert "what-it-does-and-what-is-not-there" in anchors(ROOT / "docs" / "simulator.md")
