"""What would be deployed: samconfig.toml, the template's defaults, and what the stack has already."""

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.build import read_template
from local.paths import ROOT

SAMCONFIG = ROOT / "samconfig.toml"


class Unreadable(Exception):
    """The configuration makes no sense; the message says why, to a person."""


@dataclass(frozen=True)
class Configuration:
    """One environment of samconfig.toml, with what was given on top of it.

    Attributes:
        name: the environment.
        stack: the stack's name.
        region: where to; None leaves it to AWS_DEFAULT_REGION or the profile.
        overrides: parameters that are set, not those left to their defaults.
    """

    name: str
    stack: str
    region: str | None
    overrides: Mapping[str, str]

    @classmethod
    def read(cls, name: str, given: Sequence[str] = ()) -> "Configuration":
        """Reads an environment; ``given`` is like ``AlarmEmail=you@example.com`` and goes before what the file says.

        Raises:
            Unreadable: no such environment, or no such parameter.
        """
        environments = tomllib.loads(SAMCONFIG.read_text())
        if name not in environments or name == "version":
            known = ", ".join(one for one in environments if one != "version")
            raise Unreadable(f"samconfig.toml has no environment {name}, but {known}")
        of_all = environments[name].get("global", {}).get("parameters", {})
        deploy: dict[str, Any] = {**of_all, **environments[name].get("deploy", {}).get("parameters", {})}
        written = deploy.get("parameter_overrides", "")
        listed = written if isinstance(written, list) else shlex.split(written)
        overrides = dict(_pair(one) for one in [*listed, *given])
        if unknown := sorted(overrides.keys() - defaults().keys()):
            raise Unreadable(f"the template has no parameter {', '.join(unknown)}")
        return cls(name, deploy["stack_name"], deploy.get("region"), overrides)


@cache
def defaults() -> Mapping[str, str]:
    """The template's parameters and their defaults."""
    parameters: Any = read_template()["Parameters"]
    return {name: str(one["Default"]) for name, one in parameters.items()}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Unreadable(f"{text}: parameters are given as NAME=VALUE")
    return name, value
