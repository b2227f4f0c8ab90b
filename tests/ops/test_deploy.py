"""`make deploy`: what is handed to sam, and that nothing is where the preflight check finds a fault."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local.ops import deploy
from local.ops.configuration import Configuration, Unreadable, defaults

Commands = Callable[[], list[list[str]]]


@pytest.fixture
def said(tmp_path: Path) -> Commands:
    """What the stand-in for sam was called with, so far."""
    log = tmp_path / "log"
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    """A stand-in for sam that notes its arguments, and fails at `build` where a file says so."""
    script = tmp_path / "sam"
    script.write_text(
        "#!/usr/bin/env python3\n"
        "import json, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "with (here / 'log').open('a') as log: log.write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "sys.exit(3 if sys.argv[1] == 'build' and (here / 'broken').exists() else 0)\n"
    )
    script.chmod(0o755)
    return script


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """What the preflight check was asked about; it finds nothing."""
    asked: list[Configuration] = []

    def preflight(configuration: Configuration) -> bool:
        asked.append(configuration)
        return True

    monkeypatch.setattr(deploy, "preflight", preflight)
    return asked


def test_without_an_environment_sam_asks_for_everything(sam: Path, said: Commands) -> None:
    assert deploy.main(["--sam", str(sam)]) == 0
    build, deployed = said()
    assert build == ["build"]
    assert deployed[:2] == ["deploy", "--guided"]
    assert 'DeletionProtection="false"' in deployed


def test_what_is_given_goes_beside_what_the_file_says_and_before_it(
    sam: Path, said: Commands, checked: list[Configuration]
) -> None:
    given = ["AlarmEmail=you@example.com", "LogRetentionDays=365", "TickExpression=rate(5 minutes)", "KmsKeyArn="]
    assert deploy.main(["--sam", str(sam), "--config", "prod", *given]) == 0
    build, deployed = said()
    assert build == ["build", "--config-env", "prod"]
    assert deployed[:4] == ["deploy", "--config-env", "prod", "--parameter-overrides"]
    overrides = {
        'LogLevel="INFO"',
        'LogRetentionDays="365"',
        'Deployment="Canary10Percent5Minutes"',
        'AlarmEmail="you@example.com"',
        'TickExpression="rate(5 minutes)"',  # as sam's own parser takes values with spaces, and empty ones
        'KmsKeyArn=""',
    }
    assert set(deployed[4:]) == overrides
    assert checked[0].overrides["LogRetentionDays"] == "365", "the same is checked"


def test_where_the_check_finds_a_fault_nothing_is_built(
    sam: Path, said: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploy, "preflight", lambda _configuration: False)
    assert deploy.main(["--sam", str(sam), "--config", "prod"]) == 1
    assert said() == []
    assert "Nothing has been deployed" in capsys.readouterr().out


def test_what_was_not_built_is_not_deployed(sam: Path, said: Commands, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    assert deploy.main(["--sam", str(sam), "--config", "prod"]) == 3
    assert [command[0] for command in said()] == ["build"]


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("staging", [], "default, prod"),
        ("version", [], "no environment"),
        ("prod", ["AlarmMail=you@example.com"], "no parameter AlarmMail"),
        ("prod", ["AlarmEmail"], "NAME=VALUE"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_told(  # noqa: PLR0917
    sam: Path, said: Commands, capsys: pytest.CaptureFixture[str], name: str, given: list[str], why: str
) -> None:
    assert deploy.main(["--sam", str(sam), "--config", name, *given]) == 1
    assert (why in capsys.readouterr().out, said()) == (True, [])
    with pytest.raises(Unreadable, match=why):
        Configuration.read(name, given)


@pytest.mark.parametrize("name", ["default", "prod"])
def test_what_samconfig_sets_are_values_the_template_takes(name: str) -> None:
    configuration = Configuration.read(name)
    assert configuration.overrides.keys() <= defaults().keys()
    assert configuration.stack.startswith("quiet-hours")
