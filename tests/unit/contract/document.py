"""docs/openapi.yaml, read for tests: its operations, what they ask for and what they may answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from local.paths import ROOT

FILE = ROOT / "docs" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
_URI = "contract:"
Json = Any


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Attributes:
        id: its ``operationId``.
        method: in upper case.
        path: a template.
        pointer: where it stands in the document.
        spec: what stands there.
        parameters: of the path and of the method.
    """

    id: str
    method: str
    path: str
    pointer: str
    spec: Mapping[str, Json]
    parameters: list[Mapping[str, Json]]

    @property
    def requests(self) -> dict[str, Json]:
        """The examples of its body, by name."""
        media = self.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
        return {name: one["value"] for name, one in media.get("examples", {}).items()}

    @property
    def target(self) -> str:
        """Its path with the examples of its parameters, and their query."""
        path = self.path
        query = []
        for parameter in self.parameters:
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", parameter["example"])
            elif parameter["in"] == "query" and "example" in parameter:
                query.append(f"{parameter['name']}={parameter['example']}")
        return path + ("?" + "&".join(query) if query else "")


@dataclass(frozen=True)
class Answering:
    """One answer an operation may give.

    Attributes:
        pointer: where it stands.
        spec: what stands there, its reference followed.
    """

    status: int
    pointer: str
    spec: Mapping[str, Json]

    @property
    def media(self) -> Mapping[str, Json]:
        """By media type."""
        found: Mapping[str, Json] = self.spec.get("content", {})
        return found

    @property
    def examples(self) -> dict[str, Json]:
        """Its bodies in JSON, by name."""
        examples = self.media.get("application/json", {}).get("examples", {})
        return {name: one["value"] for name, one in examples.items()}

    @property
    def headers(self) -> dict[str, Mapping[str, Json]]:
        """By name, their references followed."""
        return {name: resolved(one) for name, one in self.spec.get("headers", {}).items()}


def document() -> dict[str, Json]:
    """The document."""
    return _loaded(FILE.read_text(encoding="utf-8"))


@cache
def _loaded(text: str) -> dict[str, Json]:
    loaded: dict[str, Json] = yaml.safe_load(text)
    return loaded


@cache
def operations() -> dict[str, Operation]:
    """By id."""
    return {one.id: one for one in _operations()}


def answering(operation: Operation, status: int) -> Answering | None:
    """What an operation says of a status, None if it does not know it."""
    given = operation.spec["responses"].get(str(status))
    if given is None:
        return None
    pointer = given["$ref"][1:] if "$ref" in given else f"{operation.pointer}/responses/{status}"
    return Answering(status, pointer, resolved(given))


def answers(operation: Operation) -> list[Answering]:
    """Every answer of an operation."""
    return [found for status in operation.spec["responses"] if (found := answering(operation, int(status)))]


def faults(pointer: str, value: Json) -> list[str]:
    """What is wrong with a value, by the schema at a pointer."""
    return [f"{error.json_path}: {error.message}" for error in _validator(pointer).iter_errors(value)]


def faults_of_answer(operation: Operation, status: int, headers: Mapping[str, str], body: Json) -> list[str]:
    """What is wrong with an answer of an operation: its status, its headers, its media type or its body."""
    known = answering(operation, status)
    if known is None:
        return [f"{operation.id} knows no {status}"]
    found = [f"header {name} is missing" for name, one in known.headers.items()
             if one.get("required") and name not in headers]  # fmt: skip
    for name, value in headers.items():
        if name == "Content-Type":
            continue
        if name not in known.headers:
            found.append(f"header {name} is not known")
        else:
            place = known.spec["headers"][name].get("$ref", f"#{known.pointer}/headers/{name}")[1:]
            found += [f"header {name}: {fault}" for fault in faults(f"{place}/schema", value)]
    media = headers.get("Content-Type", "").partition(";")[0]
    if not known.media:
        return found + ([f"{status} has no body"] if media or body else [])
    if media not in known.media:
        return [*found, f"media type {media} is not known"]
    read: Json = _loaded(body) if media == "application/yaml" else body
    return found + faults(f"{known.pointer}/content/{_token(media)}/schema", read)


def resolved(one: Mapping[str, Json]) -> Mapping[str, Json]:
    """Follows a reference into the document."""
    if "$ref" not in one:
        return one
    place: Json = document()
    for token in one["$ref"].removeprefix("#/").split("/"):
        place = place[token.replace("~1", "/").replace("~0", "~")]
    found: Mapping[str, Json] = place
    return found


def _operations() -> Iterator[Operation]:
    for path, item in document()["paths"].items():
        shared = item.get("parameters", [])
        for method, spec in item.items():
            if method in METHODS:
                parameters = [resolved(one) for one in [*shared, *spec.get("parameters", [])]]
                pointer = f"/paths/{_token(path)}/{method}"
                yield Operation(spec["operationId"], method.upper(), path, pointer, spec, parameters)


@cache
def _validator(pointer: str) -> Any:
    schema = {"$ref": f"{_URI}#{quote(pointer, safe='/~')}"}
    return Draft202012Validator(schema, registry=_registry())


@cache
def _registry() -> Registry[Json]:
    registry: Registry[Json] = Registry().with_resource(_URI, DRAFT202012.create_resource(document()))
    return registry


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
