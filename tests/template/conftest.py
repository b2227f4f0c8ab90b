"""The template as CloudFormation gets it: after SAM's own translation."""

import json
from functools import cache
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from local.build import read_template


class _Policies:
    def load(self) -> dict[str, str]:
        return {}


@cache
def _translate() -> str:
    template: dict[str, Any] = read_template()
    for resource in template["Resources"].values():
        for location in ("CodeUri", "ContentUri"):
            if location in resource["Properties"]:
                resource["Properties"][location] = {"Bucket": "artifacts", "Key": "artifact"}
    return json.dumps(transform(template, {}, _Policies()))


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    template: dict[str, Any] = json.loads(_translate())
    return template


@pytest.fixture
def resources(translated: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = translated["Resources"]
    return found
