"""The project's documents as tests read them: fenced blocks, and what a block of HTTP says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from local.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANYTHING = "..."


class Exchange(NamedTuple):
    """A request and what the document says is answered."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any


def blocks(document: Path, language: str) -> list[str]:
    """A document's fenced blocks of one language, in order."""
    return [text for found, text in _FENCE.findall(document.read_text()) if found == language]


def exchange(block: str) -> Exchange:
    """Reads ``METHOD PATH``, headers, a JSON body; a blank line; ``STATUS`` and a JSON answer."""
    asked, _, told = block.partition("\n\n")
    first, *lines = asked.splitlines()
    method, path = first.split(" ")
    headers = {}
    while lines and re.match(r"[A-Za-z-]+: ", lines[0]):
        name, _, value = lines.pop(0).partition(": ")
        headers[name] = value
    body = "\n".join(lines)
    status, _, answer = told.strip().partition(" ")
    return Exchange(
        method, path, headers, json.loads(body) if body else None, int(status), json.loads(answer) if answer else None
    )


def differences(told: Any, answer: Any, at: str = "") -> Iterator[str]:
    """Where an answer is not as told. ``"..."`` is anything; an object may have more fields, a list more items."""
    if told == _ANYTHING:
        return
    if isinstance(told, dict) and isinstance(answer, dict):
        for name, value in told.items():
            if name not in answer:
                yield f"{at}/{name} is missing"
            else:
                yield from differences(value, answer[name], f"{at}/{name}")
    elif isinstance(told, list) and isinstance(answer, list):
        for number, value in enumerate(told):
            tries = [list(differences(value, item, f"{at}/{number}")) for item in answer]
            if all(tries):
                yield f"{at}/{number} is not among {answer}"
    elif told != answer:
        yield f"{at} is {answer!r}, not {told!r}"
