"""The template as CloudFormation gets it: after SAM's own translation."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from local.build import read_template
from tests.template.conditions import applied

Translate = Callable[..., dict[str, Any]]


class _Policies:
    def load(self) -> dict[str, str]:
        return {}


@cache
def _translate(parameters: tuple[tuple[str, str], ...], artifacts: tuple[tuple[str, str], ...]) -> str:
    template: dict[str, Any] = read_template()
    for name, resource in template["Resources"].items():
        for location in ("CodeUri", "ContentUri"):
            if location in resource["Properties"]:
                key = dict(artifacts).get(name, "artifact")
                resource["Properties"][location] = {"Bucket": "artifacts", "Key": key}
    return json.dumps(transform(template, dict(parameters), _Policies()))


@pytest.fixture
def translate(monkeypatch: pytest.MonkeyPatch) -> Translate:
    """What SAM makes of the template on AWS: it knows the parameters, and an artifact by its content's hash."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    def with_(parameters: dict[str, str] | None = None, artifacts: dict[str, str] | None = None) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(
            _translate(tuple((parameters or {}).items()), tuple((artifacts or {}).items()))
        )
        return template

    return with_


@pytest.fixture
def translated(translate: Translate) -> dict[str, Any]:
    return translate()


@pytest.fixture
def resources(translated: dict[str, Any]) -> dict[str, Any]:
    """The resources there are unless a parameter says otherwise."""
    return applied(translated, {})
