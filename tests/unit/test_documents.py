"""What the documents say is so: each exchange is made, each link leads somewhere, each command exists."""

import re
from pathlib import Path

import pytest

from local.paths import ROOT
from local.virtual import VirtualStack
from local.world import ANN, furnish
from tests.documents import DOCUMENTS, blocks, differences, exchange

HOST = "portal.example"
WITH_HTTP = [document for document in DOCUMENTS if blocks(document, "http")]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(#[^)\s]*)?\)")


@pytest.mark.parametrize("document", WITH_HTTP, ids=lambda path: path.name)
def test_each_exchange_is_as_the_document_says(document: Path) -> None:
    stack = VirtualStack()
    portal = stack.add_portal(HOST)
    furnish(portal)
    code = next(iter(portal.webhooks.values())).code
    stack.put_account("default", {"webhook_url": f"https://{HOST}/rest/{ANN}/{code}/"})
    for block in blocks(document, "http"):
        one = exchange(block)
        answer = stack.call(one.method, one.path, one.body, one.headers)
        assert answer.status == one.status, (block, answer)
        assert list(differences(one.answer, answer.body)) == [], block


def test_there_are_exchanges_in_the_guide_and_a_wrong_one_would_be_seen() -> None:
    assert len(blocks(ROOT / "docs/guide.md", "http")) > 10
    assert list(differences({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 3}]})) != []
    assert list(differences({"a": "..."}, {})) == ["/a is missing"]


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_leads_somewhere(document: Path) -> None:
    for link, anchor in _LINK.findall(document.read_text()):
        if link.startswith("https://"):
            continue
        target = document.parent / link if link else document
        assert target.exists(), link
        assert not anchor or anchor[1:] in anchors(target), link + anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_make_target_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named - TARGETS == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`((?:docs|events|functions|layers|local|tests)/[\w./-]+)`", document.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []
