"""The functions that are measured beside each other, and the worlds they are measured in."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.bench.world import Call
from local.build import build, read_template
from local.paths import BUILD, EVENTS, ROOT, venv_python
from local.virtual import ENVIRONMENT

PYTHON = venv_python("lambda")
"""Of the runtime's minor version where there is one; `PYTHON.resolve()` is the interpreter without the environment."""
HANDLERS = BUILD / "bench" / "handlers"

WHOLE_BUNDLES = {"AWS_CA_BUNDLE": "{bundle}", "REQUESTS_CA_BUNDLE": "{bundle}"}
"""What boto3 and requests do by themselves."""


@dataclass(frozen=True)
class Variant:
    """One function.

    Attributes:
        name: as it is called in the report.
        handler: ``module.function``.
        path: folders its code and packages are in.
        packages: folders that are deployed with it; what Lambda brings itself is not among them.
        settings: environment variables of its own; ``{bundle}`` is certifi's whole file.
    """

    name: str
    handler: str
    path: tuple[Path, ...]
    packages: tuple[Path, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A world that runs, and how functions reach it."""

    process: "subprocess.Popen[str]"
    ready: dict[str, str] = field(repr=False)

    def taken(self) -> list[Call]:
        """The calls since the last time."""
        assert self.process.stdin  # noqa: S101
        assert self.process.stdout  # noqa: S101
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        calls: list[Call] = json.loads(self.process.stdout.readline())
        return calls

    def environment(self, variant: Variant) -> dict[str, str]:
        """What Lambda and a template would set, and nothing of ours."""
        return {
            **_of_the_template(),
            **ENVIRONMENT,
            "PATH": os.environ["PATH"],
            "HOME": "/tmp",  # noqa: S108  as in Lambda
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(map(str, variant.path)),
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "LAMBDA_TASK_ROOT": str(HANDLERS),  # by which the X-Ray SDK knows that it is in Lambda
            "_X_AMZN_TRACE_ID": "Root=1-6742e1f0-0a1b2c3d4e5f60718293a4b5;Parent=0a1b2c3d4e5f6071;Sampled=1",
            "AWS_ENDPOINT_URL": self.ready["aws"],
            "AWS_CA_BUNDLE": self.ready["amazon"],
            "REQUESTS_CA_BUNDLE": self.ready["public"],
            "PORTAL": self.ready["portal"],
            **{name: value.format(**self.ready) for name, value in variant.settings.items()},
        }


def _of_the_template() -> dict[str, str]:
    """What template.yaml sets for libraries."""
    resources: Any = read_template()["Resources"]
    set_ = resources["ChatMuteFunction"]["Properties"]["Environment"]["Variables"]
    return {name: value for name, value in set_.items() if isinstance(value, str)}


def variants() -> dict[str, Variant]:
    """All of them, built and with byte-code."""
    folders = build()
    shutil.rmtree(HANDLERS, ignore_errors=True)
    shutil.copytree(ROOT / "local" / "bench" / "handlers", HANDLERS, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "local" / "bench" / "drive.py", HANDLERS)
    compile_ = [str(PYTHON), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(HANDLERS)]
    subprocess.run(compile_, check=True)  # noqa: S603
    layers = folders["RuntimeLayer"] / "python", folders["Bitrix24Layer"] / "python"
    (tutorial,) = (venv_python("tutorial").parent.parent / "lib").glob("python3.*/site-packages")
    ours = (folders["ChatMuteFunction"], *layers)
    return {
        one.name: one
        for one in (
            Variant("bare", "bare.lambda_handler", (HANDLERS,)),
            Variant("minimal", "minimal.lambda_handler", (HANDLERS, *layers), layers),
            Variant("tutorial", "tutorial.lambda_handler", (HANDLERS, tutorial), (tutorial,), WHOLE_BUNDLES),
            Variant("ours", "chat_mute.app.lambda_handler", (HANDLERS, *ours), ours),
            Variant("floor", "floor.lambda_handler", (HANDLERS, *layers), layers),
        )
    }


@contextlib.contextmanager
def world(ours: Variant) -> Iterator[Place]:
    """A new world, for as long as it is needed."""
    _, runtime, bitrix24 = (folder.parent for folder in ours.packages)
    roots = runtime / "amazon-roots.pem", bitrix24 / "public-roots"
    with tempfile.TemporaryDirectory(prefix="quiet-hours-bench-") as folder:
        command = [sys.executable, "-m", "local.bench.world", folder, *map(str, roots)]
        path = f"{ROOT / 'functions'}:{ROOT / 'layers' / 'bitrix24'}"
        with subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdin  # noqa: S101
            assert process.stdout  # noqa: S101
            try:
                yield Place(process, json.loads(process.stdout.readline()))
            finally:
                process.stdin.close()


def mute_event(key: str | None = None, chat: int = 1001) -> dict[str, Any]:
    """``POST /default/im.chat.mute`` as API Gateway hands it over."""
    event: dict[str, Any] = json.loads((EVENTS / "api-mute-chat.json").read_text())
    event["body"] = json.dumps({"CHAT_ID": chat, "MUTE": "Y"})
    if key is not None:
        event["headers"]["Idempotency-Key"] = key
        event["multiValueHeaders"]["Idempotency-Key"] = [key]
    return event
