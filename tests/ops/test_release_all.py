"""When `make release-all` may say that it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from local.ops.command import Patience
from local.ops.release_all import release_all
from local.ops.stack import Deployed, Held, Refused

CHATS = {"ann": Held(3, frozenset({("portal.example", 503)}))}
SETTLE = 130.0


class Stack(Deployed):
    """A stack whose looks at the table are told beforehand, each so many seconds after the switch."""

    def __init__(
        self, *seen: tuple[float, dict[str, Held]], mode: str = "NORMAL", deployment: str = "AllAtOnce"
    ) -> None:
        self.parameters = {"Mode": mode, "Deployment": deployment, "TickState": "ENABLED"}
        self.changes: list[dict[str, str]] = []
        self.orders: list[Any] = []
        self._seen = list(seen)
        self._age = 0.0
        self.first_fails = False

    def change(self, **parameters: str) -> None:
        self.changes.append(parameters)

    def held(self) -> dict[str, Held]:
        self._age, held = self._seen.pop(0)
        return held

    def age(self) -> float:
        return self._age

    def invoke(self, payload: dict[str, Any]) -> Any:
        self.orders.append(payload)
        if len(self.orders) == 1 and self.first_fails:
            raise Refused("ThrottlingException: too much at once")
        return {"accounts": 1, "next": None}


def test_what_an_old_invocation_still_mutes_is_waited_for() -> None:
    stack = Stack((1, {}), (60, CHATS), (70, {}), (129, {}), (131, {}))
    assert release_all(stack, Patience(1, 0), SETTLE) == {}
    assert stack._seen == [], "it looked once more after all of them must have ended"
    assert stack.orders == [{"release_all": True}]


def test_an_order_that_failed_is_given_again_at_once_and_one_that_did_not_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = Stack((200, CHATS), (201, CHATS), (202, CHATS), (203, {}))
    stack.first_fails = True
    assert release_all(stack, Patience(1, 0), SETTLE) == {}
    assert stack.orders == [{"release_all": True}] * 2
    assert "once more: ThrottlingException" in capsys.readouterr().out


def test_that_wait_is_not_cut_short_by_impatience_for_nothing_would_be_known() -> None:
    stack = Stack((1, {}), (60, {}), (131, {}))
    assert release_all(stack, Patience(0, 0), SETTLE) == {}
    assert stack._seen == []


def test_a_stack_is_as_old_as_the_last_thing_that_changed_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invocations of the old version begin until the alias is moved, a minute or more after the update has begun."""
    cloudformation = Mock()
    monkeypatch.setattr("boto3.Session.client", lambda *_: cloudformation)
    began, ended = (datetime.now(UTC) - timedelta(seconds=seconds) for seconds in (200, 20))
    cloudformation.describe_stacks.return_value = {"Stacks": [{"LastUpdatedTime": began, "CreationTime": began}]}
    cloudformation.describe_stack_events.return_value = {"StackEvents": [{"Timestamp": ended}, {"Timestamp": began}]}
    assert Deployed("quiet-hours").age() < SETTLE
    cloudformation.describe_stack_events.return_value = {"StackEvents": []}
    assert Deployed("quiet-hours").age() > SETTLE


def test_a_throttled_order_has_failed_like_one_that_raised_and_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Mock()
    monkeypatch.setattr("boto3.Session.client", lambda *_, **__: aws)
    outputs = [{"OutputKey": "FunctionArn", "OutputValue": "arn"}]
    aws.describe_stacks.return_value = {"Stacks": [{"Outputs": outputs}]}
    aws.invoke.side_effect = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
    with pytest.raises(Refused, match="TooManyRequests"):
        Deployed("quiet-hours").invoke({"release_all": True})


def test_what_is_still_held_in_the_end_is_told() -> None:
    assert release_all(Stack((200, CHATS), (201, CHATS)), Patience(0, 0), SETTLE) == CHATS


@pytest.mark.parametrize(
    ("mode", "deployment", "changed"),
    [
        ("NORMAL", "AllAtOnce", True),
        ("NORMAL", "Canary10Percent5Minutes", True),
        ("RELEASE_ONLY", "Canary10Percent5Minutes", True),
        ("RELEASE_ONLY", "AllAtOnce", False),
    ],
)
def test_the_switch_is_made_at_once_and_no_canary_can_take_it_back(mode: str, deployment: str, changed: bool) -> None:
    stack = Stack((200, {}), mode=mode, deployment=deployment)
    release_all(stack, Patience(1, 0), SETTLE)
    assert stack.changes == ([{"Mode": "RELEASE_ONLY", "Deployment": "AllAtOnce"}] if changed else [])
