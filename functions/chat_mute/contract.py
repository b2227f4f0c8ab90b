"""``GET /openapi.yaml``: the API described for machines and people, as docs/openapi.yaml says it."""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).with_name("openapi.yaml")
"""A link to docs/openapi.yaml; a build puts the document itself here."""


class Contract(NamedTuple):
    """The document, and a version that is new with each change."""

    text: str
    version: str


@cache
def contract() -> Contract:
    """Read when it is first asked for, so that no cold start waits for it."""
    text = _FILE.read_text(encoding="utf-8")
    return Contract(text, hashlib.sha256(text.encode()).hexdigest()[:16])
