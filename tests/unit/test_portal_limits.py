"""The limits, by a clock that moves when it is told to."""

from __future__ import annotations

from typing import Any

import pytest

from local.portal import Limits, Portal, Quirks
from tests.unit.portal_calls import ANN, Clock, call, new_portal, refusal, result, send

BLOCKED = (429, "OPERATION_TIME_LIMIT")
TOO_MANY = (503, "QUERY_LIMIT_EXCEEDED")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(clock: Clock) -> Portal:
    return new_portal(clock=clock)


def burst(portal: Portal) -> int:
    """Return how many calls in a row are let in."""
    count = 0
    while send(portal, "profile").status == 200:
        count += 1
    return count


def test_fifty_at_once_then_two_a_second(portal: Portal, clock: Clock) -> None:
    assert burst(portal) == 50
    assert call(portal, "profile") == {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    assert refusal(portal, "profile") == TOO_MANY
    clock.forward(0.49)
    assert burst(portal) == 0
    clock.forward(0.02)
    assert burst(portal) == 1
    clock.forward(10)
    assert burst(portal) == 20
    clock.forward(3600)
    assert burst(portal) == 50


def test_enterprise(clock: Clock) -> None:
    portal = new_portal(clock=clock, limits=Limits.enterprise())
    assert burst(portal) == 250
    clock.forward(2)
    assert burst(portal) == 10


def test_a_self_hosted_portal_has_no_limits(clock: Clock) -> None:
    portal = new_portal(clock=clock, limits=Limits.self_hosted())
    portal.limits.cost["im.chat.mute"] = 1000.0
    for _ in range(100):
        assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True
    time = call(portal, "profile")["time"]
    assert "operating" not in time
    assert "operating_reset_at" not in time


def test_bad_credentials_fill_the_bucket_too(portal: Portal) -> None:
    portal.webhook_of(ANN).enabled = False
    for _ in range(50):
        assert refusal(portal, "profile") == (401, "INVALID_CREDENTIALS")
    assert refusal(portal, "profile") == TOO_MANY


def test_refused_calls_may_count(portal: Portal, clock: Clock) -> None:
    portal.quirks.rejected_calls_count = True
    assert burst(portal) == 50
    for _ in range(20):
        clock.forward(0.5)
        assert refusal(portal, "profile") == TOO_MANY
    clock.forward(2)
    assert burst(portal) == 3


def test_a_neighbour_fills_the_bucket(portal: Portal, clock: Clock) -> None:
    portal.limits.fill(clock())
    assert refusal(portal, "profile") == TOO_MANY
    clock.forward(1)
    assert burst(portal) == 2


@pytest.mark.parametrize(("status", "expected"), [("server", 401), ("docs", 503)])
def test_overload_block(portal: Portal, status: Any, expected: int) -> None:
    portal.quirks.auth_status = status
    portal.limits.overloaded = True
    assert refusal(portal, "profile") == (expected, "OVERLOAD_LIMIT")


@pytest.mark.parametrize("status", ["server", "docs"])
def test_permanent_query_limit_is_a_401(portal: Portal, clock: Clock, status: Any) -> None:
    portal.quirks.auth_status = status
    portal.limits.permanently_limited = True
    clock.forward(3600)
    assert refusal(portal, "profile") == (401, "QUERY_LIMIT_EXCEEDED")


# --- operating time --------------------------------------------------------------------------------------------------


def use_up(portal: Portal, clock: Clock, seconds: float = 100.0) -> None:
    """Call until the method is blocked."""
    portal.limits.cost["im.chat.mute"] = seconds
    for _ in range(5):
        clock.forward(1)
        assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True


def test_the_method_is_blocked_and_no_other(portal: Portal, clock: Clock) -> None:
    use_up(portal, clock)
    assert call(portal, "im.chat.mute", {"CHAT_ID": 1489}) == {
        "error": "OPERATION_TIME_LIMIT",
        "error_description": "Method is blocked due to operation time limit.",
    }
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == BLOCKED
    assert result(portal, "im.dialog.get", {"DIALOG_ID": "chat1489"})["id"] == 1489


def test_another_credential_is_not_blocked(portal: Portal, clock: Clock) -> None:
    use_up(portal, clock)
    token = portal.oauth.issue(portal.oauth.add_app(), ANN)["access_token"]
    portal.add_webhook(547)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489, "auth": token}) == BLOCKED
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}, user_id=547) is True


