"""A plain mute or unmute: what it costs, and what of it is remembered."""

from typing import Any

import pytest

from local.portal import Fault
from tests.unit.function.office import BEN, HAND, PRIVATE, Office

NAMES: list[tuple[int | str, int, dict[str, str]]] = [
    # as it is asked for, the chat's number, what the portal gets
    (1, 1, {"CHAT_ID": "1"}),
    ("chat1", 1, {"DIALOG_ID": "chat1"}),
    ("CHAT1", 1, {"DIALOG_ID": "chat1"}),
    ("sg7", 99, {"DIALOG_ID": "sg7"}),
    ("SG7", 99, {"DIALOG_ID": "sg7"}),
    (str(BEN), PRIVATE, {"DIALOG_ID": str(BEN)}),
    (f"chat{PRIVATE}", PRIVATE, {"DIALOG_ID": f"chat{PRIVATE}"}),
]


@pytest.fixture
def warm(office: Office) -> Office:
    """The process has read the secret before."""
    assert office.call("GET", "").body["usable"] is True
    return office


@pytest.mark.parametrize("mute", ["Y", "N"])
@pytest.mark.parametrize(("chat", "number", "told"), NAMES)
def test_where_nothing_is_held_it_is_one_read_and_one_call_with_the_id_as_given(
    warm: Office, chat: int | str, number: int, told: dict[str, str], mute: str
) -> None:
    secrets = warm.stack.secrets.calls.copy()
    with warm.cost() as cost:
        answer = warm.mute(chat, MUTE=mute)
    assert answer.status == 200
    assert answer.body.keys() == {"result", "time"}
    assert (answer.body["result"], "operating" in answer.body["time"]) == (True, True)
    assert cost.all == (1, 0, ["im.chat.mute"])
    assert warm.stack.secrets.calls == secrets
    (call,) = warm.portal.calls_of("im.chat.mute")
    assert {name: str(value) for name, value in call.params.items()} == {**told, "MUTE": mute}
    assert (number in warm.muted) is (mute == "Y")
    assert warm.stack.dynamodb.items("state") == []


def test_a_policy_at_rest_costs_a_plain_mute_nothing(warm: Office) -> None:
    warm.put("night")
    warm.go("2026-03-03 12:05")
    with warm.cost() as cost:
        warm.mute(1)
    assert cost.all == (1, 0, ["im.chat.mute"])


def test_before_the_first_look_at_a_new_policy_it_looks_closer(warm: Office) -> None:
    warm.put("night", "11:00-13:00")
    with warm.cost() as cost:
        warm.mute(1, MUTE="N")
    assert cost.portal == ["batch", "im.chat.mute"]
    warm.go("2026-03-03 12:05")
    assert 1 not in warm.muted, "a window runs, and people have said otherwise"


def test_in_a_window_an_unmute_reads_the_chat_once_and_writes_before_and_after(warm: Office) -> None:
    warm.put("night", "11:00-13:00")
    warm.go("2026-03-03 12:01")
    with warm.cost() as cost:
        warm.mute(1, MUTE="N")
    assert cost.portal == ["batch", "im.chat.mute"]
    assert (cost.reads, cost.writes) == (4, 3)


def test_a_timed_mute_costs_one_more_request_of_the_portal(warm: Office) -> None:
    with warm.cost() as cost:
        warm.mute(1, FOR="PT1H")
    assert cost.portal == ["batch", "im.chat.mute"]
    assert (cost.reads <= 5, cost.writes) == (True, 3)


def test_the_portal_is_always_asked_also_where_the_state_is_right(warm: Office) -> None:
    for mute in ("Y", "Y", "N", "N"):
        assert warm.mute(HAND, MUTE=mute).body["result"] is True
    assert [call.params["MUTE"] for call in warm.portal.calls_of("im.chat.mute")] == ["Y", "Y", "N", "N"]


