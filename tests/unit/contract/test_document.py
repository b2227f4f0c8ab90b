"""docs/openapi.yaml against the code and the template: the same routes, no example that breaks its own schema."""

from collections.abc import Iterator
from typing import Any

import pytest

from chat_mute import api
from chat_mute.observability import Telemetry
from local.build import read_template
from tests.unit.contract.document import Answering, Operation, answers, document, faults, operations
from tests.unit.function.doubles import FakeAccountCheck, FakeClock, FakeMuting, tables
from tests.unit.function.doubles import api as make_api

ALL = list(operations().values())
PUBLIC = {("GET", "/health"), ("GET", "/openapi.yaml")}
OF_THE_GATEWAY = {403: "FORBIDDEN", 413: "TOO_LARGE", 429: "TOO_MANY_REQUESTS", 500: "INTERNAL_SERVER_ERROR",
                  504: "PORTAL_TIMEOUT"}  # fmt: skip
"""What API Gateway answers by itself on any route that asks who is calling."""


def _pattern(path: str) -> tuple[str, ...]:
    """A path of the document as api.py writes it."""
    parts = path.removeprefix("/{account}").split("/")[1:]
    return tuple(api._NAME if part.startswith("{") else part for part in parts)


def test_the_document_has_the_routes_of_the_code_and_no_others(telemetry: Telemetry) -> None:
    code = make_api(FakeMuting(), FakeAccountCheck(), tables(), telemetry, FakeClock())
    routes = {(method, pattern) for pattern, methods in code._routes.items() for method in methods}
    of_accounts = [one for one in ALL if one.path.startswith("/{account}")]
    assert sorted((one.method, _pattern(one.path)) for one in of_accounts) == sorted(routes)
    assert {(one.method, one.path) for one in ALL} - {(one.method, one.path) for one in of_accounts} == PUBLIC
    assert set(code._public) == {path for _, path in PUBLIC}


def test_the_gateway_lets_exactly_these_routes_through() -> None:
    events = _gateway_events()
    needed = {(one.method, _gateway_path(one.path)) for one in ALL}
    assert needed == events


def _gateway_path(path: str) -> str:
    if path.startswith("/{account}/"):
        return "/{account}/{proxy+}"
    return path


def _gateway_events() -> set[tuple[str, str]]:
    template: Any = read_template()
    events = template["Resources"]["ChatMuteFunction"]["Properties"]["Events"].values()
    found = [event["Properties"] for event in events if event["Type"] == "Api"]
    return {(event["Method"], event["Path"]) for event in found}


def test_every_route_but_the_two_public_ones_is_signed_or_carries_a_key() -> None:
    assert document()["security"] == [{"sigv4": []}, {"apiKey": []}]
    assert set(document()["components"]["securitySchemes"]) == {"sigv4", "apiKey"}
    assert {(one.method, one.path) for one in ALL if one.spec.get("security") == []} == PUBLIC
    assert all("security" not in one.spec for one in ALL if (one.method, one.path) not in PUBLIC)


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_an_operation_knows_what_the_gateway_may_answer(operation: Operation) -> None:
    known = {one.status: one.examples for one in answers(operation)}
    for status, code in OF_THE_GATEWAY.items():
        if status != 403 or (operation.method, operation.path) not in PUBLIC:
            assert code in known[status], (status, code)


@pytest.mark.parametrize(
    "answer",
    [pytest.param(answer, id=f"{one.id}-{answer.status}") for one in ALL for answer in answers(one)],
)
def test_an_answers_examples_fit_its_schema_and_each_code_has_one(answer: Answering) -> None:
    for media, content in answer.media.items():
        if media == "application/json":
            assert answer.examples, "a body in JSON has an example"
            place = f"{answer.pointer}/content/{media.replace('/', '~1')}/schema"
            for name, value in answer.examples.items():
                assert faults(place, value) == [], (name, value)
            assert _codes(content["schema"]) <= set(answer.examples)
    if answer.status >= 400:
        assert all(example["error"] == name for name, example in answer.examples.items())


def _codes(schema: Any) -> set[str]:
    """The codes an error may have, where they are a closed list."""
    error = schema.get("properties", {}).get("error", {}) if "$ref" in schema else {}
    return set(error.get("enum", [])) | ({error["const"]} if "const" in error else set())


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_a_requests_examples_fit_its_schema(operation: Operation) -> None:
    assert bool(operation.requests) == ("requestBody" in operation.spec)
    for name, value in operation.requests.items():
        assert faults(f"{operation.pointer}/requestBody/content/application~1json/schema", value) == [], name
    for parameter in operation.parameters:
        assert parameter["in"] != "path" or "example" in parameter


def test_every_component_is_used() -> None:
    used = set(_references(document()))
    for kind, components in document()["components"].items():
        if kind != "securitySchemes":
            for name in components:
                assert f"#/components/{kind}/{name}" in used, (kind, name)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
            yield "/".join(part["$ref"].split("/")[:4])
        for one in part.values():
            yield from _references(one)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)
