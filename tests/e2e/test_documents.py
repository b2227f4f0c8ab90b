"""The code in the documents is run, against the local stack: shell, Python and JavaScript."""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from local.emulator import REGION
from local.paths import BUILD, ROOT
from local.world import ANN, DEAL, LUNCH
from tests.documents import DOCUMENTS, blocks
from tests.e2e.commands import account
from tests.e2e.conftest import Service

README, RECIPES = ROOT / "README.md", ROOT / "docs/recipes.md"
_AWS4FETCH = (
    "1.0.20",
    "sha512-/djoAN709iY65ETD6LKCtyyEI04XIBP5xVvfmNxsEP0uJB5tyaGBztSryRr4HqMStr9R06PisQE7m9zDTXKu6g==",
)
ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261227
SUMMARY:Christmas
END:VEVENT
BEGIN:VEVENT
DTSTART:20261228T090000Z
SUMMARY:A meeting
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270101
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def environment(service: Service) -> Iterator[dict[str, str]]:
    """Ann's environment: where the API is, and her keys."""
    account(service.stack, "default", ANN)
    service.clean("default")
    service.portal.mute_by_hand(ANN, DEAL, muted=False)
    yield {
        "PATH": os.environ["PATH"],
        "API_URL": service.stack.url,
        "AWS_ACCESS_KEY_ID": service.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": service.credentials.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "CURL_CA_BUNDLE": str(service.stack.ca_bundle),
        "REQUESTS_CA_BUNDLE": str(service.stack.ca_bundle),
        "NODE_EXTRA_CA_CERTS": str(service.stack.ca_bundle),
    }
    service.clean("default")


@pytest.fixture
def recipe(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Writes the recipes' files, as each says what it is called, and imports one."""
    for text in blocks(RECIPES, "python"):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    names = [path.stem for path in tmp_path.glob("*.py")]
    for name in names:
        sys.modules.pop(name, None)
    return importlib.import_module


def muted(service: Service, chat: int) -> bool:
    return service.portal.is_muted(ANN, chat)


# ---- calls ----------------------------------------------------------------------------------------------------------


def test_the_signed_curl(service: Service, environment: dict[str, str]) -> None:
    (command,) = [text for text in blocks(README, "bash") if "--aws-sigv4" in text]
    done = subprocess.run(["bash", "-ec", command], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["result"] is True
    assert muted(service, DEAL)


def test_the_python(service: Service, environment: dict[str, str]) -> None:
    text = blocks(README, "python")[0]
    program = "import os\nAPI_URL = os.environ['API_URL']\n" + text
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "'result': True" in done.stdout
    assert muted(service, DEAL)


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no Node.js")
def test_the_javascript(service: Service, environment: dict[str, str]) -> None:
    folder, (version, integrity) = BUILD / "node", _AWS4FETCH
    if not (folder / "node_modules/aws4fetch").exists():
        npm = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", f"aws4fetch@{version}"]
        try:
            subprocess.run(npm, check=True, capture_output=True, timeout=60)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm cannot reach its registry")
    lock = json.loads((folder / "node_modules/.package-lock.json").read_text())
    assert lock["packages"]["node_modules/aws4fetch"]["integrity"] == integrity
    text = blocks(README, "javascript")[0]
    (folder / "call.mjs").write_text(text)
    done = subprocess.run(["node", folder / "call.mjs"], env=environment, capture_output=True, text=True, check=True)
    assert "result: true" in done.stdout
    assert muted(service, DEAL)


# ---- recipes --------------------------------------------------------------------------------------------------------


def test_from_another_lambda(service: Service, recipe: Callable[[str], Any]) -> None:
    event = {"id": "7bf73129-1428-4cd3-a780-95db273d1602"}
    first = recipe("release").handler(event, None)
    asked = service.asked()
    assert recipe("release").handler(event, None) == first
    assert service.asked() == asked, "the same event is done once"
    assert muted(service, DEAL)


def test_from_an_outgoing_webhook(
    service: Service, recipe: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATION_TOKEN", "right")
    service.portal.mute_by_hand(ANN, LUNCH, muted=False)
    hook = recipe("hook")

    def post(name: str, token: str) -> Any:
        body = f"event={name}&ts=1795561915&auth%5Bapplication_token%5D={token}&data%5BFIELDS_AFTER%5D%5BID%5D=7"
        return hook.handler({"body": body, "isBase64Encoded": False}, None)

    assert post("ONTASKADD", "wrong") == {"statusCode": 403}
    assert post("ONTASKDELETE", "right") == {"statusCode": 204}
    assert not muted(service, LUNCH)
    assert post("ONTASKADD", "right") == {"statusCode": 204}
    assert muted(service, LUNCH)


def test_from_a_calendar(service: Service, recipe: Callable[[str], Any]) -> None:
    night = json.loads((ROOT / "docs/examples/night.json").read_text())
    assert service.call("PUT", "/default/quiet-hours/night", night).status_code == 201
    recipe("holidays").update("default", "night", ICS)
    changed = service.call("GET", "/default/quiet-hours/night").json()
    assert changed["dates"] == {
        day: [{"start": "00:00", "end": "24:00"}] for day in ("2026-12-25", "2026-12-26", "2027-01-01")
    }
    assert changed["windows"] == night["windows"]


# ---- AWS's command line ---------------------------------------------------------------------------------------------


def aws_commands() -> Iterator[tuple[str, str]]:
    """Each ``aws ...`` of a fenced block, with its continued lines."""
    for document in DOCUMENTS:
        for text in blocks(document, "bash") + blocks(document, ""):
            joined = text.replace("\\\n", " ")
            for command in re.findall(r"^aws (?:[^'\n]|'[^']*')*", joined, re.MULTILINE):
                yield document.name, command.partition(" <<<")[0]


@pytest.mark.parametrize(("document", "command"), list(aws_commands()))
def test_each_aws_command_is_one_that_aws_knows(document: str, command: str) -> None:
    _, service, operation, *rest = shlex.split(command)
    if operation == "wait":
        waiters = botocore.session.get_session().get_waiter_model(service).waiter_names
        assert rest[0] in {xform_name(name, "-") for name in waiters}
        return
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names
    shape = model.operation_model(names[operation]).input_shape
    options = {xform_name(name, "-") for name in shape.members} if shape else set()
    given = {word.removeprefix("--").split("=")[0] for word in rest if word.startswith("--")}
    assert given - options - {"cli-binary-format", "query", "output"} == set()
    required = {xform_name(name, "-") for name in shape.required_members} if shape else set()
    assert required - given == set()
