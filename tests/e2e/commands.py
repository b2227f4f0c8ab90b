"""The commands of whoever runs the service, as a test starts them."""

import contextlib
import importlib
import io
import os
from typing import NamedTuple
from unittest import mock

from local.emulator import REGION, ROOT_KEY
from local.overlay import STACK
from local.stack import Stack
from tests.conftest import WEBHOOK_MARK

ALWAYS = {
    "timezone": "UTC",
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}],
    "chats": {"all": True},
}
AWS = {
    "PATH": os.environ["PATH"],
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ROOT_KEY,
    "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
}


class Done(NamedTuple):
    status: int
    said: str


def command(stack: Stack, name: str, *arguments: str, **environment: str) -> Done:
    """One of the commands that `make` starts, in an environment of its own."""
    work = importlib.import_module(f"local.ops.{name}")
    said = io.StringIO()
    with (
        mock.patch.dict(os.environ, {**AWS, "AWS_ENDPOINT_URL": stack.emulator.url, **environment}, clear=True),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        status = work.main(arguments)
    assert WEBHOOK_MARK not in said.getvalue()
    return Done(status, said.getvalue())


def on(stack: Stack, name: str, *arguments: str, minutes: float = 0.5) -> Done:
    """A command about the stack."""
    settle = ["--settle", "0"] if name in {"release_all", "remove"} else []
    return command(stack, name, STACK, "--poll", "0.1", "--minutes", str(minutes), *settle, *arguments)


def account(stack: Stack, name: str, user: int) -> None:
    code = f"{WEBHOOK_MARK}{name}{len(stack.portal.webhooks)}"
    stack.portal.add_webhook(user, code)
    stack.put_account(name, {"webhook_url": f"{stack.server.url}/rest/{user}/{code}/"})