@pytest.mark.parametrize(
    ("fault", "status", "code", "calls"),
    [
        (Fault.result(value=False), 403, "ACCESS_ERROR", 1),
        (Fault.error("ACCESS_ERROR", status=403), 403, "ACCESS_ERROR", 1),
        (Fault.error("chat_id_empty"), 400, "CHAT_ID_EMPTY", 1),
        (Fault.result(value=None), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.result(value=1), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.no_result(), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.error(7), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.error({"a": 1}), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.error("BRAND_NEW"), 502, "BRAND_NEW", 1),
        (Fault.error("bad code!"), 502, "ERROR_UNEXPECTED_ANSWER", 1),
        (Fault.answer(200, b"hello"), 502, "ERROR_UNEXPECTED_ANSWER", 2),
        (Fault.error("OPERATION_TIME_LIMIT", status=429), 503, "OPERATION_TIME_LIMIT", 1),
        (Fault.error("OVERLOAD_LIMIT", status=503), 503, "OVERLOAD_LIMIT", 1),
        (Fault.error("QUERY_LIMIT_EXCEEDED", status=401), 502, "QUERY_LIMIT_EXCEEDED", 1),
        (Fault.redirect("https://elsewhere.example{path}"), 502, "PORTAL_MOVED", 1),
        (Fault.error_quoting_url("BRAND_NEW", status=400), 502, "BRAND_NEW", 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_what_the_portal_says_comes_out_as_the_contract_has_it(
    warm: Office, fault: Fault, status: int, code: str, calls: int
) -> None:
    warm.portal.faults.add(fault, method="im.chat.mute", times=None)
    before = len(warm.portal.calls)
    refused = warm.refused("POST", "im.chat.mute", {"CHAT_ID": 1})
    assert refused[:2] == (status, code)
    assert len(warm.portal.calls) - before == calls


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.html(502), "INTERNAL_SERVER_ERROR"),
        (Fault.error("QUERY_LIMIT_EXCEEDED", status=503), "QUERY_LIMIT_EXCEEDED"),
        (Fault.reset_before_effect(), "PORTAL_UNREACHABLE"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_what_may_pass_is_retried_within_the_budget(warm: Office, fault: Fault, code: str) -> None:
    warm.portal.faults.add(fault, method="im.chat.mute", times=2)
    assert warm.mute(1).status == 200
    warm.portal.faults.add(fault, method="im.chat.mute", times=None)
    began = warm.stack.clock.seconds
    assert warm.refused("POST", "im.chat.mute", {"CHAT_ID": 1})[1] == code
    assert warm.stack.clock.seconds - began <= 25


def test_no_answer_in_25_seconds_is_a_time_out(warm: Office) -> None:
    warm.portal.faults.add(Fault.slow_before_effect(60), method="im.chat.mute", times=None)
    began = warm.stack.clock.seconds
    assert warm.refused("POST", "im.chat.mute", {"CHAT_ID": 1})[:2] == (504, "PORTAL_TIMEOUT")
    assert warm.stack.clock.seconds - began >= 25


@pytest.mark.parametrize(
    ("code", "status", "retry_after"), [("OPERATION_TIME_LIMIT", 429, "300"), ("OVERLOAD_LIMIT", 503, "900")]
)
def test_a_pause_is_told_and_kept_by_every_process(warm: Office, code: str, status: int, retry_after: str) -> None:
    warm.portal.faults.add(Fault.error(code, status=status), method="im.chat.mute")
    answer = warm.mute(1)
    assert (answer.status, answer.body["error"], answer.headers["Retry-After"]) == (503, code, retry_after)
    warm.stack.new_process()
    asked = len(warm.portal.calls)
    answer = warm.mute(1)
    assert (answer.status, answer.body["error"], answer.headers["Retry-After"]) == (503, code, retry_after)
    assert len(warm.portal.calls) == asked
    warm.stack.clock.seconds += int(retry_after)
    assert warm.mute(1).status == 200


@pytest.mark.parametrize("time", [None, 7, "now", []])
def test_a_strange_time_is_left_out(warm: Office, time: Any) -> None:
    warm.portal.faults.add(Fault.time(time), method="im.chat.mute")
    assert warm.mute(1).body == {"result": True}
