"""`python trim.py FOLDER`: takes out of an installed boto3 what our function never reads.

botocore brings the models of over 400 services and lists, unpacks and parses them when a client is made. Of these we
keep three, reduced to the operations we call: made from the pinned version at each build, never by hand.
`tests/shipped/test_trim.py` shows that requests and replies stay the same; docs/performance.md, what it saves.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

OPERATIONS = {
    "dynamodb": frozenset({"DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"}),
    "secretsmanager": frozenset({"GetSecretValue", "PutSecretValue"}),
    "sqs": frozenset({"SendMessage", "SendMessageBatch"}),
}
"""All that the function calls; the role in template.yaml allows no other."""

_MODEL, _EXTRAS, _RULES = "service-2.json", "service-2.sdk-extras.json", "endpoint-rule-set-1.json"


def trim(packages: Path) -> None:
    """Trims the boto3 and the botocore in a folder of installed packages.

    Raises:
        KeyError: botocore does not know one of the operations.
    """
    shutil.rmtree(packages / "boto3" / "data")  # models of boto3.resource
    shutil.rmtree(packages / "boto3" / "examples")
    data = packages / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in OPERATIONS:
            shutil.rmtree(folder)
    for service, operations in OPERATIONS.items():
        *older, newest = sorted((data / service).iterdir())
        for folder in older:
            shutil.rmtree(folder)
        _trim_service(newest, operations)
    endpoints = data / "endpoints.json"
    _write(endpoints, _only_our_services(json.loads(endpoints.read_bytes())))


def _trim_service(folder: Path, operations: frozenset[str]) -> None:
    model = json.loads(gzip.decompress((folder / f"{_MODEL}.gz").read_bytes()))
    rules = json.loads(gzip.decompress((folder / f"{_RULES}.gz").read_bytes()))
    for file in folder.iterdir():
        if file.name != _EXTRAS:
            file.unlink()
    _write(folder / _MODEL, trim_model(model, operations))
    _write(folder / _RULES, rules)


def trim_model(model: Json, operations: frozenset[str]) -> Json:
    """A service's model with these operations and the shapes they lead to, without documentation.

    Raises:
        KeyError: there is no such operation.
    """
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes: Json = {}
    open_ = set(_shapes_in(list(kept.values())))
    while open_:
        name = open_.pop()
        shapes[name] = model["shapes"][name]
        open_ |= set(_shapes_in(shapes[name])) - shapes.keys()
    ordered = {name: shape for name, shape in model["shapes"].items() if name in shapes}
    trimmed: Json = _undocumented({**model, "operations": kept, "shapes": ordered})
    return trimmed


def _shapes_in(node: Any) -> Iterator[str]:
    """The names of all shapes that a part of a model refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for part in node.values():
            yield from _shapes_in(part)
    elif isinstance(node, list):
        for part in node:
            yield from _shapes_in(part)


def _undocumented(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: _undocumented(part)
            for name, part in node.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    if isinstance(node, list):
        return [_undocumented(part) for part in node]
    return node


def _only_our_services(endpoints: Json) -> Json:
    partitions = [
        {**one, "services": {name: entry for name, entry in one["services"].items() if name in OPERATIONS}}
        for one in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _write(file: Path, content: Json) -> None:
    file.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