def test_fixed_ban_of_300_seconds(portal: Portal, clock: Clock) -> None:
    use_up(portal, clock)
    clock.forward(299)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == BLOCKED
    clock.forward(1)
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True


def test_ban_until_the_oldest_bucket_leaves(portal: Portal, clock: Clock) -> None:
    portal.quirks.operating_ban = "oldest_bucket"
    clock.now -= clock.now % 60
    portal.limits.cost["im.chat.mute"] = 300.0
    time = call(portal, "im.chat.mute", {"CHAT_ID": 1489})["time"]
    assert time["operating"] == 300.0
    assert time["operating_reset_at"] == clock() + 600
    clock.forward(120)
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True
    clock.forward(479)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == BLOCKED
    clock.forward(1)
    time = call(portal, "profile")["time"]
    assert time["operating"] == 0
    portal.limits.cost["im.chat.mute"] = 0.0
    assert call(portal, "im.chat.mute", {"CHAT_ID": 1489})["time"]["operating"] == 300.0


def test_less_than_a_tenth_of_a_second_does_not_count(portal: Portal) -> None:
    portal.limits.cost["im.chat.mute"] = 0.09
    assert call(portal, "im.chat.mute", {"CHAT_ID": 1489})["time"]["operating"] == 0
    portal.limits.cost["im.chat.mute"] = 0.25
    assert call(portal, "im.chat.mute", {"CHAT_ID": 1489})["time"]["operating"] == 0.25


def test_in_a_batch_each_command_is_limited(portal: Portal, clock: Clock) -> None:
    use_up(portal, clock)
    answer = result(portal, "batch", {"cmd": {"a": "im.chat.mute?CHAT_ID=1489", "b": "profile"}})
    assert answer["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert set(answer["result"]) == {"b"}


def test_commands_pay_for_their_method(portal: Portal) -> None:
    portal.limits.cost["im.chat.mute"] = 20.0
    cmd = {f"c{n}": "im.chat.mute?CHAT_ID=1489" for n in range(30)}
    answer = result(portal, "batch", {"cmd": cmd})
    assert len(answer["result"]) == 25
    assert answer["result_time"]["c4"]["operating"] == 100.0
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == BLOCKED
    assert send(portal, "batch", {"cmd": {}}).status == 200


def test_or_the_batch_pays_for_all(portal: Portal) -> None:
    portal.quirks.batch_operating = "batch"
    portal.limits.cost["im.chat.mute"] = 20.0
    cmd = {f"c{n}": "im.chat.mute?CHAT_ID=1489" for n in range(3)}
    answer = result(portal, "batch", {"cmd": cmd})
    assert {time["operating"] for time in answer["result_time"].values()} == {60.0}
    result(portal, "batch", {"cmd": {f"c{n}": "im.chat.mute?CHAT_ID=1489" for n in range(25)}})
    assert refusal(portal, "batch", {"cmd": cmd}) == BLOCKED
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True


def test_a_method_can_be_blocked_at_once(portal: Portal, clock: Clock) -> None:
    portal.limits.block_method(f"webhook of {ANN}", "IM.chat.mute", clock(), 10)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == BLOCKED
    clock.forward(10)
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True


@pytest.mark.parametrize(
    ("quirk", "present"),
    [
        ("full", {"operating", "operating_reset_at"}),
        ("operating_zero", {"operating"}),
        ("no_operating", set()),
    ],
)
def test_what_time_tells(clock: Clock, quirk: Any, present: set[str]) -> None:
    portal = new_portal(clock=clock, quirks=Quirks(time=quirk))
    time = call(portal, "profile")["time"]
    assert set(time) & {"operating", "operating_reset_at"} == present
    assert time["start"] == clock()
    assert time["date_start"] == "2026-03-03T15:34:57+03:00"


def test_time_may_be_missing_and_start_an_integer(portal: Portal) -> None:
    portal.quirks.time = "missing"
    assert "time" not in call(portal, "profile")
    portal.quirks.time = "full"
    portal.quirks.integer_start = True
    assert isinstance(call(portal, "profile")["time"]["start"], int)
