"""The whole stack once for all end-to-end tests: HTTPS, gateway, runtime, portal."""

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import requests
from botocore.credentials import Credentials

from local.caller import Caller
from local.portal import Limits, Portal
from local.stack import Stack, running
from local.world import ANN, furnish
from tests.conftest import WEBHOOK_MARK

SLOW_CHAT = 990
_numbers = itertools.count(1)


@dataclass
class Service:
    """What a test talks to.

    Attributes:
        said: every answer that came back, for the search for secrets.
    """

    stack: Stack
    caller: Caller
    credentials: Credentials
    said: list[str]

    @property
    def portal(self) -> Portal:
        return self.stack.portal

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        return self.call_as(self.caller, method, path, body, headers)

    def call_as(
        self, caller: Caller, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        response = caller.call(method, path, body, headers)
        self.said.append(f"{response.headers} {response.text}")
        return response

    def mute(self, account: str, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
        return self.call("POST", f"/{account}/im.chat.mute", body, headers)

    def minute(self, at: datetime | None = None) -> int:
        """A tick as of a moment, and its workers done. Returns how many accounts were queued."""
        queued: int = self.stack.invoke_tick(at)["queued"]
        assert self.stack.wait_for_queue()
        return queued

    def clean(self, account: str) -> None:
        """Leaves an account nothing to do, so that it is not due when another test travels in time."""
        for policy in self.call("GET", f"/{account}/quiet-hours").json()["policies"]:
            self.call("DELETE", f"/{account}/quiet-hours/{policy['name']}")
        self.call("DELETE", f"/{account}/holds")
        self.minute()

    def asked(self) -> int:
        """How often the portal was asked so far, but for the slow chat, whose call ends whenever it ends."""
        return sum(call.params.get("CHAT_ID") != SLOW_CHAT for call in self.portal.calls)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    portal = Portal(limits=Limits(enabled=False))
    furnish(portal)
    with running(portal, log_level="DEBUG") as stack:
        credentials = stack.credentials("tests")
        said: list[str] = []
        yield Service(stack, stack.caller_with(credentials), credentials, said)
        _no_secret_anywhere(stack, said)


def _no_secret_anywhere(stack: Stack, said: list[str]) -> None:
    """Searches everything the suite's calls answered, logged and stored for the webhooks' codes."""
    tokens = [*stack.portal.oauth._access, *stack.portal.oauth._refresh]
    codes = [*stack.portal.webhooks, *tokens, WEBHOOK_MARK]
    dynamodb = stack.emulator.client("dynamodb")
    scan = dynamodb.get_paginator("scan")
    stored = [
        json.dumps(page["Items"])
        for table in ("StateTableName", "IdempotencyTableName")
        for page in scan.paginate(TableName=stack.outputs[table])
    ]
    queued = [
        json.dumps(letter)
        for queue in ("ScheduleDeadLettersUrl", "FunctionDeadLettersUrl", "AccountQueueUrl", "AccountDeadLettersUrl")
        for letters in iter(functools.partial(stack.dead_letters, queue), [])
        for letter in letters
    ]
    places = {
        "an answer": said,
        "the function's log": stack.log_lines(),
        "the emulator's log": [stack.emulator.log.read_text(errors="replace")],
        "a table": stored,
        "a queue": queued,
    }
    logged = "".join(places["the function's log"])
    for library in ("botocore.parsers", "urllib3.connectionpool"):
        assert f'"{library}"' in logged, f"{library} has not logged at DEBUG: the search would prove nothing"
    session_tokens = re.findall(r"(?i)x-amz-security-token['\"]?\s*:\s*b?['\"]?([^'\"\s,}]+)", logged)
    assert session_tokens, "botocore has not logged a request: the search would prove nothing"
    assert all(token.startswith("***") for token in session_tokens)
    leaks = [(place, code) for place, texts in places.items() for code in codes for text in texts if code in text]
    assert not leaks


@pytest.fixture
def new_account(service: Service) -> Callable[..., str]:
    """Makes an account of its own for a test; by default Ann's, with a webhook of its own."""

    def new(secret: dict[str, Any] | str | None = None, user_id: int = ANN, scopes: tuple[str, ...] = ("im",)) -> str:
        number = next(_numbers)
        if secret is None:
            code = f"{WEBHOOK_MARK}{number:06}"
            service.portal.add_webhook(user_id, code, scopes=scopes)
            secret = {"webhook_url": f"{service.stack.server.url}/rest/{user_id}/{code}/"}
        service.stack.put_account(f"account-{number}", secret)
        return f"account-{number}"

    return new


@pytest.fixture
def account(service: Service, new_account: Callable[..., str]) -> Iterator[str]:
    """Ann's account, new, on a portal without faults left over."""
    service.portal.faults.clear()
    yield new_account()
    service.portal.faults.clear()
