"""Every example of a request is sent, and the answer is the document's example of that name, to the letter."""

from typing import Any

import pytest

from tests.unit.contract.document import Answering, Operation, answers, faults_of_answer, operations
from tests.unit.contract.world import BEFORE, World

Case = tuple[Operation, str, Answering]


def _cases() -> list[Case]:
    """An operation, the name of an example, and the answer it stands for; without a name, one that has no body."""
    found = []
    for operation in operations().values():
        for answer in answers(operation):
            if answer.status < 300 and "application/yaml" not in answer.media:
                found += [(operation, name, answer) for name in answer.examples or {"": None}]
    return found


CASES = _cases()


@pytest.mark.parametrize(
    ("operation", "name", "expected"), [pytest.param(*case, id=f"{case[0].id}-{case[1]}") for case in CASES]
)
def test_an_example_is_what_the_service_answers(
    monkeypatch: pytest.MonkeyPatch, operation: Operation, name: str, expected: Answering
) -> None:
    world = World(monkeypatch)
    if before := BEFORE.get((operation.id, name)):
        before(world)
    body = operation.requests[name] if operation.requests else None
    status, told, headers = world.stack.call(operation.method, operation.target, body)
    assert status == expected.status, told
    assert faults_of_answer(operation, status, headers, told) == []
    if name:
        assert _without_timing(told) == _without_timing(expected.examples[name])


def _without_timing(body: Any) -> list[tuple[str, Any]]:
    """A body's fields in their order, but for the portal's own timing."""
    return [(key, value) for key, value in body.items() if key != "time"]


def test_every_example_of_a_request_is_among_them() -> None:
    sent = {(operation.id, name) for operation, name, _ in CASES}
    assert {(one.id, name) for one in operations().values() for name in one.requests} <= sent


def test_a_preview_is_a_picture_too_where_the_document_says_so() -> None:
    operation = operations()["previewUnsaved"]
    body, headers = operation.requests["spring"], {"Accept": "image/svg+xml"}
    status, told, headers = World().stack.call("POST", operation.target, body, headers)
    assert faults_of_answer(operation, status, headers, told) == []
    assert told.startswith("<svg")
