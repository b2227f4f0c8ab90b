"""`GET /openapi.yaml`: the document itself, for anybody, told apart by its version."""

from pathlib import Path
from typing import Any

import pytest

from chat_mute import contract
from local.paths import ROOT
from tests.unit.function.events import api_event
from tests.unit.function.office import Office

PATH = "/openapi.yaml"
TEXT = (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")


def get(office: Office, headers: dict[str, str] | None = None, query: str = "") -> Any:
    return office.stack.call("GET", PATH + query, headers=headers)


def test_it_is_the_document_in_yaml(office: Office) -> None:
    with office.cost() as cost:
        answer = get(office)
    assert (answer.status, answer.body) == (200, TEXT)
    assert answer.headers["Content-Type"] == "application/yaml"
    assert cost.all == (0, 0, [])


def test_who_has_it_already_is_told_so(office: Office) -> None:
    tag = get(office).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        answer = get(office, {"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers) == (304, None, {"ETag": tag}), known
    assert get(office, {"If-None-Match": '"another"'}).status == 200
    assert get(office, {"If-Match": '"another"'}).status == 200, "there is nothing to change"


def test_its_version_is_new_with_each_change(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "openapi.yaml"
    changed.write_text(TEXT + "#", encoding="utf-8")
    before = get(office).headers["ETag"]
    monkeypatch.setattr(contract, "_FILE", changed)
    contract.contract.cache_clear()
    after = get(office)
    contract.contract.cache_clear()
    assert after.body == TEXT + "#"
    assert after.headers["ETag"] != before


def test_it_is_read_when_it_is_asked_for_and_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    contract.contract.cache_clear()
    office.stack.new_process()
    assert office.stack.call("GET", "/health").status == 200
    assert contract.contract.cache_info().currsize == 0
    assert (get(office).status, get(office).status) == (200, 200)
    assert contract.contract.cache_info().misses == 1


@pytest.mark.parametrize(
    ("headers", "query", "named"),
    [({"If-None-Match": "abc"}, "", "If-None-Match: "), ({}, "?format=json", "format: unknown query parameter.")],
)
def test_what_makes_no_sense_is_refused(office: Office, headers: dict[str, str], query: str, named: str) -> None:
    answer = get(office, headers, query)
    assert (answer.status, answer.body["error"]) == (400, "INVALID_PARAMETER")
    assert answer.body["error_description"].startswith(named)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_it_has_one_method(office: Office, method: str) -> None:
    answer = office.stack.invoke(api_event(method, PATH, None))
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET")
