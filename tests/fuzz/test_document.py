"""docs/openapi.yaml is OpenAPI 3.1, by a validator that is not ours."""

from pathlib import Path

import pytest

from local.paths import ROOT
from tests.fuzz.conftest import Run

DOCUMENT = ROOT / "docs" / "openapi.yaml"


def test_the_document_is_valid(run: Run) -> None:
    done = run("openapi_spec_validator", "--schema", "3.1", str(DOCUMENT))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("operationId: letGo", "operationId: listHolds"), ("#/components/schemas/Holds", "#/components/schemas/Hold")],
)
def test_a_faulty_one_is_not(run: Run, tmp_path: Path, right: str, wrong: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "openapi.yaml").write_text(text.replace(right, wrong), encoding="utf-8")
    assert run("openapi_spec_validator", "--schema", "3.1", str(tmp_path / "openapi.yaml")).returncode != 0
